import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Check } from '../../src/inputs/inputs.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { FailedStep, Outcome } from '../../src/strategies/shared/outcome.js';
import { describeServing } from '../../src/report/serving.js';
import { switchTraffic } from '../../src/strategies/blue-green/switch-traffic.js';
import type { TrafficSwitch } from '../../src/strategies/blue-green/traffic-switch.js';
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
import { stepOn } from '../support/strategies/context.js';

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

interface Play {
  readonly cluster: MemoryCluster;
  readonly step: ReturnType<typeof stepOn>;
  readonly trafficSwitch: TrafficSwitch;
}

/** Users are on blue, green is staged and ready; about to move. */
async function scene(options: {
  readonly status?: number;
  readonly blueIsReady?: boolean;
  readonly signal?: AbortSignal;
  readonly change?: Partial<TrafficSwitch>;
}): Promise<Play> {
  const { status = 200, blueIsReady = true, signal, change = {} } = options;
  const cluster = memoryCluster({ proxy: () => answer(status, 'hello') });
  followService(cluster);
  await run(cluster, 'blue', { ready: blueIsReady });
  await run(cluster, 'green');
  const live = (await cluster.apply(publicService('blue'))).object;
  const ctx = stepOn(cluster, signal === undefined ? {} : { signal });
  await ctx.records.writeRevision(revision('blue'));
  await ctx.records.writeState(staged());
  const green = cluster.store.get(refOf(deployment('green')))!;
  const trafficSwitch: TrafficSwitch = {
    state: staged(),
    revision: revision('green'),
    role: 'green',
    from: 'blue',
    before: { ref: publicRef, object: live },
    publicService: publicService('green'),
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
    },
    checks: [check],
    outcome: 'switched',
    policy: {
      idlePolicy: { policy: 'keep' },
      drainMs: 30_000,
      rollbackOnFailure: true,
      historyLimit: 10,
    },
    ...change,
  };
  cluster.calls.length = 0;
  return { cluster, step: ctx, trafficSwitch };
}

const play = ({ step: ctx, trafficSwitch }: Play): Promise<Outcome> => switchTraffic(ctx, trafficSwitch);
const failure = async (work: Promise<unknown>): Promise<FailedStep> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as FailedStep,
  );
const scaled = (cluster: MemoryCluster, role: 'blue' | 'green'): unknown =>
  (cluster.store.get(refOf(deployment(role)))!['spec'] as { replicas: number }).replicas;

