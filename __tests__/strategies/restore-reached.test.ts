import { afterEach, describe, expect, it } from '@jest/globals';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { guarded } from '../../src/strategies/shared/restore-objects.js';
import type { Reached } from '../../src/strategies/outcome/restored.js';
import { otherRole } from '../../src/traffic/active-role.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { idle } from '../support/cluster/run-controllers.js';
import { falseWords } from '../support/strategies/kills.js';
import {
  application,
  closeReleases,
  endOf,
  killAtWrite,
  releaseAfter,
  replicasIn,
  roleManifests,
  served,
  serviceRef,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const site = (version: string) => roleManifests(version, { autoscaler: false });

/** Somebody else leads users to a role. */
function select({ cluster: { store } }: WebRelease, role: string): void {
  const live = store.get(serviceRef('web'))!;
  const spec = { ...(live['spec'] as object), selector: { app: 'web', role } };
  store.update({ ...live, spec }, { manager: 'kubectl-patch' });
}

/** v1 on blue, without a pod; users are on v2 on green. */
const scaledDown = releaseAfter(async web => {
  await web.stage(site('v1'));
  await web.promote();
  await web.stage(site('v2'));
  await web.promote({ idlePolicy: { policy: 'scale-down', replicas: 0 }, drainMs: 0 });
});
/** Users are on v1 on blue; green was never used. */
const first = releaseAfter(async web => {
  await web.stage(site('v1'));
  await web.promote();
});

const given = [
  ['is scaled down', scaledDown, 'blue'],
  ['did not exist', first, 'green'],
] as const;

describe.each(given)('users whom somebody leads to the staged role, which %s before', (_title, release, role) => {
  it('keep their pods when the staging fails', async () => {
    const web = await release();
    web.answer = () => {
      select(web, role);
      return 500;
    };
    const end = await endOf(web.stage(site('v3')));
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(end).toBeInstanceOf(FailedStep);
    expect(falseWords(web, end)).toEqual([]);
    expect((end as FailedStep).outcome).toMatchObject({
      activeRole: role,
      serving: { result: { restored: { kind: 'reached', service: serviceRef('web'), to: role } } },
    });
    expect(unfinished(web.cluster)).toBe('stage');
    // Once users are led back, the next deploy stages again; kubectl owns the selector by now.
    web.answer = () => 200;
    const other = otherRole(['blue', 'green'], role);
    select(web, other);
    expect(await endOf(web.stage(site('v4'), { forceConflicts: true }))).toMatchObject({
      outcome: 'staged',
      activeRole: other,
    });
  });

  it('keep their pods when the staging is killed and its post step runs', async () => {
    const web = await release();
    web.answer = () => {
      select(web, role);
      killAtWrite(web.cluster, 1);
      return 500;
    };
    await endOf(web.stage(site('v3')));
    await idle();
    const before = application(web.cluster);
    expect(await web.post()).toEqual({ kind: 'reached', service: serviceRef('web'), to: role });
    expect(application(web.cluster)).toEqual(before);
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(unfinished(web.cluster)).toBe('stage');
  });

  it('keep their pods when a rejection is killed and its post step runs', async () => {
    const web = await release();
    await web.stage(site('v3'));
    killAtWrite(web.cluster, 3);
    await endOf(web.reject());
    select(web, role);
    await idle();
    expect(await web.post()).toEqual({ kind: 'reached', service: serviceRef('web'), to: role });
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(unfinished(web.cluster)).toBe('reject');
  });

  it('keep their pods during a rejection', async () => {
    const web = await release();
    await web.stage(site('v3'));
    web.cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web') select(web, role);
    };
    const end = await endOf(web.reject());
    await idle();
    expect(end).toBeInstanceOf(FailedStep);
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(falseWords(web, end)).toEqual([]);
    expect(replicasIn(web.cluster, `web-${role}`)).toBe(2);
    expect(unfinished(web.cluster)).toBe('reject');
  });
});

describe('users whom somebody leads to the staged role by a label that its pods did not have before', () => {
  it.each(['fails', 'is killed'])('keep their pods when the staging %s', async end => {
    const web = await scaledDown();
    web.answer = () => {
      const live = web.cluster.store.get(serviceRef('web'))!;
      const spec = { ...(live['spec'] as object), selector: { app: 'web', version: 'v3' } };
      web.cluster.store.update({ ...live, spec }, { manager: 'kubectl-patch' });
      if (end === 'is killed') killAtWrite(web.cluster, 1);
      return 500;
    };
    const labelled = site('v3').replace(
      'metadata: {labels: {app: web, role: $<TARGET_ROLE>}}',
      'metadata: {labels: {app: web, role: $<TARGET_ROLE>, version: v3}}',
    );
    await endOf(web.stage(labelled));
    await idle();
    if (end === 'is killed') expect(await web.post()).toMatchObject({ kind: 'reached', to: 'blue' });
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(unfinished(web.cluster)).toBe('stage');
  });
});

describe('writes that look for users at the same time', () => {
  it('are both refused once one look has found them, even if the other look ends later and finds none', async () => {
    const cluster = memoryCluster();
    const answers: ((reached: Reached | undefined) => void)[] = [];
    const { writer, found, hasWritten } = guarded(cluster, () => new Promise(resolve => void answers.push(resolve)));
    const writes = ['one', 'two'].map(name =>
      writer.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' } }),
    );
    const ends = Promise.allSettled(writes);
    const reached: Reached = { kind: 'reached', service: serviceRef('web'), to: 'green' };
    answers[0]!(reached);
    await Promise.allSettled([writes[0]]);
    answers[1]!(undefined);
    expect(await ends).toMatchObject([{ reason: { code: 'changed' } }, { reason: { code: 'changed' } }]);
    expect(found()).toEqual(reached);
    expect([cluster.writes(), hasWritten()]).toEqual([[], false]);
  });

  it('count as sent before their answer comes, also if none does', async () => {
    const cluster = memoryCluster();
    cluster.before = () => {
      throw new Error('no answer');
    };
    const { writer, hasWritten } = guarded(cluster, () => Promise.resolve(undefined));
    const write = writer.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'shop' } });
    await expect(write).rejects.toThrow('no answer');
    expect(hasWritten()).toBe(true);
  });
});
