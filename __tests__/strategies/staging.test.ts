import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { runOf } from '../support/strategies/context.js';
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
  replicasIn,
  revisionOf,
  roleManifests,
  served,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1; green was never used. */
const live = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
});

/** Users are back on blue, revision 1; green still runs revision 2 with its configuration and autoscaler. */
const servedTwice = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
  await release.rollback();
});

const lastOutcome = ({ cluster }: WebRelease) => {
  const [last] = stateOf(cluster)?.history ?? [];
  return `${last?.revision} ${last?.outcome}`;
};
const writesOfOthers = ({ cluster }: WebRelease) =>
  cluster.writes().filter(write => !/ cutover-web|\/cutover-web/.test(write));
const blue = ['site:v1', 'site:v1'];

/** Every write of a staging over an earlier life of the role, and what the record calls unfinished when it is asked for. */
const stageWrites = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['REPLACE Lease shop/cutover-web', '-'],
  ['APPLY ConfigMap shop/cutover-web-3', '-'],
  ['REPLACE ConfigMap shop/cutover-web', '-'],
  // Before the Deployment gets its size: an idle role has no load, and its autoscaler would scale it down before its switch.
  ['REMOVE HorizontalPodAutoscaler shop/web-green', 'stage'],
  ['APPLY ConfigMap shop/web-green', 'stage'],
  // After its configuration: pods read that when they start.
  ['APPLY Deployment shop/web-green', 'stage'],
  ['REPLACE ConfigMap shop/cutover-web', 'stage'],
  ['REPLACE Lease shop/cutover-web', '-'],
] as const;
const rows = stageWrites.map(([write, operation], index) => [index + 1, write, operation] as const);

describe('staging', () => {
  it('writes the record before the first object of the idle role, and nothing of the active one', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const trace = traceWrites(cluster);
    const outcome = await release.stage(roleManifests('v3'));
    expect(trace).toEqual(stageWrites);
    expect(outcome).toMatchObject({
      outcome: 'staged',
      revision: 3,
      previousRevision: 1,
      activeRole: 'blue',
      idleRole: 'green',
      stagedRole: 'green',
    });
    expect(served(cluster)).toEqual(blue);
    const { uid, generation } = cluster.store.get(deploymentRef('web-green'))!.metadata;
    expect(stateOf(cluster)).toMatchObject({
      ...{
        latest: 3,
        revisions: [1, 2, 3],
        current: 1,
        roleNames: ['blue', 'green'],
        publicService: serviceRef('web'),
      },
      roles: { blue: { revision: 1 }, green: { revision: 3 } },
      staged: {
        revision: 3,
        role: 'green',
        workloads: [{ ref: deploymentRef('web-green'), uid, generation, templateHash: expect.any(String) as unknown }],
        previous: { revision: 2 },
      },
    });
    expect(lastOutcome(release)).toBe('3 staged');
  });

  it('has on record what it found, down to the autoscaler that it removes', async () => {
    const { cluster, stage } = await servedTwice();
    const found = [configRef('web-green'), deploymentRef('web-green'), autoscalerRef('web-green')];
    const before = found.map(ref => ({ ref, object: cluster.store.get(ref) }));
    const seen: unknown[] = [];
    cluster.before = call => {
      if (call.startsWith('REMOVE')) seen.push(revisionOf(cluster, 3)?.before, stateOf(cluster)?.operation);
    };
    await stage(roleManifests('v3'));
    expect(seen).toEqual([before, { kind: 'stage', revision: 3, role: 'green', run: runOf(6).url }]);
  });

  it.each(rows)(
    'that is killed at write %i (%s) leaves users on blue, and %s on record',
    async (n, ...[, operation]) => {
      const release = await servedTwice();
      const { cluster } = release;
      const [before, record] = [application(cluster), stateOf(cluster)];
      killAtWrite(cluster, n);
      const end = await endOf(release.stage(roleManifests('v3')));
      // A lock that cannot be given back is only warned of.
      expect(end instanceof Error).toBe(n !== 9);
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, operation]);
      expect(stateOf(cluster)?.staged?.revision).toBe(n === 9 ? 3 : undefined);
      // What nobody calls unfinished is untouched, or done.
      if (operation === '-' && n !== 9) expect([application(cluster), stateOf(cluster)]).toEqual([before, record]);
      if (n <= 2) return;

      await release.post();
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, '-']);
      if (n === 9) return;
      expect(application(cluster)).toEqual(before);
      const { history: _times, latest: _latest, revisions: _revisions, ...rest } = record!;
      expect(stateOf(cluster)).toMatchObject(rest);
      expect(stateOf(cluster)).not.toHaveProperty('staged');
    },
  );

  it.each(rows.slice(1, 8))(
    'whose write %i (%s) is refused ends as if it had never been',
    async (n, ...[, operation]) => {
      const release = await servedTwice();
      const { cluster } = release;
      const [before, { roles }] = [application(cluster), stateOf(cluster)!];
      refuseWrites(cluster, n);
      const failure = await failureOf(release.stage(roleManifests('v3')));
      expect('error' in failure ? failure.error.code : failure.code).toBe('forbidden');
      expect(application(cluster)).toEqual(before);
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, '-']);
      expect(stateOf(cluster)).toMatchObject({ current: 1, roles });
      expect(stateOf(cluster)).not.toHaveProperty('staged');
      expect(lastOutcome(release)).toBe(operation === '-' ? '1 rolled-back' : '3 failed');
    },
  );

  it.each([8, 9, 10])(
    'that fails and cannot be restored (write %i) stays on record, for the post step or the next run',
    async n => {
      const release = await servedTwice();
      const { cluster } = release;
      const before = application(cluster);
      refuseWrites(cluster, n);
      const failure = await failureOf(release.stage(roleManifests('broken')));
      expect(failure).toMatchObject({ error: { code: 'timeout' } });
      expect(stateOf(cluster)?.operation).toEqual({ kind: 'stage', revision: 3, role: 'green', run: runOf(6).url });
      expect(served(cluster)).toEqual(blue);
      await release.post();
      expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
    },
  );

  it('that fails its checks is taken back, unless rollback-on-failure is false: then it is on record as unfinished', async () => {
    const release = await live();
    const before = application(release.cluster);
    release.answer = () => 500;
    const failure = await failureOf(release.stage(roleManifests('v2')));
    expect(failure).toMatchObject({
      error: { code: 'verify' },
      outcome: { checks: [{ verdict: 'fail', side: 'staged' }] },
    });
    expect(application(release.cluster)).toEqual(before);
    await failureOf(release.stage(roleManifests('v3'), { rollbackOnFailure: false }));
    expect(replicasIn(release.cluster, 'web-green')).toBe(2);
    expect(stateOf(release.cluster)).toMatchObject({
      current: 1,
      operation: { kind: 'stage', revision: 3, role: 'green' },
    });
    expect(stateOf(release.cluster)).not.toHaveProperty('staged');
  });

  it('that is cancelled while it waits still restores the role, without waiting for it', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const before = application(cluster);
    const cancel = new AbortController();
    release.signal = cancel.signal;
    cluster.before = call => {
      if (call === 'APPLY Deployment shop/web-green') cancel.abort();
    };
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect([unfinished(cluster), release.ctx().clock.waited]).toEqual(['-', []]);
  });
});

