import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { withField } from '../../src/kubernetes/fields.js';
import type { Snapshot } from '../../src/plan/change.js';
import { restore } from '../../src/strategies/shared/restore-objects.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { idle, idleClock } from '../support/cluster/run-controllers.js';
import { operationOn } from '../support/strategies/context.js';
import {
  application,
  closeReleases,
  configRef,
  denied,
  deploymentRef,
  failureOf,
  killAtWrite,
  killed,
  plainManifests,
  refuseWrites,
  releaseAfter,
  revisionOf,
  roleManifests,
  served,
  staged,
  stateOf,
  traceWrites,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on revision 1. */
const deployed = releaseAfter(release => release.deploy(plainManifests('v1')));

/** Users are on revision 2, whose record says what was there before. */
const updated = releaseAfter(async release => {
  await release.deploy(plainManifests('v1'));
  await release.deploy(plainManifests('v2'));
});

/** Users are on blue, revision 1; green was never used. */
const live = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
});

const versions = ({ cluster }: WebRelease) => [...new Set(served(cluster))];
const configOf = ({ cluster }: WebRelease) =>
  (cluster.store.get(configRef('settings'))?.['data'] as { version: string }).version;

/** Restores what revision 2 had found. */
async function restoring(
  release: WebRelease,
  options: {
    readonly snapshots?: readonly Snapshot[];
    readonly cause?: unknown;
    readonly ready?: 'not-needed';
    readonly lockLost?: AbortSignal;
    readonly signal?: AbortSignal;
  } = {},
) {
  const { snapshots, cause, ready, ...more } = options;
  const clock = idleClock();
  const ctx = operationOn(release.cluster, { clock, ...more });
  const before = snapshots ?? revisionOf(release.cluster, 2)!.before;
  release.cluster.calls.length = 0;
  const { kind } = await restore(ctx, { snapshots: before, timeoutMs: 5_000, cause, ...(ready && { ready }) });
  return { complete: kind === 'complete', waited: clock.waited };
}

