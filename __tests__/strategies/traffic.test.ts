import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Check } from '../../src/inputs/inputs.js';
import { withField } from '../../src/kubernetes/fields.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { FailedStep, Outcome } from '../../src/strategies/outcome/outcome.js';
import { describeServing } from '../../src/report/serving.js';
import { ChangeNotes } from '../../src/strategies/outcome/changes.js';
import { switchTraffic } from '../../src/strategies/blue-green/switch/switch-traffic.js';
import type { TrafficSwitch } from '../../src/strategies/blue-green/switch/traffic-switch.js';
import { answer } from '../support/cluster/proxy-cluster.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import {
  deployment,
  followService,
  hashOf,
  podsOf,
  publicRef,
  publicService,
  revision,
  run,
  selectedRole,
  staged,
} from '../support/strategies/shop.js';
import { operationOn } from '../support/strategies/context.js';
import { stateOf } from '../support/strategies/web-release.js';

const check: Check = {
  kind: 'http',
  target: '/',
  method: 'GET',
  expect: { status: ['2xx'] },
  pods: 'every',
  when: 'both',
  retryMs: 0,
  intervalMs: 1000,
};

const now = '2026-03-01T12:00:00Z';

interface PreparedSwitch {
  readonly cluster: MemoryCluster;
  readonly ctx: ReturnType<typeof operationOn>;
  readonly trafficSwitch: TrafficSwitch;
}

/** Users are on blue; green is staged and ready. */
async function prepare(options: {
  readonly status?: number;
  readonly blueIsReady?: boolean;
  readonly signal?: AbortSignal;
  readonly change?: Partial<TrafficSwitch>;
}): Promise<PreparedSwitch> {
  const { status = 200, blueIsReady = true, signal, change = {} } = options;
  const cluster = memoryCluster({ proxy: () => answer(status, 'hello') });
  followService(cluster);
  await run(cluster, 'blue', { ready: blueIsReady });
  await run(cluster, 'green');
  const live = (await cluster.apply(publicService('blue'))).object;
  const ctx = operationOn(cluster, signal === undefined ? {} : { signal });
  await ctx.records.writeRevision(revision('blue'), staged());
  await ctx.records.writeState(staged());
  const { base } = (await ctx.records.readState())!;
  const green = cluster.store.get(refOf(deployment('green')))!;
  const trafficSwitch: TrafficSwitch = {
    revision: revision('green'),
    to: 'green',
    from: 'blue',
    liveBefore: [{ ref: publicRef, object: live }],
    publicServices: [publicService('green')],
    verified: {
      workloads: [green],
      ready: [
        {
          ref: refOf(green),
          uid: green.metadata.uid!,
          generation: 1,
          templateHash: hashOf('green'),
          pods: podsOf('green').map(name => ({
            name,
            uid: cluster.store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name })!.metadata.uid!,
          })),
        },
      ],
      stagedChecks: [],
      readyUntilMs: 60_000,
    },
    checks: [check],
    direction: 'promote',
    policy: {
      idlePolicy: { policy: 'keep' },
      drainMs: 30_000,
      closeConnections: 'off',
      timeoutMs: 60_000,
      stableForMs: 0,
      rollbackOnFailure: true,
      historyLimit: 10,
    },
    notes: new ChangeNotes(),
    ...change,
    state: { ...(change.state ?? staged()), base },
  };
  cluster.calls.length = 0;
  return { cluster, ctx, trafficSwitch };
}

const switchIn = ({ ctx, trafficSwitch }: PreparedSwitch): Promise<Outcome> => switchTraffic(ctx, trafficSwitch);
const failure = async (work: Promise<unknown>): Promise<FailedStep> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as FailedStep,
  );
const scaled = (cluster: MemoryCluster, role: 'blue' | 'green'): unknown =>
  (cluster.store.get(refOf(deployment(role)))!['spec'] as { replicas: number }).replicas;

