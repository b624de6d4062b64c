import { afterEach, describe, expect, it } from '@jest/globals';
import { describeServing } from '../../src/report/serving.js';
import type { Outcome } from '../../src/strategies/outcome/outcome.js';
import {
  application,
  blueGreenStateOf,
  closeReleases,
  configRef,
  deploymentRef,
  failureOf,
  plainManifests,
  releaseAfter,
  replicasIn,
  revisionOf,
  roleManifests,
  served,
  serviceRef,
  setReplicas,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const hot = { idlePolicy: { policy: 'hot-backup' } } as const;

/** Users are on green, revision 2; blue runs it, too. */
const backedUp = releaseAfter(async release => {
  await release.stage(roleManifests('v1'), hot);
  await release.promote(hot);
  await release.stage(roleManifests('v2'), hot);
  await release.promote(hot);
});
/** Users are on blue, revision 1; revision 2 is staged on green, and can get a hot backup. */
const staged = releaseAfter(async release => {
  await release.stage(roleManifests('v1'), hot);
  await release.promote(hot);
  await release.stage(roleManifests('v2'), hot);
});

const imageOf = ({ cluster }: WebRelease, role: string): string | undefined => {
  const spec = cluster.store.get(deploymentRef(`web-${role}`))?.['spec'] as
    { template: { spec: { containers: readonly { image: string }[] } } } | undefined;
  return spec?.template.spec.containers[0]?.image;
};
const images = (release: WebRelease) => ['blue', 'green'].map(role => imageOf(release, role));
const sizes = ({ cluster }: WebRelease) => ['web-blue', 'web-green'].map(name => replicasIn(cluster, name));
const writes = ({ cluster }: WebRelease) => cluster.writes().filter(write => !write.includes('cutover-web'));
const said = ({ serving }: Pick<Outcome, 'serving'>) => describeServing(serving);
const roleOf = ({ cluster }: WebRelease, role: string) => blueGreenStateOf(cluster)?.roles[role];
/** Somebody leads users to a role by hand. */
function lead({ cluster }: WebRelease, role: string): void {
  const service = cluster.store.get(serviceRef('web'))!;
  const selector = { app: 'web', role };
  cluster.store.update({ ...service, spec: { ...(service['spec'] as object), selector } }, { manager: 'kubectl' });
}

describe('a promotion with a hot backup', () => {
  it('rolls the new version onto the old role after the drain, at full size, and records it', async () => {
    const release = await staged();
    const { cluster } = release;
    setReplicas(cluster, 'web-green', 3);
    const waited: unknown[] = [];
    cluster.before = call => {
      if (call === 'APPLY Deployment shop/web-blue') waited.push([...release.ctx().clock.waited], served(cluster));
    };
    const outcome = await release.promote({ ...hot, drainMs: 7_000 });
    expect(waited).toEqual([[7_000], ['site:v2', 'site:v2', 'site:v2']]);
    expect([images(release), sizes(release)]).toEqual([
      ['site:v2', 'site:v2'],
      [3, 3],
    ]);
    expect(writes(release)).toEqual([
      'APPLY Service shop/web',
      'APPLY HorizontalPodAutoscaler shop/web-green',
      // Without users, it would scale the backup down.
      'REMOVE HorizontalPodAutoscaler shop/web-blue',
      'APPLY ConfigMap shop/web-blue',
      'APPLY Deployment shop/web-blue',
    ]);
    expect(outcome).toMatchObject({ outcome: 'switched', revision: 2, activeRole: 'green', idleRole: 'blue' });
    expect(said(outcome)).toBe(
      'Users are on green, revision 2 (site:v2). blue runs revision 2, too, as the hot backup. A rollback brings up revision 1 there first.',
    );
    expect(roleOf(release, 'blue')).toMatchObject({ revision: 2, previous: { revision: 1 } });
    expect(roleOf(release, 'green')).not.toHaveProperty('previous');
    expect(blueGreenStateOf(cluster)?.operation).toBeUndefined();
  });

  it('runs the staged checks against the pods of the backup', async () => {
    const release = await staged();
    const asked: string[] = [];
    release.answer = ({ kind, name }) => {
      if (imageOf(release, 'blue') === 'site:v2') asked.push(`${kind} ${name.replace(/-[^-]+-[^-]+$/, '')}`);
      return 200;
    };
    await release.promote(hot);
    expect(asked).toEqual(['Pod web-blue', 'Pod web-blue']);
  });

  it('makes none after a first release: there is no role that users left', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'), hot);
    await expect(release.promote(hot)).resolves.toMatchObject({ serving: { idle: { kind: 'none' } } });
    expect(imageOf(release, 'green')).toBeUndefined();
  });

  it('copies Secrets of the role, whose data is not on record, from the role of the users', async () => {
    const secret = (value: string): string => `apiVersion: v1
kind: Secret
metadata: {name: web-$<TARGET_ROLE>}
data: {key: ${Buffer.from(value).toString('base64')}}
---
`;
    const release = webRelease();
    for (const version of ['v1', 'v2']) {
      await release.stage(`${secret(`the-key-of-${version}`)}${roleManifests(version)}`, hot);
      await release.promote(hot);
    }
    const data = (name: string) =>
      release.cluster.store.get({ apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name })?.['data'];
    expect(data('web-blue')).toEqual({ key: Buffer.from('the-key-of-v2').toString('base64') });
    expect(data('web-blue')).toEqual(data('web-green'));
    // One that the version before did not have is created.
    const other = secret('another').replace('web-$', 'other-$');
    await release.stage(`${other}${secret('the-key-of-v3')}${roleManifests('v3')}`, hot);
    await release.promote(hot);
    expect([data('other-blue'), data('other-green')]).toEqual([
      { key: Buffer.from('another').toString('base64') },
      { key: Buffer.from('another').toString('base64') },
    ]);
    expect(JSON.stringify(revisionOf(release.cluster, 2))).not.toContain(
      Buffer.from('the-key-of-v2').toString('base64'),
    );
  });

  it('is staged for manifests without roles, too', async () => {
    const release = webRelease();
    for (const version of ['v1', 'v2']) {
      await release.stage(plainManifests(version), hot);
      await release.promote(hot);
    }
    expect(images(release)).toEqual(['site:v2', 'site:v2']);
  });

  it('goes on from release to release, and from a role that somebody has led users to', async () => {
    const release = await backedUp();
    lead(release, 'blue');
    await expect(release.stage(roleManifests('v3'), { ...hot, forceConflicts: true })).resolves.toMatchObject({
      stagedRole: 'green',
    });
    await expect(release.promote(hot)).resolves.toMatchObject({ activeRole: 'green', revision: 3 });
    expect(images(release)).toEqual(['site:v3', 'site:v3']);
    expect(roleOf(release, 'blue')).toMatchObject({ revision: 3, previous: { revision: 2 } });
    expect(roleOf(release, 'blue')?.previous).not.toHaveProperty('previous');
    await expect(release.rollback({ idlePolicy: { policy: 'keep' } })).resolves.toMatchObject({ revision: 2 });
    expect([served(release.cluster), images(release)]).toEqual([
      ['site:v2', 'site:v2'],
      ['site:v2', 'site:v3'],
    ]);
  });
});

