import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { RecordBase } from '../../src/release/record-base.js';
import { refOf } from '../../src/kubernetes/object.js';
import type { ReleaseState } from '../../src/release/state.js';
import { idle } from '../support/cluster/run-controllers.js';
import { runOf } from '../support/strategies/context.js';
import {
  application,
  closeReleases,
  releaseAfter,
  configRef,
  denied,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  refuseWrites,
  revisionOf,
  served,
  stateOf,
  traceWrites,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on revision 1. */
const deployed = releaseAfter(release => release.deploy(plainManifests('v1')));

/** Users are on revision 2; revision 1 is what they had before. */
const updated = releaseAfter(async release => {
  await release.deploy(plainManifests('v1'));
  await release.deploy(plainManifests('v2'));
});

const versions = ({ cluster }: WebRelease) => [...new Set(served(cluster))];
const outcomes = ({ cluster }: WebRelease) =>
  stateOf(cluster)?.history.map(entry => `${entry.revision} ${entry.outcome}`);
const versionIn = ({ cluster }: WebRelease) =>
  (cluster.store.get(configRef('settings'))?.['data'] as { version: string }).version;
/** The record without its history, which holds times. */
const withoutHistory = ({ cluster }: WebRelease): Partial<ReleaseState> => {
  const { history: _times, ...rest } = stateOf(cluster)!;
  return rest;
};

/** Every write of a rolling deploy, and what the record calls unfinished when it is asked for. */
const deployWrites = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web.2', '-'],
  ['REPLACE Secret shop/cutover-web', '-'],
  // From here on a killed run has changed the application: without the record, the post step could not restore it.
  ['APPLY ConfigMap shop/settings', 'deploy'],
  // After its configuration: the new pods would start with the old one and keep it.
  ['APPLY Deployment shop/web', 'deploy'],
  ['REPLACE Secret shop/cutover-web', 'deploy'],
  ['REMOVE Lease shop/cutover-web', '-'],
] as const;
const kills = deployWrites.map(([write, operation], index) => [index + 1, write, operation] as const);