describe('moving users to the other role', () => {
  it('switches by one write, between two of the record, and ends with how to roll back', async () => {
    const scenery = await scene({});
    const { cluster, step: ctx } = scenery;
    const outcome = await play(scenery);
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
      'REPLACE ConfigMap shop/cutover-web',
      'APPLY Service shop/web',
      'REPLACE ConfigMap shop/cutover-web',
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

  it('has the way back on record before it switches', async () => {
    const scenery = await scene({});
    const seen: unknown[] = [];
    scenery.cluster.before = call => {
      if (!call.startsWith('APPLY Service')) return;
      const record = scenery.cluster.store.get({ ...publicRef, kind: 'ConfigMap', name: 'cutover-web' })!;
      seen.push(JSON.parse((record['data'] as { state: string }).state));
    };
    await play(scenery);
    expect(seen).toMatchObject([
      {
        operation: {
          kind: 'switch',
          revision: 2,
          role: 'green',
          previousService: { object: { spec: { selector: { role: 'blue' } } } },
        },
      },
    ]);
  });

  it('drains the old side before it is scaled down', async () => {
    const scenery = await scene({});
    const policy = { ...scenery.trafficSwitch.policy, idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
    const { serving } = await switchTraffic(scenery.step, { ...scenery.trafficSwitch, policy });
    expect(describeServing(serving)).toBe(
      'Users are on green, revision 2 (site:v2). blue was scaled down to 0; a rollback scales it up first.',
    );
    expect(scenery.step.clock.waited).toEqual([30_000]);
    expect([scaled(scenery.cluster, 'blue'), scaled(scenery.cluster, 'green')]).toEqual([0, 2]);
  });

  it.each([
    [
      'users are on again',
      'selects blue again',
      ({ store }: MemoryCluster) => {
        const live = store.get(publicRef)!;
        store.update({ ...live, spec: { ...(live['spec'] as object), selector: { app: 'web', role: 'blue' } } });
      },
    ],
    ['may be wanted, now that the Service is gone', 'is gone', ({ store }: MemoryCluster) => store.remove(publicRef)],
  ])('never scales down a side that %s', async (_what, fact, happen) => {
    const scenery = await scene({});
    const { cluster, step: ctx } = scenery;
    ctx.clock.wait = () => {
      happen(cluster);
      return Promise.resolve();
    };
    const policy = { ...scenery.trafficSwitch.policy, idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
    const { error, outcome } = await failure(switchTraffic(ctx, { ...scenery.trafficSwitch, policy }));
    expect(error).toMatchObject({
      code: 'changed',
      message: `Service shop/web ${fact}, so blue was not scaled down`,
    });
    expect(describeServing(outcome.serving)).toContain('The switch itself is complete and verified');
    expect(scaled(cluster, 'blue')).toBe(2);
    expect((await ctx.records.readState())?.operation).toMatchObject({ kind: 'finish', role: 'blue' });
  });

  it('applies the autoscalers of the new side only when it has the traffic', async () => {
    const autoscaler: KubeObject = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web-green', namespace: 'shop' },
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web-green' }, maxReplicas: 5 },
    };
    const scenery = await scene({ change: { revision: revision('green', { applyAfterSwitch: [autoscaler] }) } });
    await play(scenery);
    const order = scenery.cluster.writes().filter(call => call.startsWith('APPLY'));
    expect(order).toEqual(['APPLY Service shop/web', 'APPLY HorizontalPodAutoscaler shop/web-green']);
  });

  it('makes the public Service of a first release', async () => {
    const { current: _none, ...first } = staged();
    const scenery = await scene({ change: { state: first } });
    scenery.cluster.store.remove(publicRef);
    const { from: _nowhere, ...move } = scenery.trafficSwitch;
    const outcome = await switchTraffic(scenery.step, { ...move, before: { ref: publicRef } });
    expect(outcome).toMatchObject({ changes: [{ change: 'created' }] });
    expect(describeServing(outcome.serving)).toBe('Users are on green, revision 2 (site:v2).');
    expect(outcome).not.toHaveProperty('rollbackHint');
    expect(selectedRole(scenery.cluster)).toBe('green');
  });
});

describe('users are sent back', () => {
  it('when the new side fails its checks in production', async () => {
    const scenery = await scene({ status: 500 });
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'verify' });
    expect(outcome).toMatchObject({
      outcome: 'failed',
      activeRole: 'blue',
      idleRole: 'green',
      stagedRole: 'green',
    });
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(outcome.checks.map(({ verdict }) => verdict)).toEqual(['fail']);
    expect(selectedRole(scenery.cluster)).toBe('blue');
    expect(await scenery.step.records.readState()).toEqual({
      ...staged(),
      history: [expect.objectContaining({ revision: 2, outcome: 'failed' })],
    });
  });

  it('when the run is cancelled after the switch, which goes on past the cancel', async () => {
    const cancel = new AbortController();
    const scenery = await scene({ signal: cancel.signal });
    const { cluster } = scenery;
    const proxied = cluster.proxy.bind(cluster);
    cluster.proxy = request => {
      cancel.abort(new CutoverError('the run was cancelled', { code: 'cancelled' }));
      return proxied({ ...request }).then(() => answer(500));
    };
    const { outcome } = await failure(play(scenery));
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(selectedRole(cluster)).toBe('blue');
  });

  it('to nowhere when it was the first release', async () => {
    const { current: _none, ...first } = staged();
    const scenery = await scene({ status: 500, change: { state: first } });
    scenery.cluster.store.remove(publicRef);
    const { from: _nowhere, ...move } = scenery.trafficSwitch;
    const { outcome } = await failure(switchTraffic(scenery.step, { ...move, before: { ref: publicRef } }));
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web was removed again: nobody is served, as before this step.',
    );
    expect(scenery.cluster.store.get(publicRef)).toBeUndefined();
  });

  it('to where a killed run had found them, not to where it left them', async () => {
    const scenery = await scene({ status: 500 });
    const { cluster, step, trafficSwitch } = scenery;
    const undo = trafficSwitch.before;
    const live = (await cluster.apply(publicService('green'))).object;
    const state = staged({
      operation: { kind: 'switch', revision: 2, role: 'green', run: 'an earlier run', previousService: undo },
    });
    await failure(switchTraffic(step, { ...trafficSwitch, state, before: { ref: publicRef, object: live } }));
    expect(selectedRole(cluster)).toBe('blue');
  });
});

describe('a switch whose answer was lost', () => {
  it('is taken back when it was made all the same', async () => {
    const scenery = await scene({});
    const { cluster } = scenery;
    const apply = cluster.apply.bind(cluster);
    cluster.apply = async (object, options) => {
      await apply(object, options);
      cluster.apply = apply;
      throw new CutoverError('the connection broke', { code: 'unreachable' });
    };
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(describeServing(outcome.serving)).toBe('Users are back on blue, revision 1.');
    expect(selectedRole(cluster)).toBe('blue');
  });
});

