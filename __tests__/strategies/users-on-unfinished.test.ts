import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CutoverError } from '../../src/errors.js';
import { idle } from '../support/cluster/run-controllers.js';
import { falseWords, watchUsers } from '../support/strategies/kills.js';
import { leftLines } from '../support/strategies/left-lines.js';
import { worker } from '../support/strategies/role-extras.js';
import { promoted, select, site } from '../support/strategies/switched-by-others.js';
import {
  application,
  blueGreenStateOf,
  closeReleases,
  configRef,
  endOf,
  failureOf,
  killAtWrite,
  killed,
  leaseRef,
  releaseAfter,
  served,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

beforeEach(() => {
  // Only the date: what has served was applied long before.
  const doNotFake = [
    ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
    ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
  ];
  jest.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z'), doNotFake });
});
afterEach(() => {
  closeReleases();
  jest.useRealTimers();
});

/** Somebody leads users to a role by hand. */
async function leadTo(web: WebRelease, role: string): Promise<void> {
  select(web, { app: 'web', role });
  await idle();
}

/** The same as `promoted`, with fields of others taken over by each revision. */
const promotedByForce = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(site(version), { forceConflicts: true });
    await web.promote();
  }
});

const deployment = 'APPLY Deployment shop/web-blue';

/** v3 is half-staged on blue. */
async function leaveStaging(web: WebRelease): Promise<void> {
  web.cluster.before = call => {
    if (call === deployment) throw killed;
  };
  await failureOf(web.stage(site('v3'), { rollbackOnFailure: false }));
  web.cluster.before = () => undefined;
}

/** v3 is staged on blue by a step that failed then. */
async function leaveFailedChecks(web: WebRelease): Promise<void> {
  web.answer = () => 500;
  await failureOf(web.stage(site('v3'), { rollbackOnFailure: false }));
  web.answer = () => 200;
}

/** The rejection of v3 on blue was killed. */
async function leaveRejection(web: WebRelease): Promise<void> {
  await web.stage(site('v3'));
  killAtWrite(web.cluster, 3);
  await endOf(web.reject());
  web.cluster.before = () => undefined;
  web.cluster.store.remove(leaseRef);
}

/** Users were on v2, which is bad, and somebody has led them to blue, where v1 was and something is unfinished. */
const ledTo = (given: () => Promise<WebRelease>, leave: (web: WebRelease) => Promise<void>) => async () => {
  const web = await given();
  jest.setSystemTime(Date.now() + 60_000);
  await leave(web);
  await leadTo(web, 'blue');
  return web;
};

const ledToStaging = ledTo(promoted, leaveStaging);

const situations = [
  ['a half-done staging', 'stage', leaveStaging],
  ['a staging whose checks failed', 'stage', leaveFailedChecks],
  ['a half-done rejection', 'reject', leaveRejection],
] as const;

describe.each([
  ['by force', promotedByForce],
  ['without force', promoted],
])('a rollback, of revisions that were staged %s, once somebody has led users to', (_force, given) => {
  it.each(situations)('%s leaves them there, restores that role and records it', async (_what, kind, leave) => {
    const web = await ledTo(given, leave)();
    const { cluster } = web;
    expect(unfinished(cluster)).toBe(kind);
    const faults = watchUsers(web, ['site:v1', 'site:v3']);
    const end = await endOf(web.rollback());
    await idle();
    expect(faults()).toEqual([]);
    expect(end).toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue', idleRole: 'green' });
    expect(web.ctx().log.lines.join('\n')).toMatch(
      /Service shop\/web leads users to blue, where the (staging|rejection) of revision 3 was never finished: they stay there, while blue is restored to revision 1/,
    );
    expect([served(cluster), falseWords(web, end)]).toEqual([['site:v1', 'site:v1'], []]);
    expect(cluster.store.get(configRef('web-blue'))).toMatchObject({ data: { version: 'v1' } });
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, roles: { blue: { revision: 1 } } });
    expect(blueGreenStateOf(cluster)).not.toHaveProperty('staged');
    expect(unfinished(cluster)).toBe('-');
    await expect(web.stage(site('v4'), { forceConflicts: true })).resolves.toMatchObject({ stagedRole: 'green' });
  });
});

