import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { referenceSet } from '../../bench/object-sets.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { describeEmbedded, startEmbedded } from './cluster.js';
import type { ClusterUnderTest } from './cluster.js';
import { eventually } from './eventually.js';
import { openPlace, settled } from './place.js';
import type { Place } from './place.js';

// Calls are counted for the whole embedded cluster, so these scenarios play one after the other.
let cluster: ClusterUnderTest & { readonly sandbox: Sandbox };
let place: Place;
let leave: () => Promise<void>;
const inputs = { manifests: 'r10.yml', release: 'r10', steady: '200ms' };

describeEmbedded('What the reference set of ten objects costs in API calls', 'only it counts the calls it gets', () => {
  beforeAll(async () => {
    cluster = await startEmbedded();
    ({ place, leave } = await openPlace(cluster));
    await place.write({ 'r10.yml': r10('v1') });
  });
  afterAll(async () => {
    await leave();
    await cluster.close();
  });

  it('creating and waiting for it takes 23, 10 of them the dry run', async () => {
    const { calls } = await counted(async () => {
      expect(await place.step(inputs, { as: 'admin' })).toMatchObject({
        exitCode: 0,
        outputs: { outcome: 'deployed' },
      });
    });
    // Ten dry runs, ten applies, and a watch each of Deployments, ReplicaSets and Pods.
    expect(engine(calls)).toBe(23);
    expect(engine(calls, call => !call.includes('dry run'))).toBe(13);
  });

  it('an unchanged run writes nothing, moves no resourceVersion, starts no pod, and says so', async () => {
    await settled(place);
    await aged();
    const before = await place.versions();
    const { calls, value } = await counted(() => place.step(inputs, { as: 'admin' }));
    expect(value).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
    expect(value.log).toMatch(/unchanged/i);
    expect(await place.versions()).toEqual(before);
    expect(writes(calls)).toEqual([]);
    expect(engine(calls)).toBeLessThanOrEqual(15);
  });

  it('an update of three images and a ConfigMap takes at most 25 and changes just those', async () => {
    await place.write({ 'r10.yml': r10('v2') });
    await aged();
    const { calls, value } = await counted(() => place.step(inputs, { as: 'admin' }));
    expect(value).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    // A GET of each object that changes, for the comparison and as the way back.
    expect(engine(calls)).toBeLessThanOrEqual(25);
    const changes = JSON.parse(value.outputs.changes ?? '[]') as readonly { name: string; change: string }[];
    const changed = changes.filter(({ change }) => change === 'changed').map(({ name }) => name);
    expect(changed.sort()).toEqual(['config-a', 'web-a', 'web-b', 'web-c']);
  });

  it('the post step of a deploy that ended by itself makes no call at all', async () => {
    await place.write({ 'r10.yml': r10('v3') });
    const { calls } = cluster.sandbox;
    const result = await place.step(inputs, {
      as: 'admin',
      post: 'always',
      // The last that the main program says.
      onLine: line => (line.startsWith('Revision 3 serves users') ? calls.reset() : undefined),
    });
    expect(result).toMatchObject({ exitCode: 0, postExitCode: 0, outputs: { revision: '3' } });
    expect(calls.read()).toEqual({ total: 0, byVerbAndKind: {} });
  });
});

/**
 * Waits until what was applied is older than two seconds: the API server tells times in whole seconds, so a dry run right
 * after a write cannot tell that nothing changed, and the action then looks at the object itself.
 */
async function aged(): Promise<void> {
  const deployments = await place.list('Deployment');
  const times = deployments.flatMap(({ metadata }) =>
    (metadata.managedFields ?? []).map(entry => Date.parse((entry as { readonly time: string }).time)),
  );
  const newest = Math.max(...times);
  await eventually('the last write to be three seconds old', () => Date.now() - newest > 3000 || undefined);
}

type Calls = Readonly<Record<string, number>>;

async function counted<T>(work: () => Promise<T>): Promise<{ calls: Calls; value: T }> {
  cluster.sandbox.calls.reset();
  const value = await work();
  return { calls: cluster.sandbox.calls.read().byVerbAndKind, value };
}

/** All calls but those for the release's own record and lock: ConfigMaps read, made or replaced, and the Lease. */
function engine(calls: Calls, counts: (call: string) => boolean = () => true): number {
  return Object.entries(calls)
    .filter(
      ([call]) => counts(call) && !call.endsWith(' Lease') && !/^(GET|LIST|POST|PUT|DELETE) ConfigMap$/.test(call),
    )
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Calls that store something, but for the lock. */
function writes(calls: Calls): readonly string[] {
  return Object.keys(calls).filter(call => /^(PATCH|POST|PUT|DELETE) (?!Lease)[^(]*$/.test(call));
}

function r10(tag: string): string {
  return referenceSet({ repository: cluster.images.site, tag }).manifests;
}