describe('staging over what an earlier one left', () => {
  /** A run that was killed at this write, and whose lock has run out since; no post step ran. */
  async function lost(release: WebRelease, manifests: string, n: number): Promise<void> {
    killAtWrite(release.cluster, n);
    await failureOf(release.stage(manifests));
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
  }

  it('takes the place of half a staging, and a reject brings back what was before both', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), stateOf(cluster)!];
    await lost(release, roleManifests('half'), 8);
    expect(application(cluster)).not.toEqual(before);
    await expect(release.stage(roleManifests('v4'))).resolves.toMatchObject({ outcome: 'staged', revision: 4 });
    expect([unfinished(cluster), stateOf(cluster)?.staged?.previous?.revision]).toEqual(['-', 2]);
    await release.reject();
    expect(application(cluster)).toEqual(before);
    expect(stateOf(cluster)).toMatchObject({ current: 1, roles });
  });

  it('fails back to what was before half a staging, not to the half', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), stateOf(cluster)!];
    await lost(release, roleManifests('half'), 8);
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect(stateOf(cluster)).toMatchObject({ current: 1, roles });
    expect(unfinished(cluster)).toBe('-');
  });

  it('keeps the first staging’s way back, so that a reject brings back what was before both', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), stateOf(cluster)!];
    await release.stage(roleManifests('v3'));
    await release.stage(roleManifests('v4'));
    expect(stateOf(cluster)?.staged).toMatchObject({ revision: 4, previous: { revision: 2 } });
    await release.reject();
    expect([application(cluster), stateOf(cluster)?.roles]).toEqual([before, roles]);
  });

  it('fails back to the staged revision, which must be staged again before it can be promoted', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    const before = application(cluster);
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect(stateOf(cluster)?.staged?.revision).toBe(2);
    // Its pods are the old ones, but nobody has verified the Deployment as it is now.
    await expect(failureOf(release.promote())).resolves.toMatchObject({ error: { code: 'changed' } });
    expect(served(cluster)).toEqual(blue);
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 4 });
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
  });
});