describe.each(situations)('a rollback that fails with users on %s', (_what, kind, leave) => {
  const given = ledTo(promoted, leave);
  const left = { kind, revision: 3, role: 'blue' };

  it('keeps on record what is unfinished there', async () => {
    const web = await given();
    web.answer = () => 500;
    await expect(failureOf(web.rollback())).resolves.toMatchObject({
      ...{ error: { code: 'verify' }, outcome: { activeRole: 'blue' } },
    });
    expect(blueGreenStateOf(web.cluster)?.operation).toMatchObject(left);
    web.answer = () => 200;
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
  });

  it('keeps it on record after its switch, too', async () => {
    const web = await given();
    let isSwitched = false;
    web.cluster.before = call => {
      isSwitched ||= call === 'APPLY Service shop/web';
    };
    web.answer = () => (isSwitched ? 500 : 200);
    await expect(failureOf(web.rollback())).resolves.toMatchObject({ error: { code: 'verify' } });
    await idle();
    expect(blueGreenStateOf(web.cluster)?.operation).toMatchObject(left);
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it.each(['post', 'lost'])('keeps it on record when it is killed as it restores the role (%s)', async then => {
    const web = await given();
    const { cluster } = web;
    let isBegun = false;
    cluster.before = call => {
      if (isBegun) throw killed;
      isBegun = call === 'REPLACE Secret shop/cutover-web';
    };
    await failureOf(web.rollback());
    cluster.before = () => undefined;
    if (then === 'post') expect(await web.post()).toMatchObject({ kind: 'reached', to: 'blue' });
    else cluster.store.remove(leaseRef);
    expect(blueGreenStateOf(cluster)?.operation).toMatchObject(left);
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(served(cluster)).toEqual(['site:v1', 'site:v1']);
  });
});

/** Staged and promoted: v1 on blue, v2 on green. Then v3 failed its checks on blue, and somebody has led users there. */
const ledToFailed = (manifests: (version: string) => string, forceConflicts = false) =>
  releaseAfter(async web => {
    for (const version of ['v1', 'v2']) {
      await web.stage(manifests(version), { forceConflicts });
      await web.promote();
    }
    web.answer = () => 500;
    await failureOf(web.stage(manifests('v3'), { forceConflicts, rollbackOnFailure: false }));
    web.answer = () => 200;
    await leadTo(web, 'blue');
  });

/** A second Deployment, whose pods the public Service selects too if `app` is `web`. */
const second = (version: string, app: string, strategy: string): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: second-$<TARGET_ROLE>, namespace: shop}
spec:
  replicas: 1
  strategy: {type: ${strategy}}
  selector: {matchLabels: {app: ${app}, part: second, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: ${app}, part: second, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: main, image: 'site:${version}'}]}
`;

describe.each([
  [
    'is recreated',
    { strategy: '{type: Recreate}', why: 'Its update strategy replaces all pods at once.', force: true },
  ],
  [
    'is recreated',
    { strategy: '{type: Recreate}', why: 'Its update strategy replaces all pods at once.', force: false },
  ],
  [
    'may lose all pods',
    {
      strategy: '{rollingUpdate: {maxUnavailable: 100%, maxSurge: 0}}',
      why: 'Its update strategy allows all pods to be unavailable.',
      force: false,
    },
  ],
])(
  'a rollback once somebody has led users to a failed staging of a Deployment that %s',
  (_what, { strategy, why, force }) => {
    const manifests = (version: string) =>
      site(version).replace('  selector: {matchLabels', `  strategy: ${strategy}\n  selector: {matchLabels`);
    const given = ledToFailed(manifests, force);

    it('takes no pod from them, and says what works', async () => {
      const web = await given();
      const before = application(web.cluster);
      const faults = watchUsers(web, ['site:v1', 'site:v3']);
      const failure = await failureOf(web.rollback());
      await idle();
      expect(faults()).toEqual([]);
      expect(failure).toMatchObject({
        error: {
          code: 'changed',
          object: 'Deployment shop/web-blue',
          message: expect.stringContaining(
            'restoring revision 1 there would take all pods of Deployment shop/web-blue from them',
          ),
          hint: `${why} If green has ready pods (\`action: status\` tells), point the public Service at green with the tool that switched it. Then \`action: reject\` restores blue. After that, point the Service at blue again, and \`action: rollback\` records that users are there.`,
        },
      });
      expect([application(web.cluster), unfinished(web.cluster)]).toEqual([before, 'stage']);
      expect(blueGreenStateOf(web.cluster)).not.toHaveProperty('left');
      await leadTo(web, 'green');
      await web.reject();
      await leadTo(web, 'blue');
      await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue' });
    });
  },
);

