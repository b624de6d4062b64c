import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { breakPods, idle } from '../support/cluster/run-controllers.js';
import {
  closeReleases,
  deploymentRef,
  endOf,
  killed,
  plainManifests,
  releaseAfter,
  served,
  serviceRef,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** v1 on blue, kept; users are on v2 on green. */
const release = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(plainManifests(version));
    await web.promote();
  }
});

const isWrite = (call: string): boolean => /^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call);
const selectorIn = ({ cluster: { store } }: WebRelease): unknown =>
  (store.get(serviceRef('web'))?.['spec'] as { selector: unknown }).selector;

/** How far the failed step was restored. */
function restoredBy(end: unknown): unknown {
  return (end as FailedStep).outcome.serving;
}

describe('leaving the roles fails while the active role has no ready pod', () => {
  it('leaves users on the new pods', async () => {
    const web = await release();
    web.answer = () => {
      breakPods(web.cluster, { app: 'web', 'cutover/role': 'green' });
      return 500;
    };
    const end = await endOf(web.deploy(plainManifests('v3'), { timeoutMs: 20_000 }));
    await idle();
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: { kind: 'no-ready-pod', role: 'green' } });
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(selectorIn(web)).toEqual({ app: 'web' });
    expect(unfinished(web.cluster)).toBe('leave');
  });

  it('leaves users on the new pods in its post step', async () => {
    const web = await release();
    let switched = false;
    web.cluster.before = call => {
      if (switched && isWrite(call)) throw killed;
      if (call === 'APPLY Service shop/web') switched = true;
    };
    await endOf(web.deploy(plainManifests('v3')));
    breakPods(web.cluster, { app: 'web', 'cutover/role': 'green' });
    await idle();
    expect(await web.post()).toEqual({ kind: 'no-ready-pod' });
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(unfinished(web.cluster)).toBe('leave');
  });
});

describe('leaving the roles fails', () => {
  it('keeps the new pods when somebody else has led users to them alone', async () => {
    const web = await release();
    const labelled = plainManifests('v3').replace(
      'labels: {app: web}}\n    spec',
      'labels: {app: web, track: stable}}\n    spec',
    );
    web.answer = () => {
      const { store } = web.cluster;
      const live = store.get(serviceRef('web'))!;
      const spec = { ...(live['spec'] as object), selector: { app: 'web', track: 'stable' } };
      store.update({ ...live, spec }, { manager: 'kubectl-patch' });
      return 500;
    };
    const end = await endOf(web.deploy(labelled));
    await idle();
    const reached = { kind: 'reached', service: serviceRef('web'), to: 'revision 3' };
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: reached });
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(unfinished(web.cluster)).toBe('leave');
  });

  it('does not wait for the idle role', async () => {
    const web = await release();
    const { store } = web.cluster;
    const broken = JSON.stringify(store.get(deploymentRef('web-blue'))).replaceAll('site:v1', 'site:broken');
    store.update(JSON.parse(broken) as KubeObject, { manager: 'kubectl-set' });
    await idle();
    web.answer = () => 500;
    const end = await endOf(web.deploy(plainManifests('v3')));
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: { kind: 'complete' } });
    expect(served(web.cluster)).toEqual(['site:v2', 'site:v2']);
    expect(unfinished(web.cluster)).toBe('-');
    web.answer = () => 200;
    // kubectl owns the image by now.
    const next = await endOf(web.stage(plainManifests('v4'), { forceConflicts: true }));
    expect(next).toMatchObject({ outcome: 'staged' });
  });

  it('writes nothing more when the cause is that somebody else changed its objects', async () => {
    const web = await release();
    const failure = new CutoverError('somebody else changed it', { code: 'changed' });
    let switched = false;
    let isTold = false;
    const later: string[] = [];
    web.cluster.before = call => {
      if (switched && isWrite(call) && !/Secret|Lease/.test(call)) later.push(call);
      if (call === 'APPLY Service shop/web') switched = true;
      if (!switched || isTold || call !== 'GET Deployment shop/web') return;
      isTold = true;
      throw failure;
    };
    const end = await endOf(web.deploy(plainManifests('v3')));
    expect(end).toMatchObject({ error: { code: 'changed' } });
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: { kind: 'changed-by-others' } });
    expect(later).toEqual([]);
    expect(unfinished(web.cluster)).toBe('leave');
  });
});
