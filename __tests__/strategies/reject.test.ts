import type { BlueGreenState } from '../../src/release/state.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { withField } from '../../src/kubernetes/fields.js';
import { describeServing } from '../../src/report/serving.js';
import {
  application,
  closeReleases,
  releaseAfter,
  autoscalerRef,
  configRef,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  refuseWrites,
  roleManifests,
  served,
  serviceRef,
  blueGreenStateOf,
  traceWrites,
  unfinished,
  webRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1; revision 3 is staged on green, over revision 2, which served users before. */
const restaged = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
  await release.rollback();
  before = application(release.cluster);
  record = blueGreenStateOf(release.cluster)!;
  await release.stage(roleManifests('v3'));
});
let before: readonly unknown[];
let record: BlueGreenState;
const staged = async () => ({ release: await restaged(), before, record });

const blue = ['site:v1', 'site:v1'];

/** Every write of a rejection; what the record calls unfinished, and the revision that it calls staged, when it is asked for. */
const rejectWrites = [
  ['CREATE Lease shop/cutover-web', '-', 3],
  ['REPLACE Secret shop/cutover-web', '-', 3],
  // On record before the first object: nobody can promote what is half restored.
  // Before the Deployment: its pods start with this configuration.
  ['APPLY ConfigMap shop/web-green', 'reject', 3],
  ['APPLY Deployment shop/web-green', 'reject', 3],
  ['APPLY HorizontalPodAutoscaler shop/web-green', 'reject', 3],
  // Last: while it is on record, the same rejection can be run again.
  ['REPLACE Secret shop/cutover-web', 'reject', 3],
  ['REMOVE Lease shop/cutover-web', '-', undefined],
] as const;
type Row = readonly [n: number, write: string, unfinished: string, staged: number | undefined];
const rows = rejectWrites.map((row, index): Row => [index + 1, ...row]);

