import { afterEach, describe, expect, it } from '@jest/globals';
import type { ObjectRef } from '../../src/kubernetes/object.js';
import { givenScaledObjectKind, scaledManifests } from '../support/strategies/role-extras.js';
import {
  closeReleases,
  failureOf,
  releaseAfter,
  served,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const finalizer = 'finalizer.keda.sh';
const scaledObject = (name: string): ObjectRef => ({
  ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', namespace: 'shop' },
  name,
});

/** Users are on green, revision 2; blue holds revision 1. KEDA has put its finalizer on the ScaledObject of each. */
const promoted = releaseAfter(async release => {
  givenScaledObjectKind(release.cluster);
  for (const version of ['v1', 'v2']) {
    await release.stage(scaledManifests(version));
    await release.promote();
  }
  setFinalizers(release, [finalizer]);
});

/** KEDA adds its finalizer to the ScaledObjects, or lets go of those that are being deleted. */
function setFinalizers({ cluster: { store } }: WebRelease, finalizers: readonly string[]): void {
  for (const name of ['web-blue', 'web-green']) {
    const live = store.get(scaledObject(name));
    const isAsked = finalizers.length > 0 || live?.metadata.deletionTimestamp !== undefined;
    if (live !== undefined && isAsked)
      store.update({ ...live, metadata: { ...live.metadata, finalizers } }, { manager: 'keda-operator' });
  }
}

/** KEDA takes its time: it lets go once somebody waits for that. */
function letGoWhenWatched(release: WebRelease): void {
  const { cluster } = release;
  const watch = cluster.watch.bind(cluster);
  cluster.watch = async function* (kind, options) {
    if (kind.kind === 'ScaledObject') setFinalizers(release, []);
    yield* watch(kind, options);
  };
}

const isLive = ({ cluster: { store } }: WebRelease, name: string): boolean =>
  store.get(scaledObject(name))?.metadata.deletionTimestamp === undefined &&
  store.get(scaledObject(name)) !== undefined;

describe('a ScaledObject that is still being deleted', () => {
  it('by a rollback is created again once it is gone', async () => {
    const release = await promoted();
    letGoWhenWatched(release);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    setFinalizers(release, []);
    expect(isLive(release, 'web-blue')).toBe(true);
  });

  it('by a staging is created again at the promotion once it is gone', async () => {
    const release = await promoted();
    await release.stage(scaledManifests('v3'));
    letGoWhenWatched(release);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    setFinalizers(release, []);
    expect(isLive(release, 'web-blue')).toBe(true);
  });

  it('leaves the work after the switch unfinished if KEDA does not let go; the next run creates it', async () => {
    const release = await promoted();
    const { cluster } = release;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({
      error: { code: 'timeout', object: 'ScaledObject shop/web-blue' },
      outcome: { activeRole: 'blue', serving: { kind: 'switched-unfinished', role: 'blue' } },
    });
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v1', 'site:v1'], 'finish']);
    setFinalizers(release, []);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect([isLive(release, 'web-blue'), unfinished(cluster)]).toEqual([true, '-']);
  });
});