describe('restoring after a failure', () => {
  it('writes configuration before the pods that read it, and is complete when the pods are ready', async () => {
    const release = await updated();
    expect(await restoring(release, { cause: denied })).toEqual({ complete: true, waited: [] });
    expect(release.cluster.writes()).toEqual(['APPLY ConfigMap shop/settings', 'APPLY Deployment shop/web']);
    await idle();
    expect([versions(release), configOf(release)]).toEqual([['site:v1'], 'v1']);
  });

  it.each([
    ['the lock was lost: another run is at work', { lockLost: AbortSignal.abort() }],
    [
      'the lock may not be renewed any more',
      { lockLost: AbortSignal.abort(new CutoverError('no right', { code: 'forbidden' })) },
    ],
    ['somebody else changed what this step had written', { cause: new CutoverError('changed', { code: 'changed' }) }],
  ])('asks and writes nothing when %s', async (_why, options) => {
    const release = await updated();
    expect(await restoring(release, options)).toEqual({ complete: false, waited: [] });
    expect(release.cluster.calls).toEqual([]);
  });

  it('is not complete while what was before is not ready, however long it waited', async () => {
    const release = await updated();
    const snapshots = broken(revisionOf(release.cluster, 2)!.before);
    expect(await restoring(release, { snapshots })).toEqual({ complete: false, waited: [5_000] });
    expect(configOf(release)).toBe('v1');
  });

  it('waits for nothing where no user is', async () => {
    const release = await updated();
    const snapshots = broken(revisionOf(release.cluster, 2)!.before);
    expect(await restoring(release, { snapshots, ready: 'not-needed' })).toEqual({ complete: true, waited: [] });
    expect(configOf(release)).toBe('v1');
  });

  it('waits for nothing after a cancel, and restores all the same', async () => {
    const release = await updated();
    const snapshots = broken(revisionOf(release.cluster, 2)!.before);
    const signal = AbortSignal.abort();
    expect(await restoring(release, { snapshots, signal })).toEqual({ complete: true, waited: [] });
    expect(release.cluster.writes()).toEqual(['APPLY ConfigMap shop/settings', 'APPLY Deployment shop/web']);
  });

  it.each([1, 2])('continues when write %i is refused, and is not complete', async n => {
    const release = await updated();
    refuseWrites(release.cluster, n);
    expect(await restoring(release)).toMatchObject({ complete: false });
    expect(release.cluster.writes()).toEqual(['APPLY ConfigMap shop/settings', 'APPLY Deployment shop/web']);
    await idle();
    expect([versions(release), configOf(release)]).toEqual(n === 1 ? [['site:v1'], 'v2'] : [['site:v2'], 'v1']);
  });

  it('never throws, so that the step ends with its own failure', async () => {
    const release = await updated();
    release.cluster.watch = () => {
      throw killed;
    };
    expect(await restoring(release)).toMatchObject({ complete: false });
    expect(configOf(release)).toBe('v1');
  });

  it('waits for nothing where no user needs what is restored', async () => {
    const release = await updated();
    const clock = idleClock();
    const ctx = operationOn(release.cluster, { clock });
    const snapshots = broken(revisionOf(release.cluster, 2)!.before);
    const restored = await restore(ctx, { snapshots, timeoutMs: 5_000, ready: 'not-needed' });
    expect(restored).toMatchObject({ kind: 'complete', ready: false });
    expect([configOf(release), clock.waited]).toEqual(['v1', []]);
  });

  it('lets its caller confirm the Services, and is not complete when that fails', async () => {
    const release = await updated();
    const service = release.cluster.store.list({ apiVersion: 'v1', kind: 'Service' })[0]!;
    const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: service.metadata.name };
    const snapshots = [...revisionOf(release.cluster, 2)!.before, { ref, object: service }];
    const asked: unknown[] = [];
    const confirm = (services: unknown): Promise<void> => {
      asked.push(services);
      return Promise.reject(new CutoverError('no endpoint', { code: 'switch' }));
    };
    const ctx = operationOn(release.cluster, { clock: idleClock() });
    expect(await restore(ctx, { snapshots, timeoutMs: 5_000, confirm })).toEqual({
      kind: 'not-ready',
      reason: 'no endpoint',
      except: [],
    });
    expect(asked).toEqual([[ref]]);
  });

  it('names the objects that could not be restored, even if stuck pods could not be read either', async () => {
    const cluster = memoryCluster();
    const set = (image: string) => ({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
      spec: {
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image }] } },
      },
    });
    await cluster.apply(set('db:v1'));
    const ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'shop', name: 'db' };
    const object = cluster.store.get(ref)!;
    await cluster.apply(set('db:v2'));
    cluster.before = call => {
      if (call.startsWith('APPLY') || call === 'LIST Pod') throw denied;
    };
    const ctx = operationOn(cluster, { clock: idleClock() });
    expect(await restore(ctx, { snapshots: [{ ref, object }], timeoutMs: 5_000 })).toEqual({
      kind: 'incomplete',
      failed: [ref],
      except: [],
    });
  });

  it('is complete without the data of Secrets, which no record holds, and without Jobs, whose work is done', async () => {
    const release = await updated();
    const at = { apiVersion: 'v1', namespace: 'shop' };
    const job = { ...at, apiVersion: 'batch/v1', kind: 'Job', name: 'migrate' };
    const snapshots: readonly Snapshot[] = [
      { ref: { ...at, kind: 'Secret', name: 'db' }, withheld: true },
      { ref: job, object: { ...job, metadata: { name: job.name, namespace: 'shop' } }, recreated: true },
    ];
    expect(await restoring(release, { snapshots })).toEqual({ complete: true, waited: [] });
    expect(release.cluster.calls).toEqual([]);
  });
});

/** The same objects, with pods that never become ready. */
function broken(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const containers = [{ name: 'web', image: 'site:broken' }];
  return snapshots.map(({ ref, object }) => ({
    ref,
    object:
      ref.kind === 'Deployment' ? withField(object!, ['spec', 'template', 'spec', 'containers'], containers) : object!,
  }));
}

