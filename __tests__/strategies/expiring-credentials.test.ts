import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeReleases,
  failureOf,
  roleManifests,
  served,
  staged,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const minute = 60_000;
const blue = ['site:v1', 'site:v1'];
const green = ['site:v2', 'site:v2'];

/** The credentials of the next steps end in so many minutes. */
function endIn(release: WebRelease, minutes: number, source = 'input kubeconfig (base64)'): void {
  release.credentialExpiry = { what: 'token', source, atMs: Date.now() + minutes * minute };
}

describe('a promotion whose credentials end', () => {
  it('before its bake is over is refused before anything is written', async () => {
    const release = await staged();
    endIn(release, 30);
    await expect(release.promote({ bakeMs: 60 * minute })).rejects.toMatchObject({
      code: 'kubeconfig',
      message: expect.stringMatching(
        /^The token in input kubeconfig \(base64\) expires at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, before the drain, the closing of connections and the bake of this step are over: at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ or later$/,
      ),
      hint: 'Set the input `kubeconfig` to credentials that are valid for longer, or shorten `drain` or `bake`.',
    });
    expect(release.cluster.writes()).toEqual([]);
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
  });

  it('names the file of a login step', async () => {
    const release = await staged();
    endIn(release, 30, '/home/runner/.kube/config');
    await expect(release.promote({ bakeMs: 60 * minute })).rejects.toMatchObject({
      hint: 'Log in again right before this step: credentials that are valid for longer must be in /home/runner/.kube/config, or shorten `drain` or `bake`.',
    });
  });

  it('before the drain is over is refused where the old role is scaled down', async () => {
    const release = await staged();
    endIn(release, 30);
    const drainMs = 60 * minute;
    await expect(release.promote({ drainMs, idlePolicy: { policy: 'scale-down', replicas: 0 } })).rejects.toMatchObject(
      { code: 'kubeconfig' },
    );
    // Nothing is drained where nothing follows.
    await expect(release.promote({ drainMs })).resolves.toMatchObject({ outcome: 'switched' });
  });

  it('before connections can be closed is refused, unless they are left open', async () => {
    const release = await staged();
    endIn(release, 1 / 4);
    const closing = { drainMs: 0, closeConnections: 'auto', timeoutMs: 10 * minute } as const;
    await expect(release.promote(closing)).rejects.toMatchObject({ code: 'kubeconfig' });
    await expect(release.promote({ ...closing, closeConnections: 'off' })).resolves.toMatchObject({
      outcome: 'switched',
    });
  });

  it('after all of it goes on', async () => {
    const release = await staged();
    endIn(release, 120);
    await expect(release.promote({ bakeMs: 10 * minute })).resolves.toMatchObject({ outcome: 'switched' });
    expect(served(release.cluster)).toEqual(green);
  });
});

describe('another step whose credentials end', () => {
  it('stages all the same', async () => {
    const release = webRelease();
    endIn(release, 0);
    await expect(release.stage(roleManifests('v1'))).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('leads users back all the same, with a warning', async () => {
    const release = await staged();
    await release.promote();
    endIn(release, 30);
    const idlePolicy = { policy: 'scale-down', replicas: 0 } as const;
    const outcome = await release.rollback({ drainMs: 60 * minute, idlePolicy });
    expect([outcome.outcome, served(release.cluster)]).toEqual(['rolled-back', blue]);
    expect(release.ctx().log.lines.join('\n')).toContain('The token in input kubeconfig (base64) expires at');
  });

  it('that stages and switches is refused before it stages', async () => {
    const release = webRelease();
    await release.go(roleManifests('v1'));
    endIn(release, 0);
    await expect(failureOf(release.go(roleManifests('v2')))).resolves.toMatchObject({ code: 'kubeconfig' });
    expect(release.cluster.writes()).toEqual([]);
  });
});