describe('switching users to the other role', () => {
  it('is one write between two writes of the record, and ends with how to roll back', async () => {
    const prepared = await prepare({});
    const { cluster, ctx } = prepared;
    const outcome = await switchIn(prepared);
    expect(outcome).toMatchObject({
      outcome: 'switched',
      revision: 2,
      previousRevision: 1,
      activeRole: 'green',
      idleRole: 'blue',
      changes: [{ ref: publicRef, change: 'changed' }],
      rollbackHint: { action: 'rollback', release: 'web', namespace: 'shop' },
    });
    expect(describeServing(outcome.serving)).toBe(
      'Users are on green, revision 2 (site:v2). blue is kept for a rollback.',
    );
    expect(outcome.checks.map(({ verdict }) => verdict)).toEqual(['pass']);
    expect(selectedRole(cluster)).toBe('green');
    expect(cluster.writes().slice(0, 3)).toEqual([
      'REPLACE Secret shop/cutover-web',
      'APPLY Service shop/web',
      'REPLACE Secret shop/cutover-web',
    ]);
    expect(ctx.phases.filter((stage, index) => stage !== ctx.phases[index - 1])).toEqual([
      'Switch',
      'Verify public',
      'Clean up',
    ]);
    const { staged: _switched, ...rest } = staged();
    expect(await ctx.records.readState()).toEqual({
      ...rest,
      current: 2,
      history: [expect.objectContaining({ revision: 2, outcome: 'switched', role: 'green' })],
    });
  });

  it.each([
    [
      'the status',
      ({ store }: MemoryCluster, live: KubeObject) => {
        const ready = { type: 'Ready', status: 'True', reason: 'x', message: '', lastTransitionTime: now };
        store.update({ ...live, status: { conditions: [ready] } }, { part: 'status' });
      },
    ],
    [
      'an annotation',
      ({ store }: MemoryCluster, live: KubeObject) => {
        const annotations = { ...live.metadata.annotations, 'cloud.google.com/neg-status': '{"zones":["a"]}' };
        store.update({ ...live, metadata: { ...live.metadata, annotations } }, { manager: 'glbc' });
      },
    ],
  ])('is made although a controller has written %s of the Service since, and leaves that', async (_what, write) => {
    const prepared = await prepare({});
    const { cluster } = prepared;
    write(cluster, cluster.store.get(publicRef)!);
    const written = cluster.store.get(publicRef)!;
    await expect(switchIn(prepared)).resolves.toMatchObject({ outcome: 'switched' });
    const { metadata, status } = cluster.store.get(publicRef)!;
    expect([metadata.annotations, status]).toEqual([written.metadata.annotations, written['status']]);
  });

  it('has what to restore on record before it switches', async () => {
    const prepared = await prepare({});
    const seen: unknown[] = [];
    prepared.cluster.before = call => {
      if (!call.startsWith('APPLY Service')) return;
      seen.push(stateOf(prepared.cluster));
    };
    await switchIn(prepared);
    expect(seen).toMatchObject([
      {
        operation: {
          kind: 'switch',
          revision: 2,
          role: 'green',
          services: [{ before: { object: { spec: { selector: { role: 'blue' } } } }, sent: true }],
        },
      },
    ]);
  });

  it('drains the old role before it is scaled down', async () => {
    const prepared = await prepare({});
    const policy = { ...prepared.trafficSwitch.policy, idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
    const { serving } = await switchTraffic(prepared.ctx, { ...prepared.trafficSwitch, policy });
    expect(describeServing(serving)).toBe(
      'Users are on green, revision 2 (site:v2). blue was scaled down to 0; a rollback scales it up first.',
    );
    expect(prepared.ctx.clock.waited).toEqual([30_000]);
    expect([scaled(prepared.cluster, 'blue'), scaled(prepared.cluster, 'green')]).toEqual([0, 2]);
  });

  it.each([
    [
      'users are on again',
      'selects blue again',
      'Users are on blue',
      ({ store }: MemoryCluster) => {
        const live = store.get(publicRef)!;
        store.update({ ...live, spec: { ...(live['spec'] as object), selector: { app: 'web', role: 'blue' } } });
      },
    ],
    [
      'may be wanted, now that the Service is gone',
      'is gone',
      'Nobody is served',
      ({ store }: MemoryCluster) => store.remove(publicRef),
    ],
  ])('never scales down a role that %s, and says where users are', async (...[, fact, users, happen]) => {
    const prepared = await prepare({});
    const { cluster, ctx } = prepared;
    const { clock } = ctx;
    const wait = clock.wait.bind(clock);
    clock.wait = (ms, signal) => {
      happen(cluster);
      return wait(ms, signal);
    };
    const policy = { ...prepared.trafficSwitch.policy, idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
    const { error, outcome } = await failure(switchTraffic(ctx, { ...prepared.trafficSwitch, policy }));
    expect(error).toMatchObject({
      code: 'changed',
      message: `Service shop/web ${fact}, so nothing more was taken from blue`,
    });
    expect(describeServing(outcome.serving)).toContain(users);
    expect(describeServing(outcome.serving)).toContain(
      'The switch to green, revision 2 was complete and verified before.',
    );
    expect(scaled(cluster, 'blue')).toBe(2);
    expect((await ctx.records.readState())?.operation).toMatchObject({ kind: 'finish', leftRole: 'blue' });
  });

  it('applies the autoscalers of the new role only when it has the traffic', async () => {
    const autoscaler: KubeObject = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web-green', namespace: 'shop' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web-green' }, maxReplicas: 5 },
    };
    const prepared = await prepare({ change: { revision: revision('green', { applyAfterSwitch: [autoscaler] }) } });
    await switchIn(prepared);
    const order = prepared.cluster.writes().filter(call => call.startsWith('APPLY'));
    expect(order).toEqual(['APPLY Service shop/web', 'APPLY HorizontalPodAutoscaler shop/web-green']);
  });

  it('creates the public Service of a first release', async () => {
    const { current: _none, ...first } = staged();
    const prepared = await prepare({ change: { state: first } });
    prepared.cluster.store.remove(publicRef);
    const { from: _nowhere, ...move } = prepared.trafficSwitch;
    const outcome = await switchTraffic(prepared.ctx, { ...move, liveBefore: [{ ref: publicRef }] });
    expect(outcome).toMatchObject({ changes: [{ change: 'created' }] });
    expect(describeServing(outcome.serving)).toBe('Users are on green, revision 2 (site:v2).');
    expect(outcome).not.toHaveProperty('rollbackHint');
    expect(selectedRole(prepared.cluster)).toBe('green');
  });
});