describe('a hot backup that is asked for, but not recorded', () => {
  it('is refused before anything is written, and can be staged then', async () => {
    const release = await staged();
    await release.reject();
    await release.stage(roleManifests('v2'));
    const failure = await failureOf(release.promote(hot));
    expect(failure).toMatchObject({ code: 'input' });
    expect(failure.message).toContain('staged without `idle-policy: hot-backup`');
    expect(writes(release)).toEqual([]);
    await expect(release.stage(roleManifests('v2'), hot)).resolves.toMatchObject({ outcome: 'staged' });
    await release.promote(hot);
    expect(images(release)).toEqual(['site:v2', 'site:v2']);
  });

  it('does not stop a rollback, which says so', async () => {
    const release = webRelease();
    for (const version of ['v1', 'v2']) {
      await release.stage(roleManifests(version));
      await release.promote();
    }
    await expect(release.rollback(hot)).resolves.toMatchObject({
      outcome: 'rolled-back',
      serving: { idle: { kind: 'kept', role: 'green' } },
    });
    expect(release.ctx().log.lines.join('\n')).toContain('green stays as it is');
  });

  it('is refused at the staging if the data of a Secret depends on the role', async () => {
    const release = webRelease();
    const secret = `apiVersion: v1
kind: Secret
metadata: {name: web-$<TARGET_ROLE>}
stringData: {key: $<TARGET_ROLE>}
---
`;
    await expect(failureOf(release.stage(`${secret}${roleManifests('v1')}`, hot))).resolves.toMatchObject({
      code: 'manifest',
      message: expect.stringContaining('Secret shop/web-green depends on the role'),
    });
  });
});

