import { afterEach, describe, expect, it } from '@jest/globals';
import { apiError } from '../../src/cluster/http/error-status.js';
import type { FailedStep } from '../../src/strategies/outcome/outcome.js';
import {
  closeReleases,
  failureOf,
  leaseRef,
  served,
  serviceRef,
  staged,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const blue = ['site:v1', 'site:v1'];
const green = ['site:v2', 'site:v2'];
const expired = apiError(401, Buffer.from('{}'), { verb: 'get', target: serviceRef('web'), resource: 'services' });

/** From the first call on that is due, every call is refused. */
function expireAt(release: WebRelease, isDue: (call: string) => boolean): void {
  let isExpired = false;
  release.cluster.before = call => {
    isExpired ||= isDue(call);
    if (isExpired) throw expired;
  };
}

/** New credentials, once the lock of the run before has expired. */
function renew({ cluster }: WebRelease): void {
  cluster.before = () => undefined;
  cluster.store.remove(leaseRef);
}

const afterWait = (release: WebRelease, call: string): boolean =>
  call.startsWith('GET Service') && release.ctx().clock.waited.includes(30_000);
const isEviction = (_release: WebRelease, call: string): boolean => call.startsWith('EVICT');

describe('credentials that end in the middle of', () => {
  it.each([
    ['a bake', { bakeMs: 100_000 }, afterWait, 'switch'],
    ['a drain', { idlePolicy: { policy: 'scale-down', replicas: 0 } }, afterWait, 'finish'],
    ['closing connections', { closeConnections: 'auto', timeoutMs: 600_000 }, isEviction, 'finish'],
  ] as const)('%s: the message says what serves users, and the step that it names finishes', async (...row) => {
    const [, request, isDue, left] = row;
    const release = await staged();
    expireAt(release, call => isDue(release, call));
    const { error } = (await failureOf(release.promote(request))) as FailedStep;
    expect(error).toMatchObject({
      code: 'unauthorized',
      hint: 'Users stay on green, revision 2, unless somebody else leads them elsewhere. Get credentials that are valid for as long as the step takes: a new value for the input `kubeconfig`, or the step that logs in once more. Then run `action: promote` with the same inputs: it goes on from here. To send users back instead, run `action: rollback`. Check that the token, certificate or exec plugin of the kubeconfig is meant for this cluster and has not expired.',
    });
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([green, left]);
    renew(release);
    await expect(release.promote(request)).resolves.toMatchObject({ outcome: 'switched' });
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([green, '-']);
  });

  it('a bake: users are sent back by the other step that it names', async () => {
    const release = await staged();
    expireAt(release, call => afterWait(release, call));
    await failureOf(release.promote({ bakeMs: 100_000 }));
    renew(release);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
  });

  it('the work after a rollback: the message names a rollback', async () => {
    const release = await staged();
    await release.promote();
    expireAt(release, call => isEviction(release, call));
    const closing = { closeConnections: 'auto', timeoutMs: 600_000 } as const;
    const { error } = (await failureOf(release.rollback(closing))) as FailedStep;
    expect(error.hint).toContain('Users stay on blue, revision 1, unless');
    expect(error.hint).toContain('run `action: rollback` with the same inputs: it goes on from here. Check');
    renew(release);
    await expect(release.rollback(closing)).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
  });
});