describe('the same manifests again', () => {
  it('write nothing where they serve, and are unchanged only if the active role passes its checks', async () => {
    const release = await live();
    await expect(release.stage(roleManifests('v1'))).resolves.toMatchObject({
      outcome: 'unchanged',
      activeRole: 'blue',
    });
    release.answer = () => 500;
    await expect(failureOf(release.stage(roleManifests('v1')))).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(writesOfOthers(release)).toEqual([]);
    expect(stateOf(release.cluster)).toMatchObject({ latest: 1, current: 1 });
  });

  it('write nothing where they are staged, and are staged only if they pass their checks', async () => {
    const release = await live();
    await release.stage(roleManifests('v2'));
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 2 });
    expect(release.cluster.writes()).toEqual([]);
    release.answer = () => 500;
    await expect(failureOf(release.stage(roleManifests('v2')))).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('are verified and recorded anew when somebody changed what was staged', async () => {
    const release = await live();
    const { store } = release.cluster;
    await release.stage(roleManifests('v2'));
    const green = store.get(deploymentRef('web-green'))!;
    store.update({ ...green, spec: { ...(green['spec'] as object), minReadySeconds: 1 } }, { manager: 'kubectl' });
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 3 });
    expect(stateOf(release.cluster)?.staged?.workloads[0]?.generation).toBe(2);
  });
});

describe('staging keeps off', () => {
  const touch = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, labels: { touched: 'yes' } },
  });

  it('the role that users were moved to while it was planning', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    await release.promote();
    cluster.before = call => {
      const service = cluster.store.get(serviceRef('web'))!;
      const spec = { ...(service['spec'] as object), selector: { app: 'web', role: 'blue' } };
      if (call === 'CREATE Lease shop/cutover-web') cluster.store.update({ ...service, spec });
    };
    await expect(failureOf(release.stage(roleManifests('v3')))).resolves.toMatchObject({ code: 'changed' });
    expect(writesOfOthers(release)).toEqual([]);
    expect(served(cluster)).toEqual(blue);
  });

  it('a release that another run changed while it was planning', async () => {
    const release = await live();
    const { cluster } = release;
    const record = configRef('cutover-web');
    cluster.before = call => {
      if (call !== 'CREATE Lease shop/cutover-web') return;
      const live = cluster.store.get(record)!;
      cluster.store.update({ ...live, data: { state: JSON.stringify({ ...stateOf(cluster), latest: 7 }) } });
    };
    await expect(failureOf(release.stage(roleManifests('v2')))).resolves.toMatchObject({ code: 'changed' });
    expect(writesOfOthers(release)).toEqual([]);
  });

  it('an autoscaler that somebody made in the place of the one that it found', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const ref = autoscalerRef('web-green');
    cluster.before = call => {
      if (!call.startsWith('REMOVE')) return;
      const { metadata, ...rest } = cluster.store.get(ref)!;
      cluster.store.remove(ref);
      cluster.given(touch({ ...rest, metadata: { name: metadata.name, namespace: 'shop' } } as KubeObject));
    };
    await release.stage(roleManifests('v3'));
    expect(cluster.store.get(ref)).toMatchObject({ metadata: { labels: { touched: 'yes' } } });
  });

  it('a release whose switch is unfinished: the way back would be lost', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    killAtWrite(cluster, 5);
    await failureOf(release.promote());
    cluster.before = () => undefined;
    expect(unfinished(cluster)).toBe('switch');
    await expect(failureOf(release.stage(roleManifests('v3')))).resolves.toMatchObject({ code: 'changed' });
    expect(cluster.writes()).toEqual([]);
  });

  it('shared configuration that the active role reads', async () => {
    const release = webRelease();
    const shared = (version: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mood}\ndata: {mood: "${version}"}\n---\n` +
      roleManifests(version).replace('{name: web, image', '{envFrom: [{configMapRef: {name: mood}}], name: web, image');
    await release.stage(shared('v1'));
    await release.promote();
    await expect(failureOf(release.stage(shared('v2')))).resolves.toMatchObject({ code: 'rejected-plan' });
    expect(release.cluster.writes()).toEqual([]);
  });
});

describe('the size of a staged role', () => {
  it('is at least that of the active one: it must carry the load of today', async () => {
    const release = await live();
    const { store } = release.cluster;
    const live_ = store.get(deploymentRef('web-blue'))!;
    store.update(
      { ...live_, spec: { ...(live_['spec'] as object), replicas: 4 } },
      { manager: 'kube-controller-manager' },
    );
    await release.stage(roleManifests('v2'));
    expect([replicasIn(release.cluster, 'web-green'), replicasIn(release.cluster, 'web-blue')]).toEqual([4, 4]);
    await release.stage(roleManifests('v3', { replicas: 5 }));
    expect(replicasIn(release.cluster, 'web-green')).toBe(5);
  });

  it('is nothing after a first release that failed, and neither is anything else', async () => {
    const release = webRelease();
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(release.cluster)).toEqual([]);
    expect(stateOf(release.cluster)).toMatchObject({ latest: 1, history: [{ outcome: 'failed' }] });
    expect(stateOf(release.cluster)).not.toHaveProperty('current');
    expect(stateOf(release.cluster)).not.toHaveProperty('staged');
    expect(unfinished(release.cluster)).toBe('-');
  });
});
