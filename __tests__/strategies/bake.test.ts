import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { HttpCheck } from '../../src/inputs/checks/http.js';
import { fieldAt } from '../../src/kubernetes/fields.js';
import { describeServing } from '../../src/report/serving.js';
import type { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { breakPods } from '../support/cluster/run-controllers.js';
import {
  autoscalerRef,
  check,
  closeReleases,
  denied,
  failureOf,
  killed,
  leaseRef,
  releaseAfter,
  roleManifests,
  served,
  setReplicas,
  staged,
  stateOf,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const baking = { bakeMs: 100_000, drainMs: 7_000 } as const;
const green = ['site:v2', 'site:v2'];
const blue = ['site:v1', 'site:v1'];

/** What happens before the first wait of the bake, of which 30 s are over then. */
function duringBake(release: WebRelease, happens: () => void): void {
  let isDone = false;
  release.cluster.before = call => {
    // The drain is over.
    if (isDone || call !== 'GET Service shop/web' || !release.ctx().clock.waited.includes(30_000)) return;
    isDone = true;
    happens();
  };
}

/** Somebody leads users to a role with a tool of their own. */
function leadTo({ cluster: { store } }: WebRelease, role: string): void {
  const metadata = { name: 'web', namespace: 'shop' };
  store.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'web', role } } }, 'by-hand');
}

/** Revision 2 is staged on green, with one more check that runs only in a bake. */
const withBakeCheck = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'), {
    verify: [check, { ...(check as HttpCheck), target: '/baking', when: 'bake' }],
  });
});

const lowerBound = ({ cluster: { store } }: WebRelease): unknown =>
  fieldAt(store.get(autoscalerRef('web-blue')), ['spec', 'minReplicas']);

const sentBack = {
  outcome: {
    serving: { kind: 'switched-back', to: { role: 'blue', revision: 1 } },
    ...{ activeRole: 'blue', stagedRole: 'green' },
  },
};

function expectSentBack(release: WebRelease): void {
  expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
  expect(stateOf(release.cluster)).toMatchObject({ current: 1, staged: { revision: 2, role: 'green' } });
  expect(stateOf(release.cluster)?.history[0]).toMatchObject({ revision: 2, outcome: 'failed' });
}