describe('a rolling deploy', () => {
  it('writes the record first, then configuration, then pods, then the record again', async () => {
    const release = await deployed();
    const trace = traceWrites(release.cluster);
    const outcome = await release.deploy(plainManifests('v2'));
    expect(trace).toEqual(deployWrites);
    expect(outcome).toMatchObject({ outcome: 'deployed', revision: 2, previousRevision: 1 });
    expect(versions(release)).toEqual(['site:v2']);
    expect(withoutHistory(release)).toEqual({
      format: 1,
      release: 'web',
      strategy: 'rolling',
      latest: 2,
      revisions: [1, 2],
      current: 2,
      applied: expect.any(Object),
      base: expect.any(RecordBase),
    });
    expect(outcomes(release)).toEqual(['2 deployed', '1 deployed']);
  });

  it('records what it found before it writes any object', async () => {
    const release = await deployed();
    const { cluster } = release;
    const before = [configRef('settings'), deploymentRef('web')].map(ref => cluster.store.get(ref)!);
    const seen: unknown[] = [];
    cluster.before = call => {
      if (call === 'APPLY ConfigMap shop/settings')
        seen.push(revisionOf(cluster, 2)?.before, stateOf(cluster)?.operation);
    };
    await release.deploy(plainManifests('v2'));
    expect(seen).toEqual([
      before.map(object => ({ ref: refOf(object), object })),
      { kind: 'deploy', revision: 2, run: runOf(2).url, holder: 'holder of run 2' },
    ]);
  });

  it.each(kills)(
    'leaves users with ready pods when it is killed at write %i (%s); unfinished on record: %s',
    async (n, ...[, operation]) => {
      const release = await deployed();
      const { cluster } = release;
      const [before, record] = [application(cluster), stateOf(cluster)];
      killAtWrite(cluster, n);
      const end = await endOf(release.deploy(plainManifests('v2')));
      // A lock that cannot be released is only warned of.
      expect(end instanceof Error).toBe(n !== 7);
      expect(served(cluster).length).toBeGreaterThanOrEqual(2);
      expect(unfinished(cluster)).toBe(operation);
      expect(stateOf(cluster)?.current).toBe(n === 7 ? 2 : 1);
      // What the record does not call unfinished is untouched or complete.
      if (operation === '-' && n !== 7) expect([application(cluster), stateOf(cluster)]).toEqual([before, record]);
      if (n === 1) return;

      await release.post();
      expect(unfinished(cluster)).toBe('-');
      expect(versions(release)).toEqual([n === 7 ? 'site:v2' : 'site:v1']);
      if (n !== 7) expect(application(cluster)).toEqual(before);
      expect(outcomes(release)?.[0]).toBe(n === 7 ? '2 deployed' : operation === '-' ? '1 deployed' : '2 failed');
      await expect(release.deploy(plainManifests('v3'))).resolves.toMatchObject({ outcome: 'deployed' });
    },
  );

  it.each(kills.slice(1, 6))('restores everything when write %i (%s) is refused', async (n, ...[write, operation]) => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    refuseWrites(cluster, n);
    const failure = await failureOf(release.deploy(plainManifests('v2')));
    expect('error' in failure ? failure.error.code : failure.code).toBe('forbidden');
    expect(application(cluster)).toEqual(before);
    expect(versions(release)).toEqual(['site:v1']);
    expect(stateOf(cluster)).toMatchObject({ current: 1 });
    expect(unfinished(cluster)).toBe('-');
    expect(outcomes(release)?.[0]).toBe(operation === '-' ? '1 deployed' : '2 failed');
    expect(cluster.writes()[n - 1]).toBe(write);
  });

  it('waits for its timeout and no longer, and then restores what it found', async () => {
    const release = await deployed();
    const before = application(release.cluster);
    const failure = await failureOf(release.deploy(plainManifests('broken')));
    expect(failure).toMatchObject({ error: { code: 'timeout' }, outcome: { outcome: 'failed', revision: 2 } });
    expect(release.ctx().clock.waited.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    expect(release.cluster.writes().slice(5)).toEqual([
      // Pods of the old version that start again would read the new configuration otherwise.
      'APPLY ConfigMap shop/settings',
      'APPLY Deployment shop/web',
      // After the objects: a run that is killed while it restores still has its operation on record.
      'REPLACE Secret shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
    expect(application(release.cluster)).toEqual(before);
    expect(stateOf(release.cluster)).toMatchObject({ current: 1, latest: 2, revisions: [1, 2] });
  });

  it('restores only when no write is under way any more: a late one would undo it', async () => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    const late = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late}\n---\n';
    const apply = cluster.apply.bind(cluster);
    cluster.apply = async (object, options) => {
      if (object.metadata.name === 'late') await idle();
      return apply(object, options);
    };
    cluster.before = call => {
      if (call === 'APPLY ConfigMap shop/settings' && !cluster.writes().includes('APPLY ConfigMap shop/late'))
        throw denied;
    };
    await expect(failureOf(release.deploy(late + plainManifests('v2')))).resolves.toMatchObject({
      error: { code: 'forbidden' },
    });
    await idle();
    expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
  });

  it.each([6, 7])('stays on record as unfinished when it cannot be restored (write %i is refused)', async n => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    refuseWrites(cluster, n);
    await failureOf(release.deploy(plainManifests('broken')));
    expect(stateOf(cluster)?.operation).toEqual({
      kind: 'deploy',
      revision: 2,
      run: runOf(2).url,
      holder: 'holder of run 2',
    });
    expect(served(cluster)).toEqual(['site:v1', 'site:v1']);
    await release.post();
    expect(application(cluster)).toEqual(before);
    expect(unfinished(cluster)).toBe('-');
  });

  it('is restored when its checks fail; with rollback-on-failure: false it stays, as unfinished on record', async () => {
    const release = await deployed();
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    const failing = await failureOf(release.deploy(plainManifests('v2')));
    expect(failing).toMatchObject({
      error: { code: 'verify' },
      outcome: { checks: [{ verdict: 'fail', side: 'public' }], serving: { current: 1, reached: 2 } },
    });
    expect([versions(release), unfinished(release.cluster)]).toEqual([['site:v1'], '-']);
    await failureOf(release.deploy(plainManifests('v3'), { rollbackOnFailure: false }));
    expect(versions(release)).toEqual(['site:v3']);
    expect(stateOf(release.cluster)).toMatchObject({ current: 1, operation: { kind: 'deploy', revision: 3 } });
  });

  it('does not say that users are back where a cancel ended the wait for that', async () => {
    const release = await deployed();
    const cancel = new AbortController();
    release.signal = cancel.signal;
    release.answer = () => {
      cancel.abort(new CutoverError('cancelled', { code: 'cancelled' }));
      return 200;
    };
    const failing = await failureOf(release.deploy(plainManifests('v2')));
    expect(failing).toMatchObject({
      outcome: { serving: { kind: 'restored', restored: { kind: 'complete', unawaited: true } } },
    });
  });

  it('does not say that a rollback to the revision before took its place', async () => {
    const release = await deployed();
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    await failureOf(release.deploy(plainManifests('v2'), { rollbackOnFailure: false }));
    const failing = await failureOf(release.rollback());
    expect(failing).toMatchObject({ outcome: { serving: { kind: 'restored', current: 1 } } });
    expect(failing).not.toHaveProperty('outcome.serving.reached');
  });

  it.each([
    ['a paused Deployment has no new pod', plainManifests('v2').replace('replicas: 2', 'replicas: 2\n  paused: true')],
    ['there are no pods', plainManifests('v2').replace('replicas: 2', 'replicas: 0')],
    ['only configuration changed', plainManifests('v1').replace('version: "v1"', 'version: "v2"')],
  ])('does not say that users could reach pods of a revision when %s', async (_why, manifests) => {
    const release = await deployed();
    release.cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web' && unfinished(release.cluster) === 'deploy') throw denied;
    };
    const failing = await failureOf(release.deploy(manifests));
    expect(failing).toMatchObject({ outcome: { serving: { kind: 'restored', current: 1 } } });
    expect(failing).not.toHaveProperty('outcome.serving.reached');
  });

  it('restores what was there before an unfinished deploy when it fails after one', async () => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    killAtWrite(cluster, 5);
    await failureOf(release.deploy(plainManifests('half')));
    cluster.before = () => undefined;
    expect(versionIn(release)).toBe('half');
    // The lock of a run that was killed expires; there was no post step.
    cluster.store.remove(leaseRef);
    await failureOf(release.deploy(plainManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect(stateOf(cluster)).toMatchObject({ current: 1, latest: 3, revisions: [1, 2, 3] });
    expect(unfinished(cluster)).toBe('-');
  });

  it('deletes everything again when it is the first and fails', async () => {
    const release = webRelease();
    await failureOf(release.deploy(plainManifests('broken')));
    expect(application(release.cluster)).toEqual([]);
    expect(release.cluster.writes().filter(write => write.startsWith('REMOVE') && !write.includes(' Lease '))).toEqual([
      // In reverse order: nothing uses an object any more when it is deleted.
      'REMOVE Deployment shop/web',
      'REMOVE Service shop/web',
      'REMOVE ConfigMap shop/settings',
    ]);
    expect(stateOf(release.cluster)).not.toHaveProperty('current');
    expect([unfinished(release.cluster), outcomes(release)]).toEqual(['-', ['1 failed']]);
  });

  it('deletes old revisions only after the record no longer needs them', async () => {
    const release = await updated();
    await release.deploy(plainManifests('v3'), { historyLimit: 1 });
    expect(release.cluster.writes().slice(5)).toEqual([
      'REPLACE Secret shop/cutover-web',
      'REMOVE Secret shop/cutover-web.1',
      'REPLACE Secret shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
    // Revision 2 is what a rollback goes to.
    expect(stateOf(release.cluster)).toMatchObject({ revisions: [2, 3], current: 3 });
  });
});

describe('the same manifests again', () => {
  it('write nothing, and are unchanged only if they are ready and pass their checks', async () => {
    const release = await deployed();
    await expect(release.deploy(plainManifests('v1'))).resolves.toMatchObject({ outcome: 'unchanged', revision: 1 });
    expect(release.cluster.writes()).toEqual([]);
    release.answer = () => 500;
    const failure = await failureOf(release.deploy(plainManifests('v1')));
    expect(failure).toMatchObject({ error: { code: 'verify' }, outcome: { outcome: 'failed', revision: 1 } });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('are deployed, not unchanged, while the deploy that wrote them is unfinished', async () => {
    const release = await deployed();
    const { cluster } = release;
    release.answer = () => 500;
    await failureOf(release.deploy(plainManifests('v2'), { rollbackOnFailure: false }));
    release.answer = () => 200;
    await expect(release.deploy(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'deployed', revision: 3 });
    expect([unfinished(cluster), stateOf(cluster)?.current]).toEqual(['-', 3]);
    // What the unfinished deploy had found, not what it left.
    expect(revisionOf(cluster, 3)?.before.map(({ object }) => object?.['data'] ?? 'pods')).toEqual([
      { version: 'v1' },
      'pods',
    ]);
  });
});

describe('a rolling rollback', () => {
  const rollbackWrites = [
    deployWrites[0],
    // It is on record already.
    ['APPLY Secret shop/cutover-web.1', '-'],
    ...deployWrites.slice(2).map(([write, operation]) => [write, operation === '-' ? '-' : 'rollback'] as const),
  ] as const;

  it('applies the earlier revision as it was recorded, in the order of a deploy', async () => {
    const release = await updated();
    const trace = traceWrites(release.cluster);
    await expect(release.rollback()).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 1,
      previousRevision: 2,
    });
    expect(trace).toEqual(rollbackWrites);
    expect([versions(release), versionIn(release)]).toEqual([['site:v1'], 'v1']);
    expect(stateOf(release.cluster)).toMatchObject({ current: 1, latest: 2, revisions: [1, 2] });
    expect(outcomes(release)?.[0]).toBe('1 rolled-back');
  });

  it.each(rollbackWrites.map(([write, operation], index) => [index + 1, write, operation] as const))(
    'leaves users with ready pods when it is killed at write %i (%s); unfinished on record: %s',
    async (n, ...[, operation]) => {
      const release = await updated();
      const { cluster } = release;
      const before = application(cluster);
      killAtWrite(cluster, n);
      const end = await endOf(release.rollback());
      expect(end instanceof Error).toBe(n !== 7);
      expect(served(cluster).length).toBeGreaterThanOrEqual(2);
      expect(unfinished(cluster)).toBe(operation);
      if (n === 1) return;
      const recovered = await release.post();
      if (operation === '-') {
        expect([unfinished(cluster), versions(release)]).toEqual(['-', [n === 7 ? 'site:v1' : 'site:v2']]);
        if (n !== 7) expect(application(cluster)).toEqual(before);
        return;
      }
      // The version that it leaves was bad, so the post step goes on; the next rollback verifies what it applied.
      expect(recovered.kind).toBe('rollback-left');
      expect([unfinished(cluster), versions(release), versionIn(release)]).toEqual(['rollback', ['site:v1'], 'v1']);
      await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
      expect([unfinished(cluster), stateOf(cluster)?.current]).toEqual(['-', 1]);
    },
  );

  it('restores the version that users had when its checks fail', async () => {
    const release = await updated();
    const before = application(release.cluster);
    release.answer = () => 500;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(application(release.cluster)).toEqual(before);
    expect(stateOf(release.cluster)).toMatchObject({ current: 2 });
    expect(outcomes(release)?.[0]).toBe('1 failed');
  });

  it('of a deploy that failed and was left goes to the version that served before it', async () => {
    const release = await updated();
    const { cluster } = release;
    await failureOf(release.deploy(plainManifests('broken'), { rollbackOnFailure: false }));
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 2 });
    // What the deploy had found, not what it left.
    expect(revisionOf(cluster, 2)?.before[0]?.object).toMatchObject({ data: { version: 'v2' } });
    expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v2']]);
  });

  it('of a deploy that was killed goes to the only version that ever served', async () => {
    const release = await deployed();
    const { cluster } = release;
    killAtWrite(cluster, 6);
    await endOf(release.deploy(plainManifests('v2')));
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect([unfinished(cluster), versions(release)]).toEqual(['-', ['site:v1']]);
  });

  it('that is repeated after a deploy that failed changes nothing', async () => {
    const release = await updated();
    await release.rollback();
    release.answer = () => 500;
    await failureOf(release.deploy(plainManifests('v3')));
    release.answer = () => 200;
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged', revision: 1 });
    expect(versions(release)).toEqual(['site:v1']);
  });

  it('that is repeated restores what somebody has deleted since', async () => {
    const release = await updated();
    await release.rollback();
    release.cluster.store.remove(configRef('settings'));
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(versionIn(release)).toBe('v1');
  });

  it('changes nothing when it is repeated; one to a revision by number does', async () => {
    const release = await updated();
    await release.rollback();
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged', revision: 1 });
    expect(release.cluster.writes()).toEqual([]);
    await expect(release.rollback({ revision: 2 })).resolves.toMatchObject({ outcome: 'rolled-back', revision: 2 });
    expect(versions(release)).toEqual(['site:v2']);
  });

  it('is refused for a first revision, before it takes the lock', async () => {
    const release = await deployed();
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ code: 'no-revision' });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('does not run a Job again', async () => {
    const job =
      'apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate-$<REVISION>}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: m, image: "site:v1"}]}}}\n---\n';
    const release = webRelease();
    await release.deploy(job + plainManifests('v1'));
    release.cluster.store.remove({ apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop', name: 'migrate-1' });
    await release.deploy(plainManifests('v2'));
    await release.rollback();
    expect(release.cluster.writes().filter(write => write.includes(' Job '))).toEqual([]);
  });
});
