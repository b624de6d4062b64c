import { afterEach, describe, expect, it } from '@jest/globals';
import { idle } from '../support/cluster/run-controllers.js';
import { runOf } from '../support/strategies/context.js';
import { worker } from '../support/strategies/role-extras.js';
import {
  application,
  autoscalerRef,
  closeReleases,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  killed,
  leaseRef,
  releaseAfter,
  replicasIn,
  roleManifests,
  served,
  setReplicas,
  serviceRef,
  blueGreenStateOf,
  traceWrites,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on green, revision 2; blue holds revision 1 and was scaled to zero. */
const scaledDown = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote({ idlePolicy: { policy: 'scale-down', replicas: 0 } });
});

/** The same, but blue was kept, and revision 3 is staged there. */
const stagedOver = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
  await release.stage(roleManifests('v3'));
});

const versions = ({ cluster }: WebRelease): readonly string[] => {
  const images = served(cluster);
  expect(images).toHaveLength(2);
  return [...new Set(images)];
};

/** Every write of a rollback, what the record calls unfinished when it is asked for, and the version that users have then. */
const rollbackWrites = [
  ['CREATE Lease shop/cutover-web', '-', 'site:v2'],
  // Before the first object: a run that is killed leaves no pods that nothing calls unfinished.
  ['REPLACE Secret shop/cutover-web', '-', 'site:v2'],
  // Before the switch: a Service that selects no pod refuses every connection.
  ['APPLY Deployment shop/web-blue', 'prepare', 'site:v2'],
  ['REPLACE Secret shop/cutover-web', 'prepare', 'site:v2'],
  ['APPLY Service shop/web', 'switch', 'site:v2'],
  ['REPLACE Secret shop/cutover-web', 'switch', 'site:v1'],
  // After the switch: an autoscaler of a role without load would take its pods away before users come.
  ['APPLY HorizontalPodAutoscaler shop/web-blue', 'finish', 'site:v1'],
  ['REPLACE Secret shop/cutover-web', 'finish', 'site:v1'],
  ['REMOVE Lease shop/cutover-web', '-', 'site:v1'],
] as const;
type Row = readonly [n: number, write: string, unfinished: string, version: string];
const rows = rollbackWrites.map((row, index): Row => [index + 1, ...row]);

