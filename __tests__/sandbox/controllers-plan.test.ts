import { describe, expect, it } from '@jest/globals';
import { judgeJob } from '../../sandbox/controllers/workloads/job.js';
import type { Job } from '../../sandbox/controllers/kinds.js';
import { firstToGo } from '../../sandbox/controllers/workloads/pod-ranking.js';
import type { Pod } from '../../sandbox/controllers/pod.js';
import type { SetState } from '../../sandbox/controllers/workloads/rollout-plan.js';
import { limitsOf, planRolling, planScaling } from '../../sandbox/controllers/workloads/rollout-plan.js';
import { planStateful } from '../../sandbox/controllers/workloads/stateful-set-plan.js';
import type { OrdinalPod, StatefulGoal } from '../../sandbox/controllers/workloads/stateful-set-plan.js';
import { templateHash, withHash } from '../../sandbox/controllers/template-hash.js';

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'site:v1' }] } };
const set = (name: string, replicas: number, available: number): SetState => ({ name, replicas, available });

describe('limits of a rolling update', () => {
  it.each([
    [4, undefined, undefined, { maxSurge: 1, maxUnavailable: 1 }],
    [3, undefined, undefined, { maxSurge: 1, maxUnavailable: 0 }],
    [2, '50%', '50%', { maxSurge: 1, maxUnavailable: 1 }],
    [10, '25%', '25%', { maxSurge: 3, maxUnavailable: 2 }],
    [3, 0, 0, { maxSurge: 0, maxUnavailable: 1 }],
    [3, 0, '10%', { maxSurge: 0, maxUnavailable: 1 }],
    [2, 3, 5, { maxSurge: 3, maxUnavailable: 2 }],
  ])(
    'of %i replicas, surge %s and unavailable %s round as Kubernetes does',
    (...[replicas, maxSurge, maxUnavailable, limits]) => {
      const rollingUpdate = {
        ...(maxSurge === undefined ? {} : { maxSurge }),
        ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
      };
      const spec = { replicas, selector: {}, template, strategy: { type: 'RollingUpdate', rollingUpdate } };
      expect(limitsOf(spec)).toEqual(limits);
    },
  );

  it('of Recreate let every pod be missing', () => {
    const spec = { replicas: 3, selector: {}, template, strategy: { type: 'Recreate' } };
    expect(limitsOf(spec)).toEqual({ maxSurge: 0, maxUnavailable: 3 });
  });
});

describe('a step of a rolling update', () => {
  const surgeOne = { replicas: 3, limits: { maxSurge: 1, maxUnavailable: 0 } };
  const surgeTwo = { replicas: 10, limits: { maxSurge: 2, maxUnavailable: 2 } };
  const missingOne = { replicas: 3, limits: { maxSurge: 0, maxUnavailable: 1 } };
  it.each([
    ['grows the new set into the surge first', surgeOne, set('new', 0, 0), [set('old', 3, 3)], { new: 1 }],
    ['waits while the new pod is not available', surgeOne, set('new', 1, 0), [set('old', 3, 3)], {}],
    ['takes an old pod for an available new one', surgeOne, set('new', 1, 1), [set('old', 3, 3)], { old: 2 }],
    ['deletes an old pod first when there is no surge', missingOne, set('new', 0, 0), [set('old', 3, 3)], { old: 2 }],
    ['then fills it', missingOne, set('new', 0, 0), [set('old', 2, 2)], { new: 1 }],
    [
      'drops old pods that serve nobody before any other',
      surgeOne,
      set('new', 1, 0),
      [set('bad', 1, 0), set('old', 2, 2)],
      {},
    ],
    [
      'drops unavailable old pods as soon as it may',
      missingOne,
      set('new', 0, 0),
      [set('bad', 1, 0), set('old', 2, 2)],
      { bad: 0 },
    ],
    ['shrinks a new set that is too big', surgeOne, set('new', 5, 5), [], { new: 3 }],
    ['is none when all is done', surgeOne, set('new', 3, 3), [set('old', 0, 0)], {}],
    [
      'waits for pods that still have to be deleted',
      missingOne,
      set('new', 0, 0),
      [{ ...set('old', 2, 2), existing: 3 }],
      {},
    ],
    [
      'does not trust the counts of a set that was just scaled',
      surgeTwo,
      set('new', 10, 7),
      [set('old', 2, 3)],
      { old: 1 },
    ],
  ])('%s', (...[, goal, current, old, expected]) => {
    expect(Object.fromEntries(planRolling(goal, { current, old }))).toEqual(expected);
  });
});