interface Interrupted {
  readonly kind: 'deploy' | 'stage' | 'switch';
  readonly begin: () => Promise<WebRelease>;
  readonly step: (release: WebRelease) => Promise<unknown>;
  /** The write of the record after which the step would be complete, by its number. */
  readonly last: number;
}

const operations: readonly Interrupted[] = [
  { kind: 'deploy', begin: deployed, step: release => release.deploy(plainManifests('v2')), last: 6 },
  { kind: 'stage', begin: live, step: release => release.stage(roleManifests('v2')), last: 6 },
  { kind: 'switch', begin: staged, step: release => release.promote(), last: 4 },
];

describe.each(operations)('restoring a $kind', ({ kind, begin, step, last }) => {
  /** The record, and of its history only what does not depend on the time. */
  const recordOf = ({ cluster }: WebRelease) => {
    const { history, ...state } = stateOf(cluster)!;
    return { ...state, history: history.map(({ at: _time, ...entry }) => entry) };
  };

  it('has the same result in the step and in its post step', async () => {
    const alive = await begin();
    const before = application(alive.cluster);
    refuseWrites(alive.cluster, last);
    await failureOf(step(alive));
    const dead = await begin();
    killAtWrite(dead.cluster, last);
    await failureOf(step(dead));
    expect(unfinished(dead.cluster)).toBe(kind);
    await dead.post();
    expect(application(dead.cluster)).toEqual(before);
    expect(application(alive.cluster)).toEqual(before);
    expect(recordOf(dead)).toEqual(recordOf(alive));
    expect(served(dead.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('is on record as unfinished until all of it is restored, however often the post step is killed', async () => {
    const release = await begin();
    const { cluster } = release;
    const before = application(cluster);
    killAtWrite(cluster, last);
    await failureOf(step(release));
    for (let n = 1; ; n += 1) {
      killAtWrite(cluster, n);
      const { done } = await release.post({ interrupted: true }).then(
        ({ kind }) => ({ done: kind !== 'incomplete' }),
        () => ({ done: false }),
      );
      const pods = served(cluster);
      expect(pods).toHaveLength(2);
      if (done) break;
      // Of what is no longer on record nothing may be left to do but to give the lock back.
      if (unfinished(cluster) === '-') expect(application(cluster)).toEqual(before);
    }
    expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
  });

  it('writes the record after the objects and gives its lock back last', async () => {
    const release = await begin();
    const { cluster } = release;
    killAtWrite(cluster, last);
    await failureOf(step(release));
    cluster.before = () => undefined;
    const trace = traceWrites(cluster);
    await release.post({ interrupted: true });
    // The other order would lose what to restore when the post step is killed too.
    expect(trace.map(([, operation]) => operation)).toEqual([...trace.slice(1).map(() => kind), '-']);
    expect(trace.slice(-2).map(([write]) => write)).toEqual([
      'REPLACE Secret shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
  });
});

describe('a StatefulSet whose new version never becomes ready', () => {
  const database = (version: string): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "db:${version}"}]}
`;
  const podOf = ({ cluster }: WebRelease): unknown => {
    const pod = cluster.store.get({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'db-0' });
    const { containers } = pod?.['spec'] as { containers: readonly { image: string }[] };
    return containers[0]?.image;
  };

  it.each(['the step', 'its post step'])('runs its earlier version again after %s', async who => {
    const release = webRelease();
    const { cluster } = release;
    await release.deploy(database('v1'), { verify: [] });
    if (who === 'its post step') killAtWrite(cluster, 5);
    await failureOf(release.deploy(database('broken'), { verify: [] }));
    // Its controller starts no pod of another version while one that it has is not ready: that one has to be deleted.
    if (who === 'its post step') await release.post();
    expect(cluster.writes()).toContain('REMOVE Pod shop/db-0');
    await idle();
    expect([podOf(release), unfinished(cluster)]).toEqual(['db:v1', '-']);
    expect(cluster.store.get({ ...deploymentRef('db'), kind: 'StatefulSet' })?.['status']).toMatchObject({
      readyReplicas: 1,
    });
  });
});