describe('a blue/green rollback', () => {
  it('brings the role up as it was recorded before users are moved there', async () => {
    const release = await scaledDown();
    const { cluster } = release;
    const trace = traceWrites(cluster);
    await expect(release.rollback()).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 1,
      activeRole: 'blue',
      idleRole: 'green',
    });
    expect(trace).toEqual(rollbackWrites.map(([write, operation]) => [write, operation]));
    expect([replicasIn(cluster, 'web-blue'), versions(release)]).toEqual([2, ['site:v1']]);
    expect(blueGreenStateOf(cluster)).toMatchObject({
      current: 1,
      history: [{ revision: 1, outcome: 'rolled-back', role: 'blue' }, {}, {}, {}, {}],
    });
  });

  it.each(rows)(
    'when it is killed at write %i (%s): unfinished on record: %s; users have ready pods of %s',
    async (n, ...row) => {
      const [, operation, version] = row;
      const release = await scaledDown();
      const { cluster } = release;
      killAtWrite(cluster, n);
      const end = await endOf(release.rollback());
      // A last record or a lock that cannot be written is only warned of.
      expect(end instanceof Error).toBe(n < 8);
      expect([unfinished(cluster), versions(release)]).toEqual([operation, [version]]);
      expect(blueGreenStateOf(cluster)?.current).toBe(n <= 6 ? 2 : 1);
      if (n === 1) return;

      const recovered = await release.post();
      // Users are not sent back to the version that they are leaving: that is why it was a rollback.
      expect(versions(release)).toEqual([version]);
      if (operation === 'switch')
        expect(recovered).toMatchObject({ kind: 'rollback-left', operation: { role: 'blue' } });
      expect(unfinished(cluster)).toBe(operation === 'prepare' ? '-' : operation);
      await expect(release.rollback()).resolves.toMatchObject({
        outcome: n === 9 ? 'unchanged' : 'rolled-back',
        revision: 1,
      });
      expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v1']]);
    },
  );

  it.each(rows.slice(4, 6))(
    'is completed by the next one when it was killed at write %i (%s) and no post step ran',
    async n => {
      const release = await scaledDown();
      const { cluster } = release;
      killAtWrite(cluster, n);
      await failureOf(release.rollback());
      cluster.before = () => undefined;
      cluster.store.remove(leaseRef);
      expect(blueGreenStateOf(cluster)?.operation).toMatchObject({
        ...{ kind: 'switch', direction: 'rollback', revision: 1, role: 'blue' },
        ...{ run: runOf(5).url, holder: 'holder of run 5' },
      });
      await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
      expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v1']]);
    },
  );

  it('has as many pods as serve now, however many were recorded', async () => {
    const release = await scaledDown();
    const { store } = release.cluster;
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web-green' };
    const green = store.get(ref)!;
    store.update({ ...green, spec: { ...(green['spec'] as object), replicas: 4 } });
    await release.rollback();
    expect(replicasIn(release.cluster, 'web-blue')).toBe(4);
  });

  it('has as many pods as serve when the load grows during its checks', async () => {
    const release = await scaledDown();
    release.answer = () => {
      setReplicas(release.cluster, 'web-green', 4);
      return 200;
    };
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect(served(release.cluster)).toEqual(Array<string>(4).fill('site:v1'));
  });

  it('gives each Deployment the size of the one with its name, whatever the order of the documents', async () => {
    const release = webRelease();
    const { cluster } = release;
    for (const manifests of [roleManifests('v1') + worker, `${worker.slice(4)}---\n${roleManifests('v2')}`]) {
      await release.stage(manifests, { verify: [] });
      await release.promote();
    }
    const green = cluster.store.get(deploymentRef('web-green'))!;
    cluster.store.update({ ...green, spec: { ...(green['spec'] as object), replicas: 6 } });
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect(['web-blue', 'worker-blue'].map(name => replicasIn(cluster, name))).toEqual([6, 1]);
  });

  it('leaves users where they are when the checks of the role fail', async () => {
    const release = await scaledDown();
    release.answer = () => 500;
    const failure = await failureOf(release.rollback());
    expect(failure).toMatchObject({ error: { code: 'verify' }, outcome: { activeRole: 'green', revision: 1 } });
    expect([versions(release), blueGreenStateOf(release.cluster)?.current]).toEqual([['site:v2'], 2]);
    // Wrong today: blue was at 0 replicas by the idle policy, stays scaled up, and no operation says so.
    expect([replicasIn(release.cluster, 'web-blue'), unfinished(release.cluster)]).toEqual([2, '-']);
  });

  it('deletes the autoscaler of the role until users are there', async () => {
    const release = await stagedOver();
    const { cluster } = release;
    await release.reject();
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(versions(release)).toEqual(['site:v2']);
    // Wrong today: users were sent back to green, but the autoscaler that blue had before does not come back.
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeUndefined();
  });

  it('discards what is staged over the target, and restores what was there before', async () => {
    const release = await stagedOver();
    const { cluster } = release;
    const trace = traceWrites(cluster);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(trace).toEqual([
      ...rollbackWrites.slice(0, 2).map(([write, operation]) => [write, operation]),
      ['APPLY ConfigMap shop/web-blue', 'reject'],
      ['APPLY Deployment shop/web-blue', 'reject'],
      ['APPLY HorizontalPodAutoscaler shop/web-blue', 'reject'],
      // While it is on record as staged, a killed run is repeated from the start.
      ['REPLACE Secret shop/cutover-web', 'reject'],
      ['REMOVE HorizontalPodAutoscaler shop/web-blue', 'prepare'],
      ...rollbackWrites.slice(3).map(([write, operation]) => [write, operation]),
    ]);
    expect([versions(release), blueGreenStateOf(cluster)?.current]).toEqual([['site:v1'], 1]);
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
  });

  it.each([3, 4, 5, 6, 7, 8, 9])('can be repeated when it was killed at write %i, over a staged revision', async n => {
    const release = await stagedOver();
    const { cluster } = release;
    killAtWrite(cluster, n);
    await failureOf(release.rollback());
    expect(versions(release)).toEqual(['site:v2']);
    // Revision 3 is on record as staged for as long as a part of it may be there.
    expect(blueGreenStateOf(cluster)?.staged?.revision).toBe(n <= 6 ? 3 : undefined);
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect([versions(release), unfinished(cluster)]).toEqual([['site:v1'], '-']);
  });

  it('of a promotion that was killed before it switched only corrects the record', async () => {
    const release = await stagedOver();
    const { cluster } = release;
    const before = application(cluster);
    killAtWrite(cluster, 3);
    await failureOf(release.promote());
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    expect(unfinished(cluster)).toBe('switch');
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged', revision: 2, activeRole: 'green' });
    expect([application(cluster), unfinished(cluster), blueGreenStateOf(cluster)?.staged?.revision]).toEqual([
      before,
      '-',
      3,
    ]);
  });
});

/** Users are on green, revision 2; blue holds revision 1. */
const promoted = releaseAfter(async release => {
  for (const version of ['v1', 'v2']) {
    await release.stage(roleManifests(version));
    await release.promote();
  }
});

/** Somebody leads the public Service to this role. */
async function leadTo({ cluster: { store } }: WebRelease, role: string): Promise<void> {
  const live = store.get(serviceRef('web'))!;
  store.update(
    { ...live, spec: { ...(live['spec'] as object), selector: { app: 'web', role } } },
    { manager: 'kubectl' },
  );
  await idle();
}

describe('a blue/green rollback that is repeated', () => {
  it.each([
    [
      'a staging failed',
      async (release: WebRelease) => {
        release.answer = () => 500;
        await failureOf(release.stage(roleManifests('v3')));
        release.answer = () => 200;
      },
    ],
    [
      'a staged revision was rejected',
      async (release: WebRelease) => {
        await release.stage(roleManifests('v3'));
        await release.reject();
      },
    ],
  ])('after %s leaves users where the first one has sent them', async (_what, happened) => {
    const release = await promoted();
    await release.rollback();
    await happened(release);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged', revision: 1 });
    expect(versions(release)).toEqual(['site:v1']);
  });

  it('is not called unchanged while somebody has led users elsewhere', async () => {
    const release = await promoted();
    await release.rollback();
    await leadTo(release, 'green');
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'conflict' } });
    expect(versions(release)).toEqual(['site:v2']);
  });
});