describe('scaling', () => {
  const limits = { maxSurge: 2, maxUnavailable: 0 };
  it.each([
    ['one set with pods takes all', 5, set('new', 3, 3), [set('old', 0, 0)], { new: 5 }],
    ['a complete new set leaves nothing to the old', 3, set('new', 3, 3), [set('old', 1, 1)], { old: 0 }],
    ['down to zero empties every set', 0, set('new', 2, 2), [set('old', 3, 3)], { new: 0, old: 0 }],
    ['without pods, the new set takes all', 2, set('new', 0, 0), [set('old', 0, 0)], { new: 2 }],
    ['that changes nothing is no scaling', 3, set('new', 3, 1), [], {}],
  ])('%s', (...[, replicas, current, old, expected]) => {
    expect(Object.fromEntries(planScaling({ replicas, limits }, { current, old }))).toEqual(expected);
  });

  it('in the middle of a rollout gives each set its share', () => {
    const current = { ...set('new', 4, 2), maxReplicas: 12 };
    const old = [{ ...set('old', 8, 8), maxReplicas: 12 }];
    const plan = planScaling({ replicas: 22, limits }, { current, old });
    expect(Object.fromEntries(plan)).toEqual({ new: 8, old: 16 });
  });
});

describe('the hash of a pod template', () => {
  it('does not depend on the order of members, nor on the hash label itself', () => {
    const turned = { spec: { containers: [{ image: 'site:v1', name: 'web' }] }, metadata: { labels: { app: 'web' } } };
    expect(templateHash(turned)).toBe(templateHash(template));
    expect(templateHash(withHash(template, 'abc'))).toBe(templateHash(template));
    expect(templateHash(template)).toMatch(/^[b-z0-9]{6,10}$/);
  });

  it('differs with the image', () => {
    const other = { ...template, spec: { containers: [{ name: 'web', image: 'site:v2' }] } };
    expect(templateHash(other)).not.toBe(templateHash(template));
  });
});

describe('the pods that are deleted first', () => {
  const pod = (name: string, change: { ready?: boolean; node?: string; cost?: string; since?: string }): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(change.cost === undefined
        ? {}
        : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': change.cost } }),
    },
    spec: { containers: [], ...(change.node === '' ? {} : { nodeName: 'sandbox' }) },
    status: {
      phase: 'Running',
      conditions: [
        {
          type: 'Ready',
          status: change.ready === false ? 'False' : 'True',
          lastTransitionTime: change.since ?? '2026-01-01T00:00:00Z',
        },
      ],
    },
  });
  it('are those without a node, then the unready, the cheap and the young', () => {
    const pods = [
      pod('old', {}),
      pod('young', { since: '2026-01-02T00:00:00Z' }),
      pod('cheap', { cost: '-5' }),
      pod('unready', { ready: false }),
      pod('homeless', { node: '' }),
    ];
    expect(firstToGo(pods).map(({ metadata }) => metadata.name)).toEqual([
      'homeless',
      'unready',
      'cheap',
      'young',
      'old',
    ]);
  });
});