describe('a rollback once somebody has led users to a failed staging, with a second Deployment', () => {
  it('that no user reaches, recreates that one', async () => {
    const manifests = (version: string) => site(version) + second(version, 'second', 'Recreate');
    const web = await ledToFailed(manifests)();
    const faults = watchUsers(web, ['site:v1', 'site:v3']);
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue' });
    await idle();
    expect([served(web.cluster), faults()]).toEqual([['site:v1', 'site:v1'], []]);
  });

  it('of the failed version alone, stops if users reach its pods', async () => {
    const manifests = (version: string) =>
      site(version) + (version === 'v3' ? second(version, 'web', 'RollingUpdate') : '');
    const web = await ledToFailed(manifests)();
    const before = application(web.cluster);
    await expect(failureOf(web.rollback())).resolves.toMatchObject({
      error: {
        ...{ code: 'changed', object: 'Deployment shop/second-blue' },
        message:
          'Users are on blue, and restoring revision 1 there would leave them on pods of Deployment shop/second-blue; no pod was replaced',
      },
    });
    expect([application(web.cluster), unfinished(web.cluster)]).toEqual([before, 'stage']);
    await leadTo(web, 'green');
    await web.reject();
    await leadTo(web, 'blue');
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue' });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });
});

it('a rollback that leaves users on a failed staging keeps on record what only that had', async () => {
  const web = await promotedByForce();
  web.answer = () => 500;
  await failureOf(web.stage(site('v3') + worker, { forceConflicts: true, rollbackOnFailure: false }));
  web.answer = () => 200;
  await leadTo(web, 'blue');
  await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
  await web.stage(site('v4'), { forceConflicts: true });
  expect(leftLines(web)).toEqual([
    'No longer among the manifests, but still live: Deployment shop/worker-blue. If nobody needs them: `kubectl delete -n shop deployment.apps/worker-blue`.',
  ]);
});

describe('a rollback once somebody has led users to a half-done staging on a role that never served', () => {
  const given = (forceConflicts: boolean) =>
    releaseAfter(async web => {
      await web.stage(site('v1'), { forceConflicts });
      await web.promote();
      web.answer = () => 500;
      await failureOf(web.stage(site('v2'), { rollbackOnFailure: false }));
      await leadTo(web, 'green');
    });
  const half = given(false);
  const byForce = given(true);

  it('sends them back to the only version that served', async () => {
    const web = await byForce();
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1, activeRole: 'blue' });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('has the next deploy name what only the half-done staging had', async () => {
    const web = await releaseAfter(async one => {
      await one.stage(site('v1'), { forceConflicts: true });
      await one.promote();
      one.answer = () => 500;
      await failureOf(one.stage(site('v2') + worker, { forceConflicts: true, rollbackOnFailure: false }));
      one.answer = () => 200;
      await leadTo(one, 'green');
    })();
    await web.rollback();
    expect(web.ctx().log.lines.join('\n')).toContain(
      'Service shop/web leads users to green, where the staging of revision 2 was never finished: they are sent to blue, revision 1.',
    );
    expect([unfinished(web.cluster), blueGreenStateOf(web.cluster)?.staged]).toEqual(['-', undefined]);
    await web.stage(site('v3'), { forceConflicts: true });
    expect(leftLines(web)).toEqual([
      'No longer among the manifests, but still live: Deployment shop/worker-green. If nobody needs them: `kubectl delete -n shop deployment.apps/worker-green`.',
    ]);
  });

  it('keeps on record what is unfinished when it fails', async () => {
    const web = await half();
    const before = application(web.cluster);
    // The tool that switched the Service owns its selector.
    await expect(failureOf(web.rollback())).resolves.toMatchObject({ error: { code: 'conflict' } });
    expect(application(web.cluster)).toEqual(before);
    expect(blueGreenStateOf(web.cluster)?.operation).toMatchObject({ kind: 'stage', revision: 2, role: 'green' });
  });

  it('is not among what the hint of a deploy names; the tool that switched the Service is', async () => {
    const web = await half();
    const { hint } = (await failureOf(web.stage(site('v3')))) as CutoverError;
    expect(hint).not.toContain('`action: rollback`');
    expect(hint).toContain(
      'point the Service at blue with the tool that switched it; then `action: reject` restores green',
    );
    await leadTo(web, 'blue');
    await expect(web.reject()).resolves.toMatchObject({ outcome: 'rejected', activeRole: 'blue' });
  });
});

describe('a deploy once somebody has led users to a half-done staging', () => {
  const message = 'Service shop/web leads users to blue, where the staging of revision 3 was never finished';

  it('writes nothing, and says what works', async () => {
    const web = await ledToStaging();
    const before = application(web.cluster);
    await expect(failureOf(web.stage(site('v4')))).resolves.toMatchObject({
      code: 'changed',
      message: `${message}; nothing was written`,
      hint: expect.stringMatching(
        /`action: rollback` leaves users on blue, and restores revision 1 there; after that, stage again\. If users should be on green/,
      ),
    });
    expect([application(web.cluster), unfinished(web.cluster)]).toEqual([before, 'stage']);
    await expect(failureOf(web.plan(site('v4')))).resolves.toMatchObject({ code: 'changed' });
    await expect(failureOf(web.stage(site('v4'), { forceConflicts: true }))).resolves.toMatchObject({
      code: 'changed',
    });
    expect(application(web.cluster)).toEqual(before);
  });

  it('stages a hotfix that users get after a rollback', async () => {
    const web = await ledTo(promotedByForce, leaveStaging)();
    await web.rollback();
    await expect(web.stage(site('v4'), { forceConflicts: true })).resolves.toMatchObject({ stagedRole: 'green' });
    await expect(web.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 4 });
    expect(served(web.cluster)).toEqual(['site:v4', 'site:v4']);
  });

  it('with force-conflicts stages there again once they are on the other role', async () => {
    const web = await ledToStaging();
    await leadTo(web, 'green');
    // The tool that switched the Service owns its selector.
    await expect(failureOf(web.stage(site('v4')))).resolves.toMatchObject({ code: 'conflict' });
    const end = await web.stage(site('v4'), { forceConflicts: true });
    expect(end).toMatchObject({ outcome: 'staged', activeRole: 'green', stagedRole: 'blue' });
  });
});

describe('a rejection once somebody has led users to', () => {
  it.each(situations)('%s changes nothing, and says what works', async (_what, kind, leave) => {
    const web = await ledTo(promoted, leave)();
    const before = application(web.cluster);
    const what = kind === 'stage' ? 'staging' : 'rejection';
    const failure = await failureOf(web.reject());
    expect(failure).toMatchObject({
      code: 'changed',
      message: `Users are on blue, where the ${what} of revision 3 was never finished; nothing was changed`,
      hint: expect.stringContaining('`action: rollback` leaves users on blue, and restores revision 1 there;'),
    });
    expect([application(web.cluster), unfinished(web.cluster)]).toEqual([before, kind]);
  });
});

describe('a rejection of a half-done staging, once somebody has led users back to the other role', () => {
  it('restores what the role ran', async () => {
    const web = await ledToStaging();
    await leadTo(web, 'green');
    await expect(web.reject()).resolves.toMatchObject({ outcome: 'rejected', activeRole: 'green' });
    expect(web.cluster.store.get(configRef('web-blue'))).toMatchObject({ data: { version: 'v1' } });
  });
});