describe('users are sent back', () => {
  it('when the new role fails its public checks', async () => {
    const prepared = await prepare({ status: 500 });
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'verify' });
    expect(outcome).toMatchObject({
      outcome: 'failed',
      activeRole: 'blue',
      idleRole: 'green',
      stagedRole: 'green',
    });
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(outcome.checks.map(({ verdict }) => verdict)).toEqual(['fail']);
    expect(selectedRole(prepared.cluster)).toBe('blue');
    expect(await prepared.ctx.records.readState()).toEqual({
      ...staged(),
      history: [expect.objectContaining({ revision: 2, outcome: 'failed' })],
    });
  });

  it('on condition that nobody has written the Service since it was read', async () => {
    const prepared = await prepare({ status: 500 });
    const { cluster } = prepared;
    let writes = 0;
    cluster.before = call => {
      if (call === 'APPLY Service shop/web') writes += 1;
      else return;
      // The second one sends users back.
      if (writes === 2)
        cluster.store.update(withField(cluster.store.get(publicRef)!, ['metadata', 'labels'], { a: 'b' }));
    };
    await failure(switchIn(prepared));
    expect([writes, selectedRole(cluster)]).toEqual([3, 'blue']);
  });

  it('when the run is cancelled after the switch, which goes on past the cancel', async () => {
    const cancel = new AbortController();
    const prepared = await prepare({ signal: cancel.signal });
    const { cluster } = prepared;
    const proxied = cluster.proxy.bind(cluster);
    cluster.proxy = request => {
      cancel.abort(new CutoverError('the run was cancelled', { code: 'cancelled' }));
      return proxied({ ...request }).then(() => answer(500));
    };
    const { outcome } = await failure(switchIn(prepared));
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(selectedRole(cluster)).toBe('blue');
  });

  it('to no role when it was the first release: the Service is removed', async () => {
    const { current: _none, ...first } = staged();
    const prepared = await prepare({ status: 500, change: { state: first } });
    prepared.cluster.store.remove(publicRef);
    const { from: _nowhere, ...move } = prepared.trafficSwitch;
    const { outcome } = await failure(switchTraffic(prepared.ctx, { ...move, liveBefore: [{ ref: publicRef }] }));
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web was removed again: nobody is served, as before this step.',
    );
    expect(prepared.cluster.store.get(publicRef)).toBeUndefined();
  });

  it('to the role on which a killed run had found them, not to the one on which it left them', async () => {
    const prepared = await prepare({ status: 500 });
    const { cluster, ctx, trafficSwitch } = prepared;
    const services = trafficSwitch.liveBefore.map(before => ({ before, sent: true as const }));
    const live = (await cluster.apply(publicService('green'))).object;
    const state = staged({
      operation: {
        ...{ kind: 'switch', direction: 'promote', revision: 2, role: 'green', services },
        ...{ run: 'an earlier run', holder: 'its process' },
      },
      base: trafficSwitch.state.base,
    });
    await failure(switchTraffic(ctx, { ...trafficSwitch, state, liveBefore: [{ ref: publicRef, object: live }] }));
    expect(selectedRole(cluster)).toBe('blue');
  });
});