describe('a promotion with a bake', () => {
  it('repeats the public checks after the drain until the time is over, and is on record then', async () => {
    const release = await staged();
    const rounds: unknown[] = [];
    release.answer = ({ kind }) => {
      if (kind === 'Service') rounds.push([unfinished(release.cluster), [...release.ctx().clock.waited]]);
      return 200;
    };
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched', activeRole: 'green' });
    expect(rounds).toEqual([
      ['switch', []],
      ['switch', [7_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000, 30_000, 10_000]],
    ]);
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([green, '-']);
  });

  it('says how far it is', async () => {
    const release = await staged();
    await release.promote(baking);
    expect(release.ctx().log.lines.filter(line => line.includes('Baking'))).toEqual([
      'Baking green for 1m40s: its checks are repeated, and a failure sends users back',
      'Baking green: 1m10s left, round 1 of checks passed',
      'Baking green: 40s left, round 2 of checks passed',
      'Baking green: 10s left, round 3 of checks passed',
    ]);
  });

  it('sends users back when a check fails', async () => {
    const release = await staged();
    duringBake(release, () => (release.answer = () => 500));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'verify' }, ...sentBack });
    expectSentBack(release);
  });

  it('sends users back when the new version loses its pods', async () => {
    const release = await staged();
    duringBake(release, () => breakPods(release.cluster, { app: 'web', role: 'green' }));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'switch' }, ...sentBack });
    expectSentBack(release);
  });

  it('sends users back when it is cancelled', async () => {
    const release = await staged();
    const cancel = new AbortController();
    release.signal = cancel.signal;
    duringBake(release, () => cancel.abort(new CutoverError('cancelled', { code: 'cancelled' })));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({
      ...{ error: { code: 'cancelled' }, ...sentBack },
    });
    expectSentBack(release);
  });

  it('leaves users where somebody else has led them', async () => {
    const release = await staged();
    duringBake(release, () => leadTo(release, 'blue'));
    const { cause, outcome } = (await failureOf(release.promote(baking))) as FailedStep;
    expect(cause).toMatchObject({
      code: 'changed',
      message: expect.stringMatching(
        /^Service shop\/web does not lead users to green any more: it selects app=web,role=blue now, and not app=web,role=green\. Field manager by-hand has set spec\.selector at \S+Z$/,
      ),
    });
    expect(outcome.serving).toMatchObject({
      ...{ kind: 'users-now', users: { kind: 'role', role: 'blue' } },
      said: { kind: 'not-switched-back', role: 'green', why: { kind: 'moved-away' } },
    });
    expect(describeServing(outcome.serving)).toBe(
      'Users are on blue: the public Service leads there now. This step had switched Service shop/web to green, revision 2: somebody else has changed that since, so it was left as it is.',
    );
    expect(release.cluster.writes().filter(call => call === 'APPLY Service shop/web')).toHaveLength(1);
  });

  it.each([
    ['promote', 'green', '-'],
    ['rollback', 'blue', '-'],
  ] as const)('that others have ended is followed by %s, as its message says', async (action, role, left) => {
    const release = await staged();
    duringBake(release, () => leadTo(release, 'blue'));
    const { cause } = (await failureOf(release.promote(baking))) as FailedStep;
    expect(cause).toMatchObject({ hint: expect.stringContaining(`\`action: ${action}\``) });
    release.cluster.before = () => undefined;
    if (action === 'promote') leadTo(release, 'green');
    await release[action]({});
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([role === 'green' ? green : blue, left]);
  });

  it('leaves users where somebody else has led them while connections are closed', async () => {
    const release = await staged();
    release.cluster.before = call => {
      if (call.startsWith('EVICT')) leadTo(release, 'blue');
    };
    const { outcome } = (await failureOf(release.promote({ ...baking, closeConnections: 'auto' }))) as FailedStep;
    expect(outcome.serving).toMatchObject({
      ...{ kind: 'users-now', users: { kind: 'role', role: 'blue' } },
      said: { kind: 'not-switched-back', why: { kind: 'moved-away' } },
    });
  });

  it('runs checks that are meant for it in each round, and not before', async () => {
    const release = await withBakeCheck();
    const asked: unknown[] = [];
    release.answer = ({ kind, path }) => {
      if (kind === 'Service' && path === '/baking') asked.push(release.ctx().clock.waited.length);
      return 200;
    };
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched' });
    expect(asked).toEqual([2, 3, 4, 5]);
  });

  it('sends users back when a check that is meant for it fails', async () => {
    const release = await withBakeCheck();
    release.answer = ({ path }) => (path === '/baking' ? 500 : 200);
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'verify' }, ...sentBack });
    expectSentBack(release);
  });

  it('is required where the revision was staged with a check for it', async () => {
    const release = await withBakeCheck();
    await expect(release.promote()).rejects.toMatchObject({
      code: 'input',
      message:
        'Revision 2 was staged with a check for the bake (`when: bake`), and this step has no bake: nothing was switched',
    });
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
    await expect(release.promote({ verify: [check] })).resolves.toMatchObject({ outcome: 'switched' });
  });

  it('that is killed is undone by its post step', async () => {
    const release = await staged();
    duringBake(release, () => {
      release.cluster.before = () => {
        throw killed;
      };
      throw killed;
    });
    await failureOf(release.promote(baking));
    expect(unfinished(release.cluster)).toBe('switch');
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored' });
    expectSentBack(release);
  });

  it('that is killed with its runner is repeated by the same step, and a failure still sends users back', async () => {
    const release = await staged();
    duringBake(release, () => {
      release.cluster.before = () => {
        throw killed;
      };
      throw killed;
    });
    await failureOf(release.promote(baking));
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
    duringBake(release, () => (release.answer = () => 500));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'verify' } });
    expectSentBack(release);
    release.answer = () => 200;
    release.cluster.before = () => undefined;
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched', activeRole: 'green' });
  });

  it('closes connections before the bake, and only once', async () => {
    const release = await staged();
    const evicted: unknown[] = [];
    release.cluster.before = call => {
      if (call.startsWith('EVICT')) evicted.push(unfinished(release.cluster));
    };
    const outcome = await release.promote({ ...baking, closeConnections: 'auto' });
    expect(outcome.serving).toMatchObject({ idle: { kind: 'kept', connections: { kind: 'closed', pods: 2 } } });
    expect(evicted).toEqual(['switch', 'switch']);
  });

  it('is left out for a first release, which leaves no role to send users back to', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched' });
    expect(release.ctx().clock.waited).toEqual([]);
    expect(release.ctx().log.lines).toContain('A first release is not baked: there is no role to send users back to');
  });
});

