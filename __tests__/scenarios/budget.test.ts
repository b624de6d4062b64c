import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { referenceSet } from '../support/object-sets.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { ClusterUnderTest } from '../support/scenario/cluster-under-test.js';
import { describeEmbedded, startEmbedded } from '../support/scenario/cluster.js';
import { tomcat } from '../support/scenario/applications.js';
import { eventually } from '../support/eventually.js';
import { settled } from '../support/scenario/expectations.js';
import { openTestNamespace } from '../support/scenario/test-namespace.js';
import { recordRoundTrips } from '../support/scenario/round-trips.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

// Calls are counted for the whole embedded cluster, so these scenarios run one after the other.
let cluster: ClusterUnderTest & { readonly sandbox: Sandbox };
let ns: TestNamespace;
let leave: () => Promise<void>;
const inputs = { manifests: 'r10.yml', release: 'r10', 'stable-for': '200ms' };

describeEmbedded(
  'What the reference set of ten objects costs in API calls',
  'only the embedded cluster counts calls',
  () => {
    beforeAll(async () => {
      cluster = await startEmbedded();
      ({ ns, leave } = await openTestNamespace(cluster));
      await ns.write({ 'r10.yml': r10('v1') });
    });
    afterAll(async () => {
      await leave();
      await cluster.close();
    });

    it('creating and waiting for it takes 24 calls, 10 of them the dry run', async () => {
      const { calls } = await counted(async () => {
        expect(await ns.step(inputs, { as: 'admin' })).toMatchObject({
          exitCode: 0,
          outputs: { outcome: 'deployed' },
        });
      });
      // Ten dry runs, ten applies, and a watch each of Deployments, ReplicaSets, Pods and EndpointSlices.
      expect(engine(calls)).toBe(24);
      expect(engine(calls.filter(call => !call.endsWith('(dry run)')))).toBe(14);
    });

    it('an unchanged run writes nothing, changes no resourceVersion, starts no pod, and says so', async () => {
      await settled(ns);
      await aged();
      const before = await ns.versions();
      const { calls, value } = await counted(() => ns.step(inputs, { as: 'admin' }));
      expect(value).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
      expect(value.log).toMatch(/unchanged/i);
      expect(await ns.versions()).toEqual(before);
      expect(writes(calls)).toEqual([]);
      // The dry run, and the four watches that show that the workloads are ready and that the Services lead to them.
      expect(engine(calls)).toBe(14);
    });

    it('an update of three images and a ConfigMap takes 22 calls and changes only those', async () => {
      await ns.write({ 'r10.yml': r10('v2') });
      await aged();
      const { calls, value } = await counted(() => ns.step(inputs, { as: 'admin' }));
      expect(value).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
      // A GET of each object that changes, for the comparison and for a restore.
      expect(engine(calls)).toBe(22);
      const changes = JSON.parse(value.outputs.changes ?? '[]') as readonly { name: string; change: string }[];
      const changed = changes.filter(({ change }) => change === 'changed').map(({ name }) => name);
      expect(changed.sort()).toEqual(['config-a', 'web-a', 'web-b', 'web-c']);
    });

    it.each([
      ['a first deploy', 'r10-first', 'v1'],
      ['an update', 'r10-first', 'v2'],
    ])(
      '%s calls lock and record six times, four of them before the first apply, and is eight calls deep',
      async (_what, release, tag) => {
        await ns.write({ 'first.yml': r10(tag).replaceAll(/name: (\S+)/g, 'name: first-$1') });
        const cost = await costOf(async () => {
          const result = await ns.step({ ...inputs, manifests: 'first.yml', release }, { as: 'admin' });
          expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
        });
        expect(cost).toEqual({ overhead: 6, beforeFirstApply: 4, depth: 8 });
      },
    );

    it('staging reads the record once', async () => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      const { calls } = await counted(() => ns.given(tomcat.deploy('8')));
      expect(calls.filter(call => call.startsWith('GET Secret cutover-'))).toEqual([
        'GET Secret cutover-tomcat-service',
      ]);
    });

    it('the post step of a finished deploy makes no call', async () => {
      await ns.write({ 'r10.yml': r10('v3') });
      const { calls } = cluster.sandbox;
      const result = await ns.step(inputs, {
        as: 'admin',
        post: 'always',
        // The last line of the main program.
        onLine: line => (line.startsWith('Revision 3 serves users') ? calls.reset() : undefined),
      });
      expect(result).toMatchObject({ exitCode: 0, postExitCode: 0, outputs: { revision: '3' } });
      expect(calls.read()).toEqual({ total: 0, byVerbAndKind: {} });
    });
  },
);

/**
 * Waits until the applied objects are older than two seconds. The API server writes times in whole seconds, so a dry run
 * right after a write cannot show that nothing changed, and the action reads the object itself.
 */
async function aged(): Promise<void> {
  const deployments = await ns.list('Deployment');
  const times = deployments.flatMap(({ metadata }) =>
    (metadata.managedFields ?? []).map(entry => Date.parse((entry as { readonly time: string }).time)),
  );
  const newest = Math.max(...times);
  await eventually('the last write to be three seconds old', () => Date.now() - newest > 3000 || undefined);
}

/** A request to the API server, as `PATCH Deployment web-a (dry run)`. */
type Calls = readonly string[];

async function counted<T>(work: () => Promise<T>): Promise<{ calls: Calls; value: T }> {
  const calls: string[] = [];
  const end = cluster.sandbox.calls.listen(({ verb, kind, name, dryRun }) => {
    calls.push(`${verb} ${kind} ${name}${dryRun ? ' (dry run)' : ''}`);
  });
  try {
    return { value: await work(), calls };
  } finally {
    end();
  }
}

/** All calls except those for the record and the lock, and the one that reads the server version for `pre-stop`. */
function engine(calls: Calls): number {
  return calls.filter(call => !isOverhead(call) && !call.startsWith('GET /version ')).length;
}

/** Whether a call is for the record or the lock. A POST names no object, and the set has no Lease. */
function isOverhead(call: string): boolean {
  return /^\w+ (Lease|Secret) cutover-|^POST (Lease|Secret)/.test(call);
}

/** Whether a call applies an object of the set. */
function isApply(call: string): boolean {
  return call.startsWith('PATCH ') && !call.endsWith('(dry run)') && !isOverhead(call);
}

interface Cost {
  /** Calls for the record and the lock. */
  readonly overhead: number;
  /** Those before the first object is applied. */
  readonly beforeFirstApply: number;
  /** Requests that follow each other, up to the last object that is applied. */
  readonly depth: number;
}

/** What a deploy costs. The answers are held back, so that requests that were sent side by side count once. */
async function costOf(deploy: () => Promise<unknown>): Promise<Cost> {
  const recorded = recordRoundTrips(cluster.sandbox, { quietMs: 100 });
  await deploy().finally(() => recorded.stop());
  const roundTrips = recorded.roundTrips();
  const calls = roundTrips.flat();
  const first = calls.findIndex(isApply);
  return {
    overhead: calls.filter(isOverhead).length,
    beforeFirstApply: calls.slice(0, first).filter(isOverhead).length,
    depth: roundTrips.findLastIndex(trip => trip.some(isApply)) + 1,
  };
}

/** Calls that store something, except those for the lock. */
function writes(calls: Calls): readonly string[] {
  return calls.filter(call => /^(PATCH|POST|PUT|DELETE) (?!Lease)[^(]*$/.test(call));
}

function r10(tag: string): string {
  return referenceSet({ repository: cluster.images.site, tag }).manifests;
}