describe('a blue/green rollback after somebody has led users back', () => {
  it('leaves them there, and records it', async () => {
    const release = await promoted();
    const { cluster } = release;
    await leadTo(release, 'blue');
    await expect(release.rollback()).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 1,
      activeRole: 'blue',
    });
    expect([versions(release), unfinished(cluster), blueGreenStateOf(cluster)?.current]).toEqual([['site:v1'], '-', 1]);
  });

  it('takes away no pod of the role that they are on', async () => {
    const release = await promoted();
    const { cluster } = release;
    await leadTo(release, 'blue');
    setReplicas(cluster, 'web-blue', 4);
    await idle();
    const sizes = new Set<number>();
    cluster.before = () => sizes.add(served(cluster).length);
    await release.rollback();
    expect([[...sizes], served(cluster)]).toEqual([[4], Array<string>(4).fill('site:v1')]);
  });

  it('leaves that role its autoscaler when its checks fail', async () => {
    const release = await promoted();
    await leadTo(release, 'blue');
    release.answer = () => 500;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { activeRole: 'blue' },
    });
    expect(release.cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
  });

  it('leaves that role its autoscaler when it is killed while it prepares the role', async () => {
    const release = await promoted();
    const { cluster } = release;
    await leadTo(release, 'blue');
    let records = 0;
    cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web') records += 1;
      if (records > 1) throw killed;
    };
    await failureOf(release.rollback());
    expect(unfinished(cluster)).toBe('prepare');
    await release.post();
    expect([versions(release), unfinished(cluster)]).toEqual([['site:v1'], '-']);
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
  });

  it('leaves a role its autoscaler that they are led to while the rollback prepares it', async () => {
    const release = await promoted();
    const { cluster } = release;
    cluster.before = call => {
      if (call !== 'REPLACE Secret shop/cutover-web') return;
      cluster.before = () => undefined;
      void leadTo(release, 'blue');
    };
    release.answer = () => 500;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(versions(release)).toEqual(['site:v1']);
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
  });

  it('makes way for the promotion of what was staged meanwhile', async () => {
    const release = await promoted();
    await leadTo(release, 'blue');
    await release.stage(roleManifests('v3'), { forceConflicts: true });
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      code: 'changed',
      hint: expect.stringContaining('`action: rollback`') as unknown,
    });
    await release.rollback({ idlePolicy: { policy: 'scale-down', replicas: 0 } });
    expect([versions(release), replicasIn(release.cluster, 'web-green')]).toEqual([['site:v1'], 2]);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
    expect(versions(release)).toEqual(['site:v3']);
  });

  it('sends them on where what they are on was only staged', async () => {
    const release = await stagedOver();
    await leadTo(release, 'blue');
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'conflict' } });
    expect(versions(release)).toEqual(['site:v3']);
  });
});

describe('a blue/green rollback during which somebody leads users back', () => {
  it.each([
    ['by the selector that it would set', { app: 'web', role: 'blue' }],
    ['by another selector', { role: 'blue' }],
  ])('%s leaves them there, and says so', async (_how, selector) => {
    const release = await promoted();
    const { store } = release.cluster;
    release.answer = () => {
      const live = store.get(serviceRef('web'))!;
      store.update({ ...live, spec: { ...(live['spec'] as object), selector } }, { manager: 'kubectl-patch' });
      return 200;
    };
    await expect(failureOf(release.rollback())).resolves.toMatchObject({
      error: { code: 'moved' },
      outcome: { activeRole: 'blue', idleRole: 'green', serving: { kind: 'users-now', users: { role: 'blue' } } },
    });
    await idle();
    expect([versions(release), unfinished(release.cluster)]).toEqual([['site:v1'], '-']);
  });
});

describe('a blue/green rollback of a promotion that is not finished', () => {
  it('keeps on record what is left of the promotion when users are sent back to it', async () => {
    const release = await stagedOver();
    const { cluster } = release;
    let isSwitched = false;
    const fail = (at: string) => (call: string) => {
      isSwitched ||= call === 'APPLY Service shop/web';
      if (call === at) throw killed;
    };
    cluster.before = fail('APPLY HorizontalPodAutoscaler shop/web-blue');
    await failureOf(release.promote());
    expect([versions(release), unfinished(cluster)]).toEqual([['site:v3'], 'finish']);
    isSwitched = false;
    cluster.before = fail('-');
    release.answer = ({ kind }) => (isSwitched && kind === 'Service' ? 500 : 200);
    await failureOf(release.rollback());
    await idle();
    expect([versions(release), unfinished(cluster), blueGreenStateOf(cluster)?.current]).toEqual([
      ['site:v3'],
      'finish',
      3,
    ]);
    release.answer = () => 200;
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
  });
});