describe('the old role during a bake', () => {
  /** Users are on blue with four pods, of which the autoscaler needs two only. */
  const four = releaseAfter(async release => {
    await release.stage(roleManifests('v1'));
    await release.promote();
    setReplicas(release.cluster, 'web-blue', 4);
    await release.stage(roleManifests('v2'));
  });

  it('keeps its size: its autoscaler takes no pods away, and is as recorded afterwards', async () => {
    const release = await four();
    const seen: unknown[] = [];
    duringBake(release, () => seen.push(lowerBound(release)));
    await release.promote(baking);
    expect([seen, lowerBound(release)]).toEqual([[4], 2]);
  });

  it('and only that has an autoscaler when users are back: the new role is only staged again', async () => {
    const release = await four();
    const { store } = release.cluster;
    const scaled = () => ['web-blue', 'web-green'].filter(name => store.get(autoscalerRef(name)) !== undefined);
    const during: unknown[] = [];
    duringBake(release, () => {
      during.push(scaled());
      release.answer = () => 500;
    });
    expect(scaled()).toEqual(['web-blue']);
    await failureOf(release.promote(baking));
    expect([during, scaled()]).toEqual([[['web-blue', 'web-green']], ['web-blue']]);
    release.answer = () => 200;
    release.cluster.before = () => undefined;
    await release.promote(baking);
    expect(scaled()).toEqual(['web-blue', 'web-green']);
  });

  it('and only that has an autoscaler when the post step has sent users back', async () => {
    const release = await four();
    const { store } = release.cluster;
    duringBake(release, () => {
      release.cluster.before = () => {
        throw killed;
      };
      throw killed;
    });
    await failureOf(release.promote(baking));
    expect(store.get(autoscalerRef('web-green'))).toBeDefined();
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored' });
    expect(store.get(autoscalerRef('web-green'))).toBeUndefined();
  });

  it('keeps its own autoscaler where the one of the new role may not be removed, and users are back', async () => {
    const release = await four();
    duringBake(release, () => {
      release.answer = () => 500;
      release.cluster.before = call => {
        if (call.startsWith('REMOVE HorizontalPodAutoscaler')) throw denied;
      };
    });
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject(sentBack);
    expect(release.ctx().log.lines.join('\n')).toMatch(
      /HorizontalPodAutoscaler shop\/web-green could not be removed \(.*\): it scales green, which is only staged/,
    );
  });

  it('keeps its size when users are back, whatever its autoscaler measured without them, until a bake passes', async () => {
    const release = await four();
    duringBake(release, () => (release.answer = () => 500));
    await failureOf(release.promote(baking));
    expect(lowerBound(release)).toBe(4);
    expect(release.ctx().log.lines.join('\n')).toContain(
      'HorizontalPodAutoscaler shop/web-blue: takes no pods away from blue until the next bake that passes',
    );
    [release.answer, release.cluster.before] = [() => 200, () => undefined];
    await release.promote(baking);
    expect(lowerBound(release)).toBe(2);
  });
});
