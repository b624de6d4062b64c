import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import {
  blueGreenStateOf,
  closeReleases,
  endOf,
  killAtWrite,
  leaseRef,
  releaseAfter,
  roleManifests,
  served,
  traceWrites,
  unfinished,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Manifests in which every revision differs: the number of the revision is in an environment variable of the pods. */
const numbered = (version: string): string =>
  roleManifests(version).replace('[{name: web,', '[{name: web, env: [{name: REVISION, value: "$<REVISION>"}],');

/** Users are on blue, revision 1. */
const release = releaseAfter(web => web.go(numbered('v1')));

/** Every write, and what the record calls unfinished when it is asked for. */
const writes = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web.2', '-'],
  ['REPLACE Secret shop/cutover-web', '-'],
  ['APPLY ConfigMap shop/web-green', 'stage'],
  ['APPLY Deployment shop/web-green', 'stage'],
  ['REPLACE Secret shop/cutover-web', 'stage'],
  ['REPLACE Secret shop/cutover-web', '-'],
  ['APPLY Service shop/web', 'switch'],
  ['REPLACE Secret shop/cutover-web', 'switch'],
  ['APPLY HorizontalPodAutoscaler shop/web-green', 'finish'],
  ['REPLACE Secret shop/cutover-web', 'finish'],
  ['REMOVE Lease shop/cutover-web', '-'],
] as const;
const rows = writes.map(([write, operation], index) => [index + 1, write, operation] as const);

describe('a deploy with `switch: auto` of manifests that name their revision', () => {
  it('stages, and switches, and lets no other run in between', async () => {
    const web = await release();
    const trace = traceWrites(web.cluster);
    await expect(web.go(numbered('v2'))).resolves.toMatchObject({ outcome: 'switched', revision: 2 });
    expect(trace).toEqual(writes);
  });

  it('that is cancelled once its staging is on record writes no more, and says what stays', async () => {
    const web = await release();
    const trace = traceWrites(web.cluster);
    const { before } = web.cluster;
    const cancel = new AbortController();
    web.signal = cancel.signal;
    web.cluster.before = call => {
      before(call);
      if (trace.length === 6) cancel.abort(new CutoverError('cancelled', { code: 'cancelled' }));
    };
    const end = await endOf(web.go(numbered('v2')));
    expect(trace.slice(6)).toEqual([['REMOVE Lease shop/cutover-web', '-']]);
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(end).toMatchObject({
      error: { code: 'cancelled' },
      outcome: { activeRole: 'blue', stagedRole: 'green', rollbackHint: { action: 'reject' } },
    });
  });

  it.each(rows)('killed at write %i (%s; unfinished on record: %s): the same deploy again finishes it', async n => {
    const web = await release();
    const { cluster } = web;
    killAtWrite(cluster, n);
    await endOf(web.go(numbered('v2')));
    cluster.before = () => undefined;
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    // What is left after the switch is finished first; then the manifests are those of the next revision.
    const activeRole = n < 10 ? 'green' : 'blue';
    await expect(web.go(numbered('v2'))).resolves.toMatchObject({ activeRole });
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v2', 'site:v2'], '-']);
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
  });
});