describe('a rollback from a hot backup', () => {
  it('goes to the revision before, which is brought up first, and says what it will run', async () => {
    const release = await backedUp();
    const { cluster } = release;
    const before: unknown[] = [];
    cluster.before = call => {
      if (call === 'APPLY Service shop/web') before.push(images(release));
    };
    const outcome = await release.rollback();
    expect(before).toEqual([['site:v1', 'site:v2']]);
    expect(outcome).toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue' });
    expect(served(cluster)).toEqual(['site:v1', 'site:v1']);
    expect(release.ctx().log.lines.join('\n')).toContain(
      'blue is the hot backup of green, revision 2, and is it no longer: revision 1 is brought up there',
    );
    expect(roleOf(release, 'blue')).toMatchObject({ revision: 1 });
    expect(roleOf(release, 'blue')).not.toHaveProperty('previous');
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged', revision: 1 });
  });

  it('leaves users where they are if that revision does not get ready, and the role is no backup then', async () => {
    const release = await backedUp();
    release.answer = () => (imageOf(release, 'blue') === 'site:v1' ? 500 : 200);
    await expect(failureOf(release.rollback())).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(served(release.cluster)).toEqual(['site:v2', 'site:v2']);
    expect(roleOf(release, 'blue')).toMatchObject({ revision: 1 });
    expect(roleOf(release, 'blue')).not.toHaveProperty('previous');
    release.answer = () => 200;
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('can make a hot backup of what it goes back to', async () => {
    const release = await backedUp();
    await expect(release.rollback(hot)).resolves.toMatchObject({ revision: 1, activeRole: 'blue' });
    expect(images(release)).toEqual(['site:v1', 'site:v1']);
    expect(roleOf(release, 'green')).toMatchObject({ revision: 1, previous: { revision: 2 } });
  });

  it('never goes to what users have: if they were led to the backup by hand, it stops', async () => {
    const release = webRelease();
    for (const version of ['v1', 'v2']) {
      await release.stage(roleManifests(version), { ...hot, forceConflicts: true });
      await release.promote(hot);
    }
    lead(release, 'blue');
    const failure = await failureOf(release.rollback());
    expect(failure).toMatchObject({ code: 'no-revision' });
    expect(failure.message).toContain('revision 2');
    expect(writes(release)).toEqual([]);
    lead(release, 'green');
    await expect(release.rollback()).resolves.toMatchObject({ revision: 1, activeRole: 'blue' });
  });
});

describe('a staging onto a hot backup', () => {
  it('ends the backup, as its plan and its log say; a rejection restores it', async () => {
    const release = await backedUp();
    const { cluster } = release;
    const plan = await release.plan(roleManifests('v3'), hot);
    expect(plan.preview?.notes).toContainEqual({ kind: 'to-end-backup', role: 'blue', revision: 2, rollback: 1 });
    expect(plan.preview?.notes).toContainEqual({
      ...{ kind: 'to-back-up', role: 'green', revision: 3, by: 'promote' },
      drainMs: 30_000,
    });
    const [before, record] = [application(cluster), roleOf(release, 'blue')];
    await release.stage(roleManifests('v3'), hot);
    expect(release.ctx().log.lines.join('\n')).toContain(
      'blue runs revision 2, as users do, and is their hot backup no longer',
    );
    expect(roleOf(release, 'blue')).not.toHaveProperty('previous');
    await release.reject();
    expect([application(cluster), roleOf(release, 'blue')]).toEqual([before, record]);
    await expect(release.rollback()).resolves.toMatchObject({ revision: 1 });
    expect(served(cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('is followed by a rollback to the revision before', async () => {
    const release = await backedUp();
    await release.stage(roleManifests('v3'), hot);
    await expect(release.rollback()).resolves.toMatchObject({ revision: 1, activeRole: 'blue' });
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('deletes no configuration of the role that users are on when it is promoted', async () => {
    const versioned = (version: string): string =>
      roleManifests(version).replace('{name: web-$<TARGET_ROLE>}', `{name: web-$<TARGET_ROLE>-${version}}`);
    const release = webRelease();
    for (const version of ['v1', 'v2', 'v3']) {
      await release.stage(versioned(version), hot);
      await release.promote(version === 'v3' ? {} : hot);
    }
    const has = (name: string) => release.cluster.store.get(configRef(name)) !== undefined;
    expect([has('web-green-v2'), has('web-blue-v2'), has('web-blue-v3')]).toEqual([true, false, true]);
  });
});

describe('the record of a hot backup', () => {
  const secret = (name: string): string => `apiVersion: v1
kind: Secret
metadata: {name: ${name}-$<TARGET_ROLE>}
data: {key: c2VjcmV0}
---
`;
  const at = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name }) as const;

  it('gives nobody a Secret that others own', async () => {
    const release = webRelease();
    const { cluster } = release;
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(`${secret('web')}${roleManifests('v2')}`, hot);
    cluster.givenBy('kubectl', {
      ...at('web-blue'),
      metadata: { name: 'web-blue', namespace: 'shop' },
      data: { key: '' },
    });
    await expect(failureOf(release.promote(hot))).resolves.toMatchObject({ error: { code: 'record' } });
    expect(cluster.store.get(at('web-blue'))?.['data']).toEqual({ key: '' });
    expect([served(cluster), imageOf(release, 'blue')]).toEqual([['site:v2', 'site:v2'], 'site:v1']);
  });

  it('is not used once somebody has changed the Secret of the other role', async () => {
    const release = webRelease();
    const { cluster } = release;
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(`${secret('web')}${roleManifests('v2')}`, hot);
    cluster.before = call => {
      if (call !== 'APPLY HorizontalPodAutoscaler shop/web-green') return;
      const live = cluster.store.get(at('web-green'))!;
      cluster.store.update({ ...live, data: { key: 'b3RoZXI=' } }, { manager: 'kubectl' });
    };
    await expect(failureOf(release.promote(hot))).resolves.toMatchObject({
      error: {
        code: 'changed',
        message: expect.stringContaining('Secret shop/web-blue of the hot backup has no data'),
      },
      outcome: { serving: { backup: { role: 'blue', runs: 1 } } },
    });
    expect([served(cluster), imageOf(release, 'blue')]).toEqual([['site:v2', 'site:v2'], 'site:v1']);
  });
});

describe('a hot backup that cannot be made', () => {
  it('fails the step and leaves users on the new version; the next promotion makes it', async () => {
    const release = await staged();
    const { cluster } = release;
    release.answer = () => (imageOf(release, 'blue') === 'site:v2' ? 500 : 200);
    const failure = await failureOf(release.promote(hot));
    expect(failure).toMatchObject({
      error: { code: 'verify' },
      outcome: { outcome: 'failed', activeRole: 'green', serving: { kind: 'switched-unfinished' } },
    });
    expect('outcome' in failure && said(failure.outcome)).toBe(
      'Users are on green, revision 2 (site:v2). The switch itself is complete and verified. blue was to become the hot backup and may be changed in part, so lead no users there by hand. Run this step again to make the hot backup, or with `idle-policy: keep` to go on without it. `action: rollback` brings up revision 1 on blue and sends users there.',
    );
    expect(served(cluster)).toEqual(['site:v2', 'site:v2']);
    expect(blueGreenStateOf(cluster)?.operation).toMatchObject({ kind: 'finish', backup: true });
    release.answer = () => 200;
    await expect(release.promote(hot)).resolves.toMatchObject({
      outcome: 'switched',
      serving: { kind: 'switch-finished', idle: { kind: 'backup', role: 'blue', revision: 2, previous: 1 } },
    });
    expect(roleOf(release, 'blue')).toMatchObject({ revision: 2, previous: { revision: 1 } });
  });

  it.each(['keep', 'rollback', 'stage'] as const)('can be given up: %s', async how => {
    const release = await staged();
    release.answer = () => (imageOf(release, 'blue') === 'site:v2' ? 500 : 200);
    await failureOf(release.promote(hot));
    if (how === 'keep') await release.promote({ idlePolicy: { policy: 'keep' } });
    else if (how === 'stage') await release.go(roleManifests('v3'));
    if (how !== 'stage') {
      await expect(release.rollback()).resolves.toMatchObject({ revision: 1 });
      expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
    } else expect(served(release.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(blueGreenStateOf(release.cluster)?.operation).toBeUndefined();
  });

  it('writes nothing more once somebody leads users back to the role', async () => {
    const release = await staged();
    const { cluster } = release;
    cluster.before = call => {
      if (call === 'REMOVE HorizontalPodAutoscaler shop/web-blue') lead(release, 'blue');
    };
    await expect(failureOf(release.promote(hot))).resolves.toMatchObject({
      error: { code: 'changed', message: 'Service shop/web leads users to blue now' },
      outcome: { serving: { kind: 'users-now', users: { kind: 'role', role: 'blue' } } },
    });
    expect([imageOf(release, 'blue'), served(cluster)]).toEqual(['site:v1', ['site:v1', 'site:v1']]);
  });

  it('says what the role still runs if nothing was written', async () => {
    const release = await staged();
    release.cluster.before = call => {
      if (call === 'APPLY HorizontalPodAutoscaler shop/web-green') lead(release, 'blue');
    };
    const failure = await failureOf(release.promote({ ...hot, drainMs: 0 }));
    expect(failure).toMatchObject({
      outcome: { serving: { said: { backup: { role: 'blue', runs: 1, rollback: 1 } } } },
    });
    expect(imageOf(release, 'blue')).toBe('site:v1');
  });
});