describe('the end of a Job', () => {
  const job = (spec: Partial<Job['spec']>): Job => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once' },
    spec: { template, ...spec },
  });
  const none = { active: 0, succeeded: 0, failed: 0, restarts: 0 };
  it.each([
    [
      'comes when enough pods succeeded',
      job({ completions: 2 }),
      { ...none, succeeded: 2 },
      false,
      'CompletionsReached',
    ],
    ['does not come before', job({ completions: 2 }), { ...none, succeeded: 1 }, false, undefined],
    [
      'is failure after backoffLimit failures',
      job({ backoffLimit: 1 }),
      { ...none, failed: 2 },
      false,
      'BackoffLimitExceeded',
    ],
    ['is not failure at the limit', job({ backoffLimit: 1 }), { ...none, failed: 1 }, false, undefined],
    [
      'is failure after as many restarts',
      job({ backoffLimit: 3 }),
      { ...none, active: 1, restarts: 3 },
      false,
      'BackoffLimitExceeded',
    ],
    ['is failure at the deadline', job({}), { ...none, active: 1 }, true, 'DeadlineExceeded'],
  ])('%s', (...[, subject, tally, overdue, reason]) => {
    expect(judgeJob(subject, tally, overdue)?.reason).toBe(reason);
  });
});

describe('a StatefulSet', () => {
  const pods = (...states: readonly OrdinalPod['state'][]): readonly OrdinalPod[] =>
    states.map((state, ordinal) => ({ ordinal, state, updated: true }));
  const outdated = (all: readonly OrdinalPod[]): readonly OrdinalPod[] => all.map(pod => ({ ...pod, updated: false }));
  const goal = { start: 0, replicas: 3, ordered: true, update: { from: 0, maxUnavailable: 1 } };
  const parallel = { ...goal, ordered: false };
  const step = (create: readonly number[], remove: readonly number[]) => ({ create, remove });

  it.each<[string, StatefulGoal, readonly OrdinalPod[], ReturnType<typeof step>]>([
    ['begins with the first pod', goal, [], step([0], [])],
    ['in parallel begins with all', parallel, [], step([0, 1, 2], [])],
    ['makes the next one when the one before is available', goal, pods('available'), step([1], [])],
    ['waits for one that is not', goal, pods('unavailable'), step([], [])],
    ['makes one that is missing before those after it', goal, pods('available', 'available').slice(1), step([0], [])],
    ['replaces one that has ended', goal, pods('available', 'ended', 'available'), step([], [1])],
    ['waits for one that is on its way out', goal, pods('available', 'leaving', 'available'), step([], [])],
    ['has nothing to do when all are there', goal, pods('available', 'available', 'available'), step([], [])],
    [
      'of which too many are there lets the last go first',
      { ...goal, replicas: 1 },
      pods('available', 'available', 'available'),
      step([], [2]),
    ],
    [
      'in parallel lets all of those go',
      { ...parallel, replicas: 1 },
      pods('available', 'available', 'available'),
      step([], [2, 1]),
    ],
    ['updates the last pod first', goal, outdated(pods('available', 'available', 'available')), step([], [2])],
    [
      'stays with a broken pod of an earlier template',
      goal,
      outdated(pods('available', 'unavailable', 'available')),
      step([], []),
    ],
    [
      'in parallel replaces that one and no other',
      parallel,
      outdated(pods('available', 'unavailable', 'available')),
      step([], [1]),
    ],
    [
      'updates none below the partition',
      { ...goal, update: { from: 3, maxUnavailable: 1 } },
      outdated(pods('available', 'available', 'available')),
      step([], []),
    ],
    [
      'updates as many at once as may be unavailable',
      { ...parallel, update: { from: 0, maxUnavailable: 2 } },
      outdated(pods('available', 'available', 'available')),
      step([], [2, 1]),
    ],
    [
      'without an update leaves every pod as it is',
      { start: 0, replicas: 3, ordered: true },
      outdated(pods('available', 'available', 'available')),
      step([], []),
    ],
  ])('%s', (...[, wanted, seen, expected]) => {
    expect(planStateful(wanted, seen)).toEqual(expected);
  });
});