describe('users stay where they are', () => {
  it('when the old side has no ready pod to go back to, and it is said loudly', async () => {
    const scenery = await scene({ status: 500, blueIsReady: false });
    const { outcome } = await failure(play(scenery));
    expect(outcome.activeRole).toBe('green');
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web points at green, revision 2: blue has no ready pod to switch back to. Nothing more was changed.',
    );
    expect(scenery.step.log.lines).toContain(
      'blue has no ready pod, so users were not sent back to it. Both roles may be unhealthy: look at them now.',
    );
    expect(selectedRole(scenery.cluster)).toBe('green');
    expect((await scenery.step.records.readState())?.operation).toMatchObject({ kind: 'switch' });
  });

  it('when nothing is to be put back', async () => {
    const scenery = await scene({ status: 500 });
    const policy = { ...scenery.trafficSwitch.policy, rollbackOnFailure: false };
    const { outcome } = await failure(switchTraffic(scenery.step, { ...scenery.trafficSwitch, policy }));
    expect(describeServing(outcome.serving)).toBe(
      'Service shop/web points at green, revision 2: rollback-on-failure is false.',
    );
    expect(selectedRole(scenery.cluster)).toBe('green');
  });

  it('when the Service was changed by somebody else before the switch: theirs is left alone', async () => {
    const scenery = await scene({});
    const { cluster } = scenery;
    const live = cluster.store.get(publicRef)!;
    cluster.store.update(
      { ...live, metadata: { ...live.metadata, labels: { touched: 'yes' } } },
      { manager: 'kubectl' },
    );
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'moved', object: 'Service shop/web' });
    expect(describeServing(outcome.serving)).toBe(
      'This step did not switch anything: users are where they were (blue).',
    );
    expect(cluster.store.get(publicRef)).toMatchObject({ metadata: { labels: { touched: 'yes' } } });
    expect(selectedRole(cluster)).toBe('blue');
    expect((await scenery.step.records.readState())?.operation).toBeUndefined();
  });

  it('when the run is cancelled before the switch', async () => {
    const cancel = new AbortController();
    cancel.abort(new CutoverError('the run was cancelled', { code: 'cancelled' }));
    const scenery = await scene({ signal: cancel.signal });
    const { error } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(scenery.cluster.writes()).not.toContain('APPLY Service shop/web');
    expect(selectedRole(scenery.cluster)).toBe('blue');
  });

  it('when the Service would also lead to pods of another version with the same labels', async () => {
    const scenery = await scene({});
    const { store } = scenery.cluster;
    const labels = { app: 'web', role: 'green', 'pod-template-hash': 'another' };
    const pod = store.create({
      ...store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'green-1' })!,
      metadata: { name: 'stranger', namespace: 'shop', labels },
    });
    store.update({ ...pod, status: { conditions: [{ type: 'Ready', status: 'True' }] } }, { part: 'status' });
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({
      code: 'changed',
      object: 'Service shop/web',
      message: 'Service shop/web would also lead to pods that are not of this revision: stranger',
    });
    expect(describeServing(outcome.serving)).toBe(
      'This step did not switch anything: users are where they were (blue).',
    );
    expect(selectedRole(scenery.cluster)).toBe('blue');
  });

  it('when the pods of the new side have gone since they were checked', async () => {
    const scenery = await scene({});
    const { store } = scenery.cluster;
    for (const name of podsOf('green')) {
      const pod = store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name })!;
      store.update({ ...pod, status: { conditions: [{ type: 'Ready', status: 'False' }] } }, { part: 'status' });
    }
    const { error } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'switch', message: 'Service shop/web would lead to no ready pod of green' });
    expect(selectedRole(scenery.cluster)).toBe('blue');
  });

  it('when nobody can tell whether the switch was made: the record keeps the way back', async () => {
    const scenery = await scene({});
    const { cluster, step } = scenery;
    cluster.before = call => {
      if (/^(APPLY|GET) Service/.test(call)) throw new CutoverError('no connection', { code: 'unreachable' });
    };
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect(describeServing(outcome.serving)).toBe(
      'It is not known whether the switch was made: no connection. Either role serves.',
    );
    expect((await step.records.readState())?.operation).toMatchObject({ kind: 'switch', role: 'green' });
  });

  it('when the way back cannot be recorded first', async () => {
    const scenery = await scene({});
    scenery.cluster.before = call => {
      if (call === 'REPLACE ConfigMap shop/cutover-web') throw new CutoverError('no right to', { code: 'forbidden' });
    };
    const { error, outcome } = await failure(play(scenery));
    expect(error).toMatchObject({ code: 'forbidden' });
    expect(describeServing(outcome.serving)).toBe('Users are on blue, as before; nothing was switched.');
    expect(selectedRole(scenery.cluster)).toBe('blue');
  });
});
