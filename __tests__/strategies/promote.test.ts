import { afterEach, describe, expect, it } from '@jest/globals';
import { withField } from '../../src/kubernetes/fields.js';
import type { ObjectRef } from '../../src/kubernetes/object.js';
import type { RecordedApproval } from '../../src/release/revision.js';
import { runOf } from '../support/strategies/context.js';
import { isReady } from '../../src/kubernetes/pods/pod.js';
import { breakPods, idle } from '../support/cluster/run-controllers.js';
import {
  application,
  blueGreenStateOf,
  check,
  closeReleases,
  configRef,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  refuseWrites,
  replicasIn,
  revisionOf,
  roleManifests,
  served,
  serviceRef,
  setReplicas,
  slowEndpoints,
  staged,
  traceWrites,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const readyPods = ({ cluster: { store } }: WebRelease, role: string): number =>
  store.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }, { labels: { app: 'web', role } }).filter(isReady)
    .length;

const versions = ({ cluster }: WebRelease): readonly string[] => {
  const images = served(cluster);
  expect(images).toHaveLength(2);
  return [...new Set(images)];
};
const scaleDown = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
const begun = { run: runOf(4).url, holder: 'holder of run 4' };
const approval: RecordedApproval = {
  ...{ environment: 'production', subject: 'revision-input', job: 'id-token', attempt: 1, by: ['bob'], comment: '' },
};

/** Somebody changes a field that Cutover applied: data, or the image of the only container. */
function change({ cluster: { store } }: WebRelease, ref: ObjectRef, to: { data?: object; image?: string }): void {
  const live = store.get(ref)!;
  const image = ['spec', 'template', 'spec', 'containers'];
  const container = { name: 'web', image: to.image, ports: [{ containerPort: 8080 }] };
  const changed = to.image === undefined ? { ...live, data: to.data } : withField(live, image, [container]);
  store.update(changed, { manager: 'kubectl-edit' });
}

/** Every write of a promotion, what the record calls unfinished when it is asked for, and the version that users have then. */
const promoteWrites = [
  ['CREATE Lease shop/cutover-web', '-', 'site:v1'],
  ['REPLACE Secret shop/cutover-web', '-', 'site:v1'],
  // After the record: otherwise nothing would say where users came from when the run is killed here.
  ['APPLY Service shop/web', 'switch', 'site:v1'],
  ['REPLACE Secret shop/cutover-web', 'switch', 'site:v2'],
  // After the switch is on record as complete: a failure from here on must not send users back to a role that is being taken down.
  ['APPLY HorizontalPodAutoscaler shop/web-green', 'finish', 'site:v2'],
  // Before its Deployment: it would scale that up again.
  ['REMOVE HorizontalPodAutoscaler shop/web-blue', 'finish', 'site:v2'],
  ['APPLY Deployment shop/web-blue', 'finish', 'site:v2'],
  ['REPLACE Secret shop/cutover-web', 'finish', 'site:v2'],
  ['REMOVE Lease shop/cutover-web', '-', 'site:v2'],
] as const;
type Row = readonly [n: number, write: string, unfinished: string, version: string];
const rows = promoteWrites.map((row, index): Row => [index + 1, ...row]);