describe('a rejection', () => {
  it('restores the idle role in the order of a deploy, and changes the record last', async () => {
    const { release, before, record } = await staged();
    const { cluster } = release;
    const onRecord: unknown[] = [];
    const trace = traceWrites(cluster);
    const { before: traced } = cluster;
    cluster.before = call => {
      const length = trace.length;
      traced(call);
      if (trace.length > length) onRecord.push(blueGreenStateOf(cluster)?.staged?.revision);
    };
    await expect(release.reject()).resolves.toMatchObject({
      outcome: 'rejected',
      revision: 3,
      activeRole: 'blue',
      idleRole: 'green',
    });
    expect(trace.map((write, index) => [...write, onRecord[index]])).toEqual(rejectWrites);
    expect([application(cluster), served(cluster)]).toEqual([before, blue]);
    const { history: _times, latest: _latest, revisions: _revisions, ...rest } = record;
    expect(blueGreenStateOf(cluster)).toMatchObject({ ...rest, latest: 3, revisions: [1, 2, 3] });
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    expect(blueGreenStateOf(cluster)?.history[0]).toMatchObject({ revision: 3, outcome: 'rejected' });
  });

  it.each(rows)(
    'leaves users on blue and can be run again when it is killed at write %i (%s); unfinished on record: %s',
    async (n, ...[, operation, revision]) => {
      const { release, before } = await staged();
      const { cluster } = release;
      killAtWrite(cluster, n);
      const end = await endOf(release.reject());
      // A lock that cannot be released is only warned of.
      expect(end instanceof Error).toBe(n !== 7);
      expect([served(cluster), blueGreenStateOf(cluster)?.staged?.revision]).toEqual([blue, revision]);
      expect(unfinished(cluster)).toBe(operation);
      cluster.before = () => undefined;
      if (n > 1) cluster.store.remove(leaseRef);
      await expect(release.reject()).resolves.toMatchObject({
        outcome: n === 7 ? 'unchanged' : 'rejected',
        revision: 3,
      });
      expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, blue, '-']);
    },
  );

  it.each(rows.slice(2, 6))('is finished by its post step when it is killed at write %i (%s)', async n => {
    const { release, before, record } = await staged();
    const { cluster } = release;
    killAtWrite(cluster, n);
    await failureOf(release.reject());
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored', operation: { kind: 'reject' } });
    expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, blue, '-']);
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    expect(blueGreenStateOf(cluster)?.roles).toEqual(record.roles);
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'unchanged', revision: 3 });
  });

  it('does not wait for what it restores, which may never be ready: no user is there', async () => {
    const release = webRelease();
    const { cluster } = release;
    for (const version of ['v1', 'v2']) {
      await release.stage(roleManifests(version));
      await release.promote();
    }
    await release.rollback();
    const green = cluster.store.get(deploymentRef('web-green'))!;
    const container = { name: 'web', image: 'site:broken', ports: [{ containerPort: 8080 }] };
    cluster.store.update(withField(green, ['spec', 'template', 'spec', 'containers'], [container]));
    await release.stage(roleManifests('v3'), { forceConflicts: true });
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected' });
    expect([release.ctx().clock.waited, unfinished(cluster), served(cluster)]).toEqual([[], '-', blue]);
    await expect(release.stage(roleManifests('v3'), { forceConflicts: true })).resolves.toMatchObject({
      outcome: 'staged',
    });
  });

  it('that is repeated writes nothing', async () => {
    const { release } = await staged();
    await release.reject();
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'unchanged', revision: 3, activeRole: 'blue' });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('is refused where nothing was ever staged', async () => {
    const { release } = await staged();
    await release.promote();
    await expect(failureOf(release.reject())).resolves.toMatchObject({ code: 'nothing-staged' });
    expect(release.cluster.writes()).toEqual([]);
  });

  it.each(rows.slice(2, 5))(
    'restores the rest when write %i (%s) is refused, and revision 3 stays on record as staged',
    async n => {
      const { release, before } = await staged();
      const { cluster } = release;
      refuseWrites(cluster, n);
      await expect(failureOf(release.reject())).resolves.toMatchObject({ error: { code: 'rollout' } });
      expect(cluster.writes()).toEqual(rejectWrites.filter((_row, index) => index !== 5).map(([write]) => write));
      expect([served(cluster), blueGreenStateOf(cluster)?.staged?.revision]).toEqual([blue, 3]);
      expect(unfinished(cluster)).toBe('reject');
      await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected' });
      expect(application(cluster)).toEqual(before);
    },
  );

  it.each([3, 4, 5])(
    'that was begun rules out a promotion (write %i is refused): half of the revision would serve users',
    async n => {
      const { release } = await staged();
      const { cluster } = release;
      refuseWrites(cluster, n);
      await failureOf(release.reject());
      cluster.before = () => undefined;
      await expect(failureOf(release.promote())).resolves.toMatchObject({
        code: 'changed',
        message: 'The rejection of revision 3 on green of release web was never finished; nothing was changed',
      });
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, 'reject']);
      // The lock is taken to read the record again, since the other run could still be at work.
      expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web', 'REMOVE Lease shop/cutover-web']);
    },
  );

  it('that was begun rules out a staging too: what the role was before would be lost', async () => {
    const { release } = await staged();
    const { cluster } = release;
    refuseWrites(cluster, 4);
    await failureOf(release.reject());
    cluster.before = () => undefined;
    await expect(failureOf(release.stage(roleManifests('v4')))).resolves.toMatchObject({ code: 'changed' });
    expect(cluster.writes()).toEqual([]);
  });

  it('restores what was there before a failed staging that was left as it was', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote();
    await failureOf(release.stage(roleManifests('broken'), { rollbackOnFailure: false }));
    await release.stage(roleManifests('v3'));
    expect(unfinished(release.cluster)).toBe('-');
    // Green was empty before the failed one: everything is deleted, and there is nothing to wait for.
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected' });
    expect(release.ctx().clock.waited).toEqual([]);
    expect(release.cluster.store.get(configRef('web-green'))).toBeUndefined();
  });

  it('keeps an object of another release in place of the one that it would delete', async () => {
    const release = webRelease();
    const { cluster } = release;
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(roleManifests('v2'));
    cluster.store.remove(configRef('web-green'));
    cluster.given({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web-green', namespace: 'shop', annotations: { 'cutover/release': 'other' } },
    });
    await release.reject();
    expect(cluster.store.get(configRef('web-green'))).toBeDefined();
    expect(cluster.store.get(autoscalerRef('web-green'))).toBeUndefined();
  });

  it('after an interrupted staging over it deletes what only that one created', async () => {
    const { release, before, record } = await staged();
    const { cluster } = release;
    const extra = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra-$<TARGET_ROLE>}\n---\n';
    killAtWrite(cluster, 7);
    await failureOf(release.stage(extra + roleManifests('v4')));
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    expect(blueGreenStateOf(cluster)).toMatchObject({
      staged: { revision: 3 },
      operation: { kind: 'stage', revision: 4 },
    });
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected', revision: 4 });
    expect(cluster.store.get(configRef('extra-green'))).toBeUndefined();
    expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, blue, '-']);
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    expect(blueGreenStateOf(cluster)?.roles).toEqual(record.roles);
  });
});

describe('a rejection after somebody has led users back', () => {
  const ledBack = releaseAfter(async release => {
    for (const version of ['v1', 'v2']) {
      await release.stage(roleManifests(version));
      await release.promote();
    }
    const { store } = release.cluster;
    const service = store.get(serviceRef('web'))!;
    store.update(withField(service, ['spec', 'selector'], { app: 'web', role: 'blue' }), { manager: 'kubectl' });
  });
  const users = 'Users are on blue, revision 1, as before.';

  it('names the revision that they are on, as the staging does', async () => {
    const release = await ledBack();
    const staged = await release.stage(roleManifests('v3'), { forceConflicts: true });
    expect(staged.previousRevision).toBe(1);
    expect(describeServing(staged.serving)).toContain(users);
    expect(describeServing((await release.reject()).serving)).toContain(users);
    expect(describeServing((await release.reject()).serving)).toContain(users);
  });
});