describe('a switch whose answer was lost', () => {
  it('is undone when it was made all the same', async () => {
    const prepared = await prepare({});
    const { cluster } = prepared;
    const apply = cluster.apply.bind(cluster);
    cluster.apply = async (object, options) => {
      await apply(object, options);
      cluster.apply = apply;
      throw new CutoverError('the connection broke', { code: 'unreachable' });
    };
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(selectedRole(cluster)).toBe('blue');
  });
});

describe('users stay where they are', () => {
  it('when the old role has no ready pod, which is logged as an error', async () => {
    const prepared = await prepare({ status: 500, blueIsReady: false });
    const { outcome } = await failure(switchIn(prepared));
    expect(outcome.activeRole).toBe('green');
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web selects green, revision 2: blue has no ready pod to switch back to. Nothing more was changed.',
    );
    expect(prepared.ctx.log.lines).toContain(
      'blue has no ready pod, so users were not sent back to it. Both roles may be unhealthy: look at them now.',
    );
    expect(selectedRole(prepared.cluster)).toBe('green');
    expect((await prepared.ctx.records.readState())?.operation).toMatchObject({ kind: 'switch' });
  });

  it('when rollback-on-failure is false', async () => {
    const prepared = await prepare({ status: 500 });
    const policy = { ...prepared.trafficSwitch.policy, rollbackOnFailure: false };
    const { outcome } = await failure(switchTraffic(prepared.ctx, { ...prepared.trafficSwitch, policy }));
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web selects green, revision 2: rollback-on-failure is false.',
    );
    expect(selectedRole(prepared.cluster)).toBe('green');
  });

  it('when somebody else changed the Service before the switch: that change stays', async () => {
    const prepared = await prepare({});
    const { cluster } = prepared;
    const live = cluster.store.get(publicRef)!;
    const spec = { ...(live['spec'] as object), sessionAffinity: 'ClientIP' };
    cluster.store.update({ ...live, spec }, { manager: 'kubectl' });
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'moved', object: 'Service shop/web' });
    expect(describeServing(outcome.serving)).toBe(
      'This step did not switch anything: users are where they were (blue).',
    );
    expect(cluster.store.get(publicRef)).toMatchObject({ spec: { sessionAffinity: 'ClientIP' } });
    expect(selectedRole(cluster)).toBe('blue');
    expect((await prepared.ctx.records.readState())?.operation).toBeUndefined();
  });

  it('when the run is cancelled before the switch', async () => {
    const cancel = new AbortController();
    cancel.abort(new CutoverError('the run was cancelled', { code: 'cancelled' }));
    const prepared = await prepare({ signal: cancel.signal });
    const { error } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(prepared.cluster.writes()).not.toContain('APPLY Service shop/web');
    expect(selectedRole(prepared.cluster)).toBe('blue');
  });

  it('when the Service would also select pods of another version with the same labels', async () => {
    const prepared = await prepare({});
    const { store } = prepared.cluster;
    const labels = { app: 'web', role: 'green', 'pod-template-hash': 'another' };
    const pod = store.create({
      ...store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'green-1' })!,
      metadata: { name: 'stranger', namespace: 'shop', labels },
    });
    store.update({ ...pod, status: { conditions: [{ type: 'Ready', status: 'True' }] } }, { part: 'status' });
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({
      code: 'changed',
      object: 'Service shop/web',
      message: 'Service shop/web would also select pods that are not of this revision: stranger',
    });
    expect(describeServing(outcome.serving)).toBe(
      'This step did not switch anything: users are where they were (blue).',
    );
    expect(selectedRole(prepared.cluster)).toBe('blue');
  });

  it('when the pods of the new role are no longer ready', async () => {
    const prepared = await prepare({});
    const { store } = prepared.cluster;
    for (const name of podsOf('green')) {
      const pod = store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name })!;
      store.update({ ...pod, status: { conditions: [{ type: 'Ready', status: 'False' }] } }, { part: 'status' });
    }
    const { error } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'timeout', object: 'Deployment shop/web-green' });
    expect(selectedRole(prepared.cluster)).toBe('blue');
  });

  it('when one of the pods is no longer ready and the timeout is over', async () => {
    const prepared = await prepare({});
    const { store } = prepared.cluster;
    const pod = store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'green-2' })!;
    store.update({ ...pod, status: { conditions: [{ type: 'Ready', status: 'False' }] } }, { part: 'status' });
    await prepared.ctx.clock.wait(60_000, prepared.ctx.signal);
    const { error } = await failure(switchIn(prepared));
    expect(error).toMatchObject({
      code: 'timeout',
      object: 'Service shop/web',
      message:
        'Service shop/web was not switched to green: not all wanted pods are ready: Deployment shop/web-green: 1 of 2 ready; pod green-2: pending, not ready',
    });
    expect(selectedRole(prepared.cluster)).toBe('blue');
  });

  it('when it is not known whether the switch was made: the record keeps what to restore', async () => {
    const prepared = await prepare({});
    const { cluster, ctx } = prepared;
    let isSent = false;
    cluster.before = call => {
      isSent ||= call === 'APPLY Service shop/web';
      if (isSent && / Service /.test(call)) throw new CutoverError('no connection', { code: 'unreachable' });
    };
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(describeServing(outcome.serving)).toBe(
      'It is not known whether the switch was made: no connection. Users reach one of the two roles.',
    );
    expect((await ctx.records.readState())?.operation).toMatchObject({ kind: 'switch', role: 'green' });
  });

  it('when the switch cannot be recorded first', async () => {
    const prepared = await prepare({});
    prepared.cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web') throw new CutoverError('no right to', { code: 'forbidden' });
    };
    const { error, outcome } = await failure(switchIn(prepared));
    expect(error).toMatchObject({ code: 'forbidden' });
    expect(describeServing(outcome.serving)).toBe('Users are on blue, as before; nothing was switched.');
    expect(selectedRole(prepared.cluster)).toBe('blue');
  });
});
