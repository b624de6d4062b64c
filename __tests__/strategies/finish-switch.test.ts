import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import {
  application,
  autoscalerRef,
  closeReleases,
  configRef,
  deploymentRef,
  failureOf,
  killAtWrite,
  leaseRef,
  refuseWrites,
  releaseAfter,
  replicasIn,
  roleManifests,
  served,
  serviceRef,
  staged,
  stateOf,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** The configuration has another name in each version, as that of kustomize has. */
const versioned = (version: string): string =>
  roleManifests(version).replace('{name: web-$<TARGET_ROLE>}', `{name: web-$<TARGET_ROLE>-${version}}`);

/** Users are on green, revision 2; revision 3 is staged on blue, over revision 1 and beside its configuration. */
const stagedOverEarlier = releaseAfter(async release => {
  await release.stage(versioned('v1'));
  await release.promote();
  await release.stage(versioned('v2'));
  await release.promote();
  await release.stage(versioned('v3'));
});

const down = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
const green = ['site:v2', 'site:v2'];
const sizes = ({ cluster }: WebRelease) => ['web-blue', 'web-green'].map(name => replicasIn(cluster, name));
/** Writes that are not of the record or the lock. */
const writes = ({ cluster }: WebRelease) => cluster.writes().filter(write => !write.includes('cutover-web'));
/** A run that was killed at this write of its promotion, and whose lock has run out since. */
async function lost(release: WebRelease, n: number): Promise<void> {
  killAtWrite(release.cluster, n);
  await failureOf(release.promote(down));
  release.cluster.before = () => undefined;
  release.cluster.store.remove(leaseRef);
}

describe('what follows a switch', () => {
  it('keeps the role that users left as it is, and waits for nothing', async () => {
    const release = await staged();
    await release.promote({ idlePolicy: { policy: 'keep' } });
    expect(writes(release)).toEqual(['APPLY Service shop/web', 'APPLY HorizontalPodAutoscaler shop/web-green']);
    expect([sizes(release), release.ctx().clock.waited]).toEqual([[2, 2], []]);
    expect(release.cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
  });

  it('scales down only the role that users left, after the whole drain time', async () => {
    const release = await staged();
    const { cluster } = release;
    const waited: unknown[] = [];
    cluster.before = call => {
      // Requests that were accepted before the switch are still being answered there.
      if (call === 'APPLY Deployment shop/web-blue') waited.push([...release.ctx().clock.waited]);
    };
    await release.promote({ idlePolicy: { policy: 'scale-down', replicas: 1 }, drainMs: 7_000 });
    expect([waited, sizes(release), served(cluster)]).toEqual([[[7_000]], [1, 2], green]);
  });

  it('owns the replicas that it sets: the next deploy meets no conflict', async () => {
    const release = await staged();
    await release.promote(down);
    await expect(release.stage(roleManifests('v3'))).resolves.toMatchObject({ outcome: 'staged', stagedRole: 'blue' });
    expect(sizes(release)).toEqual([2, 2]);
  });

  it('does not scale up a role that is smaller already', async () => {
    const release = await staged();
    const { store } = release.cluster;
    const blue = store.get(deploymentRef('web-blue'))!;
    store.update({ ...blue, spec: { ...(blue['spec'] as object), replicas: 0 } });
    await release.promote({ idlePolicy: { policy: 'scale-down', replicas: 1 } });
    expect(writes(release)).not.toContain('APPLY Deployment shop/web-blue');
    expect(sizes(release)).toEqual([0, 2]);
  });

  it('drains nothing after a first release: there is no role that users left', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote(down);
    expect(writes(release)).toEqual(['APPLY Service shop/web', 'APPLY HorizontalPodAutoscaler shop/web-blue']);
    expect([release.ctx().clock.waited, unfinished(release.cluster)]).toEqual([[], '-']);
  });

  it('is complete when only its last record cannot be written; the next run repeats it and changes nothing', async () => {
    const release = await staged();
    const { cluster } = release;
    refuseWrites(cluster, 8);
    await expect(release.promote(down)).resolves.toMatchObject({ outcome: 'switched' });
    expect(unfinished(cluster)).toBe('finish');
    const before = application(cluster);
    cluster.before = () => undefined;
    await expect(release.promote(down)).resolves.toMatchObject({ outcome: 'switched', revision: 2 });
    expect([application(cluster), unfinished(cluster), served(cluster)]).toEqual([before, '-', green]);
  });
});

describe('a promotion of a revision while the work after another switch is left', () => {
  it.each([1, 3, 9])('is refused, and finishes nothing: revision %i', async revision => {
    const release = await staged();
    await lost(release, 6);
    await expect(failureOf(release.promote({ ...down, revision }))).resolves.toMatchObject({
      code: 'changed',
      message: 'The work after the switch to revision 2 of release web was never finished; nothing was changed',
    });
    expect([writes(release), unfinished(release.cluster), sizes(release)]).toEqual([[], 'finish', [2, 2]]);
    await expect(release.promote({ ...down, revision: 2 })).resolves.toMatchObject({
      outcome: 'switched',
      revision: 2,
    });
    expect([unfinished(release.cluster), sizes(release)]).toEqual(['-', [0, 2]]);
  });
});

describe('a role that users are sent back to while it is scaled down', () => {
  const twoDeployments = (version: string): string => {
    const text = roleManifests(version);
    const second = text.split('---\n')[1]!.replaceAll('web-$<TARGET_ROLE>', 'web-more-$<TARGET_ROLE>');
    return `${text}---\n${second.replaceAll('app: web,', 'app: web, part: more,')}`;
  };
  const stagedTwo = releaseAfter(async release => {
    await release.stage(twoDeployments('v1'));
    await release.promote();
    await release.stage(twoDeployments('v2'));
  });
  const sendBack = ({ cluster }: WebRelease): void => {
    const service = cluster.store.get(serviceRef('web'))!;
    const selector = { app: 'web', role: 'blue' };
    cluster.store.update({ ...service, spec: { ...(service['spec'] as object), selector } }, { manager: 'kubectl' });
  };

  it.each([
    ['before its autoscaler', 'GET Secret shop/cutover-web.1', { replicas: [2, 2], isScaled: true }],
    [
      'before its first Deployment',
      'REMOVE HorizontalPodAutoscaler shop/web-blue',
      { replicas: [2, 2], isScaled: false },
    ],
    ['between its two Deployments', 'APPLY Deployment shop/web-blue', { replicas: [0, 2], isScaled: false }],
  ] as const)('keeps what it still has: %s', async (_when, call, { replicas, isScaled }) => {
    const release = await stagedTwo();
    const { cluster } = release;
    cluster.before = now => {
      if (now === call) sendBack(release);
    };
    await expect(failureOf(release.promote(down))).resolves.toMatchObject({
      error: {
        code: 'changed',
        message: 'Service shop/web selects blue again, so nothing more was taken from blue',
      },
      outcome: {
        ...{ activeRole: 'blue', idleRole: 'green' },
        serving: {
          kind: 'users-now',
          users: { kind: 'role', role: 'blue' },
          said: { kind: 'switched-unfinished', role: 'green' },
        },
      },
    });
    expect(served(cluster)).toContain('site:v1');
    expect(['web-blue', 'web-more-blue'].map(name => replicasIn(cluster, name))).toEqual(replicas);
    expect(cluster.store.get(autoscalerRef('web-blue')) !== undefined).toBe(isScaled);
    expect(unfinished(cluster)).toBe('finish');
  });
});

describe('the configuration of an earlier revision of the new role', () => {
  it('is deleted after the switch and no sooner: a rejection still needs it', async () => {
    const release = await stagedOverEarlier();
    const { cluster } = release;
    expect(cluster.store.get(configRef('web-blue-v1'))).toBeDefined();
    await release.promote();
    expect(writes(release)).toEqual([
      'APPLY Service shop/web',
      'APPLY HorizontalPodAutoscaler shop/web-blue',
      'REMOVE ConfigMap shop/web-blue-v1',
    ]);
    expect([configRef('web-green-v2'), configRef('web-blue-v3')].map(ref => cluster.store.get(ref))).not.toContain(
      undefined,
    );
  });

  it('stays if the new one still refers to it: others may manage it by now', async () => {
    const reading = (version: string): string =>
      roleManifests(version).replace(
        'ports: [{containerPort: 8080}]}]',
        'ports: [{containerPort: 8080}], envFrom: [{configMapRef: {name: web-$<TARGET_ROLE>}}]}]',
      );
    const release = webRelease();
    for (const version of ['v1', 'v2']) {
      await release.stage(reading(version));
      await release.promote();
    }
    const [, ...withoutConfig] = reading('v3').split('---\n');
    await release.stage(withoutConfig.join('---\n'));
    await release.promote();
    expect(served(release.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(release.cluster.store.get(configRef('web-blue'))).toMatchObject({ data: { version: 'v1' } });
  });

  it('is deleted by the next run when the first one was killed before', async () => {
    const release = await stagedOverEarlier();
    await lost(release, 6);
    expect(release.cluster.store.get(configRef('web-blue-v1'))).toBeDefined();
    await release.promote();
    expect(release.cluster.store.get(configRef('web-blue-v1'))).toBeUndefined();
    expect([unfinished(release.cluster), served(release.cluster)]).toEqual(['-', ['site:v3', 'site:v3']]);
  });
});

describe('a drain that is interrupted', () => {
  it('by a cancel leaves both roles running and is unfinished on record; the next run drains for the whole time', async () => {
    const release = await staged();
    const { cluster } = release;
    const cancel = new AbortController();
    release.signal = cancel.signal;
    cluster.before = call => {
      if (call === 'APPLY HorizontalPodAutoscaler shop/web-green')
        cancel.abort(new CutoverError('the run was cancelled', { code: 'cancelled' }));
    };
    const failure = await failureOf(release.promote(down));
    expect(failure).toMatchObject({ error: { code: 'cancelled' }, outcome: { activeRole: 'green', idleRole: 'blue' } });
    expect([sizes(release), served(cluster), unfinished(cluster), stateOf(cluster)?.current]).toEqual([
      [2, 2],
      green,
      'finish',
      2,
    ]);
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();

    release.signal = new AbortController().signal;
    await expect(release.promote(down)).resolves.toMatchObject({
      outcome: 'switched',
      activeRole: 'green',
      idleRole: 'blue',
    });
    expect([sizes(release), release.ctx().clock.waited]).toEqual([[0, 2], [30_000]]);
    expect(unfinished(cluster)).toBe('-');
  });

  it('by a kill is not continued on a role that somebody has moved users to', async () => {
    const release = await staged();
    const { cluster } = release;
    await lost(release, 6);
    const service = cluster.store.get(serviceRef('web'))!;
    cluster.store.update({
      ...service,
      spec: { ...(service['spec'] as object), selector: { app: 'web', role: 'blue' } },
    });
    await expect(failureOf(release.promote(down))).resolves.toMatchObject({ code: 'changed' });
    expect([sizes(release), writes(release), unfinished(cluster)]).toEqual([[2, 2], [], 'finish']);
  });

  it('by a kill in a rollback is completed by the next rollback, whose outcome is rolled-back', async () => {
    const release = await staged();
    const { cluster } = release;
    await release.promote();
    killAtWrite(cluster, 7);
    await failureOf(release.rollback(down));
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    expect([unfinished(cluster), stateOf(cluster)?.current]).toEqual(['finish', 1]);
    await expect(release.rollback(down)).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 1,
      activeRole: 'blue',
    });
    expect([sizes(release), served(cluster), unfinished(cluster)]).toEqual([[2, 0], ['site:v1', 'site:v1'], '-']);
  });
});
