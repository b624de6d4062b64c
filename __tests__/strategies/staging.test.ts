import { afterEach, describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import { describeServing } from '../../src/report/serving.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { encodeState } from '../../src/release/state-record.js';
import type { MemoryCluster } from '../support/cluster/memory-cluster.js';
import { runOf } from '../support/strategies/context.js';
import { givenScaledObjectKind, scaledManifests } from '../support/strategies/role-extras.js';
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
  refuseWrites,
  replicasIn,
  revisionOf,
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
  const [last] = blueGreenStateOf(cluster)?.history ?? [];
  return `${last?.revision} ${last?.outcome}`;
};
const writesOfOthers = ({ cluster }: WebRelease) =>
  cluster.writes().filter(write => !/ cutover-web|\/cutover-web/.test(write));
const blue = ['site:v1', 'site:v1'];
/** Writes the record as another run does. */
function setLatest(cluster: MemoryCluster, latest: number): void {
  const changed = encodeState({ ...blueGreenStateOf(cluster)!, latest }, 'shop');
  cluster.store.update({ ...cluster.store.get(refOf(changed))!, data: changed['data'] });
}

/** Every write of a staging on a role that was used before, and what the record calls unfinished when it is asked for. */
const stageWrites = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web.3', '-'],
  ['REPLACE Secret shop/cutover-web', '-'],
  // Before the Deployment gets its size: an idle role has no load, and its autoscaler would scale it down before its switch.
  ['REMOVE HorizontalPodAutoscaler shop/web-green', 'stage'],
  ['APPLY ConfigMap shop/web-green', 'stage'],
  // After its configuration: pods read that when they start.
  ['APPLY Deployment shop/web-green', 'stage'],
  ['REPLACE Secret shop/cutover-web', 'stage'],
  ['REMOVE Lease shop/cutover-web', '-'],
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
    const own = [configRef('web-green'), deploymentRef('web-green')];
    const uidOf = (ref: ObjectRef) => cluster.store.get(ref)!.metadata.uid;
    const hash = expect.stringMatching(/^[0-9a-f]{64}$/) as unknown;
    const templateHash = expect.any(String) as unknown;
    expect(blueGreenStateOf(cluster)).toMatchObject({
      ...{
        latest: 3,
        revisions: [1, 2, 3],
        current: 1,
        roleNames: ['blue', 'green'],
        publicServices: [serviceRef('web')],
      },
      roles: { blue: { revision: 1 }, green: { revision: 3 } },
      staged: {
        revision: 3,
        role: 'green',
        objects: own.map((ref, index) => ({ ref, uid: uidOf(ref), hash, ...(index === 1 && { templateHash }) })),
        previous: { revision: 2 },
      },
    });
    expect(lastOutcome(release)).toBe('3 staged');
  });

  it('records what it found before it writes any object, the autoscaler that it deletes included', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const found = [configRef('web-green'), deploymentRef('web-green'), autoscalerRef('web-green')];
    const before = found.map(ref => ({ ref, object: cluster.store.get(ref) }));
    const seen: unknown[] = [];
    cluster.before = call => {
      if (call.startsWith('REMOVE Horizontal'))
        seen.push(revisionOf(cluster, 3)?.before, blueGreenStateOf(cluster)?.operation);
    };
    await release.stage(roleManifests('v3'));
    expect(seen).toEqual([
      before,
      { kind: 'stage', revision: 3, role: 'green', run: runOf(6).url, holder: 'holder of run 6' },
    ]);
  });

  it.each(rows)(
    'leaves users on blue when it is killed at write %i (%s); unfinished on record: %s',
    async (n, ...[, operation]) => {
      const release = await servedTwice();
      const { cluster } = release;
      const [before, record] = [application(cluster), blueGreenStateOf(cluster)];
      killAtWrite(cluster, n);
      const end = await endOf(release.stage(roleManifests('v3')));
      // A lock that cannot be released is only warned of.
      expect(end instanceof Error).toBe(n !== 8);
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, operation]);
      expect(blueGreenStateOf(cluster)?.staged?.revision).toBe(n === 8 ? 3 : undefined);
      // What the record does not call unfinished is untouched or complete.
      if (operation === '-' && n !== 8)
        expect([application(cluster), blueGreenStateOf(cluster)]).toEqual([before, record]);
      if (n === 1) return;

      await release.post();
      expect([served(cluster), unfinished(cluster)]).toEqual([blue, '-']);
      if (n === 8) return;
      expect(application(cluster)).toEqual(before);
      const { history: _times, latest: _latest, revisions: _revisions, ...rest } = record!;
      expect(blueGreenStateOf(cluster)).toMatchObject(rest);
      expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    },
  );

  it.each([
    ['before it has the lock', 'CREATE Lease shop/cutover-web'],
    ['while its revision is recorded', 'CREATE Secret shop/cutover-web.3'],
    ['while its operation is recorded', 'REPLACE Secret shop/cutover-web'],
  ])('deletes no autoscaler of a role to which somebody leads users %s', async (_when, call) => {
    const release = await servedTwice();
    const { cluster } = release;
    const { store } = cluster;
    cluster.before = asked => {
      const live = store.get(serviceRef('web'))!;
      const spec = { ...(live['spec'] as object), selector: { app: 'web', role: 'green' } };
      if (asked === call) store.update({ ...live, spec }, { manager: 'kubectl-patch' });
    };
    const failure = await failureOf(release.stage(roleManifests('v3')));
    expect('error' in failure ? failure.error.code : failure.code).toBe('changed');
    expect(writesOfOthers(release)).toEqual([]);
    expect(store.get(autoscalerRef('web-green'))).toBeDefined();
    expect(served(cluster)).toEqual(['site:v2', 'site:v2']);
    if (failure instanceof FailedStep) {
      expect(describeServing(failure.outcome.serving)).toContain(
        'Users are on green: the public Service leads there now.',
      );
      expect(failure.outcome).toMatchObject({ activeRole: 'green', idleRole: 'blue' });
    }
    cluster.before = () => undefined;
    const next = await endOf(release.stage(roleManifests('v4'), { forceConflicts: true }));
    expect(next).toMatchObject({ outcome: 'staged', idleRole: 'blue' });
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v2', 'site:v2'], '-']);
  });

  it('writes nothing to a role without autoscalers to which somebody leads users while its operation is recorded', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const { store } = cluster;
    store.remove(autoscalerRef('web-green'));
    cluster.before = asked => {
      const live = store.get(serviceRef('web'))!;
      const spec = { ...(live['spec'] as object), selector: { app: 'web', role: 'green' } };
      if (asked === 'REPLACE Secret shop/cutover-web') store.update({ ...live, spec }, { manager: 'kubectl-patch' });
    };
    await expect(failureOf(release.stage(roleManifests('v3')))).resolves.toMatchObject({
      error: { code: 'changed' },
      outcome: { serving: { kind: 'users-now', users: { kind: 'role', role: 'green' } } },
    });
    expect([writesOfOthers(release), served(cluster)]).toEqual([[], ['site:v2', 'site:v2']]);
    // The next one goes to the role that users are not on now; that it may take the Service over is for its user to say.
    cluster.before = () => undefined;
    await expect(failureOf(release.stage(roleManifests('v3')))).resolves.toMatchObject({ code: 'conflict' });
    await expect(release.stage(roleManifests('v3'), { forceConflicts: true })).resolves.toMatchObject({
      ...{ activeRole: 'green', stagedRole: 'blue' },
    });
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v2', 'site:v2'], '-']);
  });

  it.each(rows.slice(1, 7))('restores everything when write %i (%s) is refused', async (n, ...[, operation]) => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), blueGreenStateOf(cluster)!];
    refuseWrites(cluster, n);
    const failure = await failureOf(release.stage(roleManifests('v3')));
    expect('error' in failure ? failure.error.code : failure.code).toBe('forbidden');
    expect(application(cluster)).toEqual(before);
    expect([served(cluster), unfinished(cluster)]).toEqual([blue, '-']);
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, roles });
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    expect(lastOutcome(release)).toBe(operation === '-' ? '1 rolled-back' : '3 failed');
  });

  it.each([7, 8, 9])('stays on record as unfinished when it cannot be restored (write %i is refused)', async n => {
    const release = await servedTwice();
    const { cluster } = release;
    const before = application(cluster);
    refuseWrites(cluster, n);
    const failure = await failureOf(release.stage(roleManifests('broken')));
    expect(failure).toMatchObject({ error: { code: 'timeout' } });
    expect(blueGreenStateOf(cluster)?.operation).toEqual({
      kind: 'stage',
      revision: 3,
      role: 'green',
      run: runOf(6).url,
      holder: 'holder of run 6',
    });
    expect(served(cluster)).toEqual(blue);
    await release.post();
    expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
  });

  it('is restored when its checks fail; with rollback-on-failure: false it stays, as unfinished on record', async () => {
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
    expect(blueGreenStateOf(release.cluster)).toMatchObject({
      current: 1,
      operation: { kind: 'stage', revision: 3, role: 'green' },
    });
    expect(blueGreenStateOf(release.cluster)).not.toHaveProperty('staged');
  });

  it('restores the role after a cancel, without waiting for it to be ready', async () => {
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

describe('staging does not touch', () => {
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

  it('a release that another run changed while it was planning: it plans again, from the new record', async () => {
    const release = await live();
    const { cluster } = release;
    const trace = traceWrites(cluster);
    const { before: traced } = cluster;
    cluster.before = call => {
      traced(call);
      if (call === 'CREATE Lease shop/cutover-web') setLatest(cluster, 7);
    };
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 8 });
    const first = trace.findIndex(([write]) => !/ (Lease|Secret) /.test(write));
    expect(trace.slice(0, first + 1).map(([write]) => write)).toEqual([
      'CREATE Lease shop/cutover-web',
      'CREATE Secret shop/cutover-web.2',
      'REPLACE Secret shop/cutover-web',
      'CREATE Secret shop/cutover-web.8',
      'REPLACE Secret shop/cutover-web',
      expect.stringMatching(/^APPLY /),
    ]);
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, latest: 8, staged: { revision: 8 } });
    expect(served(cluster)).toEqual(blue);
  });

  it('a release whose record changes again under its lock', async () => {
    const release = await live();
    const { cluster } = release;
    cluster.before = call => {
      if (/^CREATE Secret shop.cutover-web\./.test(call)) setLatest(cluster, blueGreenStateOf(cluster)!.latest + 5);
    };
    await expect(failureOf(release.stage(roleManifests('v2')))).resolves.toMatchObject({ error: { code: 'changed' } });
    expect(writesOfOthers(release)).toEqual([]);
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, latest: 11 });
  });

  it('an autoscaler that somebody created in place of the one that it found', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const ref = autoscalerRef('web-green');
    cluster.before = call => {
      if (!call.startsWith('REMOVE Horizontal')) return;
      const { metadata, ...rest } = cluster.store.get(ref)!;
      cluster.store.remove(ref);
      cluster.given(touch({ ...rest, metadata: { name: metadata.name, namespace: 'shop' } }));
    };
    await release.stage(roleManifests('v3'));
    expect(cluster.store.get(ref)).toMatchObject({ metadata: { labels: { touched: 'yes' } } });
  });

  it('a release whose switch is unfinished: what to restore would be lost', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    killAtWrite(cluster, 4);
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
  it('is at least that of the active role, which has the load of today', async () => {
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

  it('is that of the Deployment that it takes over from when it was renamed', async () => {
    const release = await live();
    setReplicas(release.cluster, 'web-blue', 4);
    await release.stage(roleManifests('v2').replaceAll('web-$<TARGET_ROLE>', 'frontend-$<TARGET_ROLE>'));
    expect(replicasIn(release.cluster, 'frontend-green')).toBe(4);
  });

  it('is that of the Deployment that has no namesake, if one of several was renamed', async () => {
    const beside = (version: string, name: string): string => {
      const [config, web = '', ...rest] = roleManifests(version).split('---\n');
      const other = web
        .replaceAll('web-$<TARGET_ROLE>', `${name}-$<TARGET_ROLE>`)
        .replaceAll('app: web,', 'app: web, part: other,');
      return [config, web, other, ...rest].join('---\n');
    };
    const release = webRelease();
    await release.stage(beside('v1', 'api'));
    await release.promote();
    setReplicas(release.cluster, 'web-blue', 5);
    setReplicas(release.cluster, 'api-blue', 3);
    await release.stage(beside('v2', 'gateway'));
    expect(['web-green', 'gateway-green'].map(name => replicasIn(release.cluster, name))).toEqual([5, 3]);
  });

  it('is that of the manifests for a Deployment that is new beside the others', async () => {
    const release = await live();
    setReplicas(release.cluster, 'web-blue', 4);
    const [config, web, ...rest] = roleManifests('v2').split('---\n');
    const more = web!
      .replaceAll('web-$<TARGET_ROLE>', 'more-$<TARGET_ROLE>')
      .replaceAll('app: web,', 'app: web, part: more,');
    await release.stage([config, web, more, ...rest].join('---\n'));
    expect(['web-green', 'more-green'].map(name => replicasIn(release.cluster, name))).toEqual([4, 2]);
  });

  it('is zero after a first release that failed: everything is deleted again', async () => {
    const release = webRelease();
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(release.cluster)).toEqual([]);
    expect(blueGreenStateOf(release.cluster)).toMatchObject({ latest: 1, history: [{ outcome: 'failed' }] });
    expect(blueGreenStateOf(release.cluster)).not.toHaveProperty('current');
    expect(blueGreenStateOf(release.cluster)).not.toHaveProperty('staged');
    expect(unfinished(release.cluster)).toBe('-');
  });

  it('creates a ScaledObject only at the switch, since the role has no load before', async () => {
    const release = await live();
    const { cluster } = release;
    givenScaledObjectKind(cluster);
    await release.stage(scaledManifests('v2'));
    const scaler = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', namespace: 'shop', name: 'web-green' };
    expect(cluster.store.get(scaler)).toBeUndefined();
    await release.promote();
    expect(cluster.store.get(scaler)).toBeDefined();
  });
});