describe('a promotion', () => {
  it('moves users by one write between two of the record, and scales the old role down last', async () => {
    const release = await staged();
    const { cluster } = release;
    const pods: string[] = [];
    const trace = traceWrites(cluster);
    const { before } = cluster;
    cluster.before = call => {
      if (/^(APPLY|CREATE|REPLACE|REMOVE)/.test(call)) pods.push(versions(release).join());
      before(call);
    };
    await expect(release.promote(scaleDown)).resolves.toMatchObject({
      outcome: 'switched',
      activeRole: 'green',
      idleRole: 'blue',
    });
    expect(trace.map((write, index) => [...write, pods[index]])).toEqual(promoteWrites);
    expect(blueGreenStateOf(cluster)).toMatchObject({
      current: 2,
      roles: { blue: { revision: 1 }, green: { revision: 2 } },
    });
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
  });

  it.each(rows)(
    'when it is killed at write %i (%s): unfinished on record: %s; users have ready pods of %s',
    async (n, ...row) => {
      const [, operation, version] = row;
      const release = await staged();
      const { cluster } = release;
      const [before, service] = [blueGreenStateOf(cluster), cluster.store.get(serviceRef('web'))!];
      killAtWrite(cluster, n);
      const end = await endOf(release.promote(scaleDown));
      // A last record or a lock that cannot be written is only warned of.
      expect(end instanceof Error).toBe(n < 8);
      expect([unfinished(cluster), versions(release)]).toEqual([operation, [version]]);
      expect(blueGreenStateOf(cluster)?.current).toBe(n <= 4 ? 1 : 2);
      if (operation === 'switch')
        expect(blueGreenStateOf(cluster)?.operation).toEqual({
          ...{ kind: 'switch', direction: 'promote', revision: 2, role: 'green' },
          ...begun,
          services: [{ before: { ref: serviceRef('web'), object: service }, sent: true }],
        });
      if (operation === 'finish')
        expect(blueGreenStateOf(cluster)?.operation).toEqual({
          ...{ kind: 'finish', direction: 'promote', revision: 2, leftRole: 'blue' },
          ...begun,
        });
      if (n === 1) return;

      await release.post();
      // A switch that was not complete is undone, and revision 2 is still staged; one that was complete stays.
      expect([blueGreenStateOf(cluster)?.current, versions(release)]).toEqual(
        n <= 4 ? [1, ['site:v1']] : [2, ['site:v2']],
      );
      expect(unfinished(cluster)).toBe(operation === 'finish' ? 'finish' : '-');
      if (n <= 4) expect(blueGreenStateOf(cluster)).toMatchObject({ staged: before!.staged!, roles: before!.roles });

      await expect(release.promote(scaleDown)).resolves.toMatchObject({ outcome: n === 9 ? 'unchanged' : 'switched' });
      expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v2']]);
    },
  );

  it.each(rows.slice(1, 7))(
    'is completed by the next promotion when it was killed at write %i (%s) and no post step ran',
    async n => {
      const release = await staged();
      const { cluster } = release;
      killAtWrite(cluster, n);
      await failureOf(release.promote(scaleDown));
      cluster.before = () => undefined;
      cluster.store.remove(leaseRef);
      await expect(release.promote(scaleDown)).resolves.toMatchObject({ outcome: 'switched', revision: 2 });
      expect([unfinished(cluster), versions(release), blueGreenStateOf(cluster)?.current]).toEqual([
        '-',
        ['site:v2'],
        2,
      ]);
    },
  );

  it('moves users back to where a killed run had found them, not to where it left them, when its checks fail', async () => {
    const release = await staged();
    const { cluster } = release;
    killAtWrite(cluster, 4);
    await failureOf(release.promote());
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    expect(versions(release)).toEqual(['site:v2']);
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    await expect(failureOf(release.promote())).resolves.toMatchObject({ error: { code: 'verify' } });
    expect([versions(release), unfinished(cluster), blueGreenStateOf(cluster)?.current]).toEqual([['site:v1'], '-', 1]);
  });

  it('moves users back when the role to which a killed run had moved them fails before it is switched again', async () => {
    const release = await staged();
    const { cluster } = release;
    killAtWrite(cluster, 4);
    await failureOf(release.promote());
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    release.answer = () => 500;
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { activeRole: 'blue', serving: { kind: 'switched-back', to: { role: 'blue', revision: 1 } } },
    });
    expect([versions(release), unfinished(cluster), blueGreenStateOf(cluster)?.current]).toEqual([['site:v1'], '-', 1]);
  });

  it.each(rows.slice(2, 4))(
    'leaves users where they were, and green staged, when write %i (%s) is refused',
    async n => {
      const release = await staged();
      const { cluster } = release;
      const [before, record] = [application(cluster), blueGreenStateOf(cluster)];
      refuseWrites(cluster, n);
      await expect(failureOf(release.promote(scaleDown))).resolves.toMatchObject({ error: { code: 'forbidden' } });
      expect([application(cluster), versions(release)]).toEqual([before, ['site:v1']]);
      const { history: _times, ...rest } = blueGreenStateOf(cluster)!;
      expect(record).toMatchObject(rest);
      expect(blueGreenStateOf(cluster)?.history[0]).toMatchObject({ revision: 2, outcome: 'failed' });
    },
  );

  it('stays on record as a switch when its checks fail and users cannot be moved back', async () => {
    const release = await staged();
    const { cluster } = release;
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    // The Service is written a second time to send users back.
    refuseWrites(cluster, 4);
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { activeRole: 'green' },
    });
    expect(cluster.writes()[3]).toBe('APPLY Service shop/web');
    expect([unfinished(cluster), versions(release), blueGreenStateOf(cluster)?.current]).toEqual([
      'switch',
      ['site:v2'],
      1,
    ]);
    await release.post();
    expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v1']]);
  });

  it('writes nothing until the endpoints have followed: proxies would still send users to the old role', async () => {
    const release = await staged();
    const written = slowEndpoints(release.cluster);
    await expect(release.promote(scaleDown)).resolves.toMatchObject({ outcome: 'switched' });
    expect(written).toEqual([0]);
  });

  it('records its approval before it switches', async () => {
    const release = await staged();
    const trace = traceWrites(release.cluster);
    const approve = (): Promise<RecordedApproval> => Promise.resolve(approval);
    await expect(release.promote({ revision: 2, approve })).resolves.toMatchObject({ approval });
    expect(trace.slice(1, 4)).toEqual([
      ['APPLY Secret shop/cutover-web.2', '-'],
      ['REPLACE Secret shop/cutover-web', '-'],
      ['APPLY Service shop/web', 'switch'],
    ]);
    expect(revisionOf(release.cluster, 2)).toMatchObject({ approval });
  });

  it('asks for an approval of the revision that the input names', async () => {
    const release = await staged();
    const asked: string[] = [];
    const approve = (subject: string): Promise<RecordedApproval> => {
      asked.push(subject);
      return Promise.resolve(approval);
    };
    await expect(release.promote({ revision: 2, approve })).resolves.toMatchObject({ outcome: 'switched' });
    expect(asked).toEqual(['revision-input']);
  });

  it('asks nobody to approve what another run staged, unless the input names it', async () => {
    const release = await staged();
    const approve = (): Promise<never> => Promise.reject(new Error('was asked'));
    const failure = await failureOf(release.promote({ approve }));
    expect(failure).toMatchObject({
      code: 'approval',
      message: expect.stringContaining('this run did not stage it'),
      hint: expect.stringContaining('`revision: 2`'),
    });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('leaves users on the role when somebody else has led them there during its checks', async () => {
    const release = await staged();
    const { store } = release.cluster;
    release.answer = () => {
      const live = store.get(serviceRef('web'))!;
      const spec = { ...(live['spec'] as object), selector: { app: 'web', role: 'green' } };
      store.update({ ...live, spec }, { manager: 'kubectl-patch' });
      return 200;
    };
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'moved' },
      outcome: { activeRole: 'green', idleRole: 'blue', serving: { kind: 'users-now', users: { role: 'green' } } },
    });
    await idle();
    expect([versions(release), unfinished(release.cluster)]).toEqual([['site:v2'], '-']);
  });

  it('leaves a public Service that is being deleted as it is', async () => {
    const release = await staged();
    const { store } = release.cluster;
    const live = store.get(serviceRef('web'))!;
    const finalizers = ['service.kubernetes.io/load-balancer-cleanup'];
    store.update({ ...live, metadata: { ...live.metadata, finalizers } }, { manager: 'cloud' });
    store.remove(serviceRef('web'));
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'changed', message: 'Service shop/web is being deleted, so users are not switched by it' },
      outcome: { activeRole: 'blue' },
    });
    expect([versions(release), unfinished(release.cluster)]).toEqual([['site:v1'], '-']);
  });

  it('waits for its timeout for pods that are not ready, and leaves users where they are', async () => {
    const release = await staged();
    breakPods(release.cluster, { app: 'web', role: 'green' });
    const failure = await failureOf(release.promote());
    expect(failure).toMatchObject({ error: { code: 'timeout' }, outcome: { activeRole: 'blue', stagedRole: 'green' } });
    expect(release.ctx().clock.waited.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    expect(release.cluster.writes().filter(write => !write.includes('Lease'))).toEqual([]);
    expect(versions(release)).toEqual(['site:v1']);
  });

  it('scales green up to what serves before it sends users there, when somebody has scaled it to zero', async () => {
    const release = await staged();
    const { store } = release.cluster;
    const green = store.get(deploymentRef('web-green'))!;
    store.update({ ...green, spec: { ...(green['spec'] as object), replicas: 0 } });
    const trace = traceWrites(release.cluster);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(replicasIn(release.cluster, 'web-green')).toBe(2);
    const scaled = trace.findIndex(([write]) => write === 'APPLY Deployment shop/web-green');
    const switched = trace.findIndex(([write]) => write === 'APPLY Service shop/web');
    expect([trace[scaled]?.[1], scaled < switched]).toEqual(['prepare', true]);
    expect(versions(release)).toEqual(['site:v2']);
  });

  it('has as many pods as serve when the load grows during its checks', async () => {
    const release = await staged();
    release.answer = () => {
      setReplicas(release.cluster, 'web-blue', 4);
      return 200;
    };
    const readyAtSwitch: number[] = [];
    release.cluster.before = call => {
      if (call === 'APPLY Service shop/web') readyAtSwitch.push(readyPods(release, 'green'));
    };
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect([readyAtSwitch, served(release.cluster)]).toEqual([[4], Array<string>(4).fill('site:v2')]);
  });

  it('scales up after checks that take longer than its timeout, too', async () => {
    const release = await staged();
    let requests = 0;
    release.answer = () => {
      setReplicas(release.cluster, 'web-blue', 4);
      requests += 1;
      return requests === 1 ? 500 : 200;
    };
    const verify = [{ ...check, retryMs: 120_000, intervalMs: 90_000 }];
    await expect(release.promote({ verify })).resolves.toMatchObject({ outcome: 'switched' });
    expect(served(release.cluster)).toEqual(Array<string>(4).fill('site:v2'));
  });

  it('leaves users where they are while something scales its Deployment down each time', async () => {
    const release = await staged();
    const { cluster } = release;
    release.answer = () => {
      setReplicas(cluster, 'web-blue', 4);
      cluster.before = call => {
        if (call === 'GET Service shop/web') setReplicas(cluster, 'web-green', 2);
      };
      return 200;
    };
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: {
        message: expect.stringContaining('Deployment shop/web-green: 2 of the 4 replicas that serve now'),
        hint: expect.stringContaining('another client scales it down'),
      },
      outcome: { activeRole: 'blue' },
    });
    expect(served(cluster)).toEqual(Array<string>(4).fill('site:v1'));
  });

  it('leaves users where they are when the pods for the load that has grown do not start', async () => {
    const release = await staged();
    release.answer = () => {
      setReplicas(release.cluster, 'web-blue', 4);
      breakPods(release.cluster, { app: 'web', role: 'green' });
      return 200;
    };
    await expect(failureOf(release.promote())).resolves.toMatchObject({ outcome: { activeRole: 'blue' } });
    expect(served(release.cluster)).toEqual(Array<string>(4).fill('site:v1'));
  });

  it('has as many pods as serve when its Deployment was renamed', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(roleManifests('v2').replaceAll('web-$<TARGET_ROLE>', 'frontend-$<TARGET_ROLE>'));
    setReplicas(release.cluster, 'web-blue', 4);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(served(release.cluster)).toEqual(Array<string>(4).fill('site:v2'));
  });

  it('waits for the new pods when others have added to the pod template, verifies those, and names who it was', async () => {
    const release = await staged();
    const { cluster } = release;
    const green = cluster.store.get(deploymentRef('web-green'))!;
    const path = ['spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt'];
    cluster.store.update(withField(green, path, '2026-03-01T12:00:00Z'), { manager: 'kubectl-rollout' });
    const asked = new Set<string>();
    release.answer = ({ kind, name }) => {
      if (kind === 'Pod') asked.add(name);
      return 200;
    };
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(release.ctx().log.lines).toContain(
      'Deployment shop/web-green: kubectl-rollout added to its pod template since it was staged; its new pods are verified now',
    );
    const pods = cluster.store.list({ apiVersion: 'v1', kind: 'Pod' }, { labels: { app: 'web', role: 'green' } });
    expect([...asked].sort()).toEqual(pods.map(({ metadata }) => metadata.name).sort());
    expect(versions(release)).toEqual(['site:v2']);
  });

  it.each([
    ['a ConfigMap', (release: WebRelease) => change(release, configRef('web-green'), { data: { version: 'v9' } })],
    [
      'a ConfigMap that was deleted and created again',
      ({ cluster: { store } }: WebRelease) => {
        const { metadata, ...rest } = store.get(configRef('web-green'))!;
        const { name, annotations = {} } = metadata;
        store.remove(configRef('web-green'));
        store.create({ ...rest, metadata: { name, namespace: 'shop', annotations } });
      },
    ],
    ['its Deployment', (release: WebRelease) => change(release, deploymentRef('web-green'), { image: 'site:v9' })],
  ])('is refused when somebody changed %s of the staged role, and users stay', async (_what, changes) => {
    const release = await staged();
    changes(release);
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: {
        code: 'changed',
        message: expect.stringMatching(/What is staged on green is not what was verified/) as unknown,
      },
    });
    expect(versions(release)).toEqual(['site:v1']);
  });

  it('of a revision that an interrupted staging has begun to overwrite is refused: users would get parts of both', async () => {
    const release = await staged();
    const { cluster } = release;
    killAtWrite(cluster, 5);
    await failureOf(release.stage(roleManifests('v3')));
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    expect(blueGreenStateOf(cluster)).toMatchObject({
      staged: { revision: 2 },
      operation: { kind: 'stage', revision: 3 },
    });
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      code: 'changed',
      message: 'The staging of revision 3 on green of release web was never finished; nothing was changed',
    });
    // The lock is taken to read the record again, since the other run could still be at work.
    expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web', 'REMOVE Lease shop/cutover-web']);
    expect([versions(release), unfinished(cluster)]).toEqual([['site:v1'], 'stage']);
    await release.stage(roleManifests('v3'));
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(versions(release)).toEqual(['site:v3']);
  });

  it.each<[string, (other: WebRelease) => Promise<unknown>, object]>([
    [
      'another revision was staged',
      (other: WebRelease) => other.stage(roleManifests('v3')),
      { code: 'nothing-staged' },
    ],
    ['it was rejected', (other: WebRelease) => other.reject(), { code: 'nothing-staged' }],
  ])('reads again under the lock: %s while the approval was awaited', async (_what, ...[happen, refused]) => {
    const release = await staged();
    const { cluster } = release;
    const approve = async () => {
      await happen(release);
      cluster.calls.length = 0;
      return approval;
    };
    await expect(failureOf(release.promote({ revision: 2, approve }))).resolves.toMatchObject(refused);
    expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web', 'REMOVE Lease shop/cutover-web']);
    expect(versions(release)).toEqual(['site:v1']);
  });
});
