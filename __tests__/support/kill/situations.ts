import type { TestNamespace } from '../scenario/test-namespace.js';
import { web } from './web.js';

type Inputs = Readonly<Record<string, string>>;

/** A step that is killed at each of its writes, and what it starts from. */
export interface Situation {
  readonly title: string;
  /** Brings the application into the state that the step starts from. Default: nothing was deployed. */
  readonly given?: (ns: TestNamespace) => Promise<void>;
  readonly step: Inputs;
  /** Whether users can be served before the step. */
  readonly users: boolean;
  /** A deploy of another version. */
  readonly next: Inputs;
  /** How the step ends, undisturbed or run again after a kill. */
  readonly ends: readonly Ending[];
}

/** A way for a step to end. */
export interface Ending {
  readonly exitCode: 0 | 1;
  /** The output `outcome`. */
  readonly outcome: string;
  /** What the error says. Only for a failure. */
  readonly error?: RegExp;
}

const success = (...outcomes: readonly string[]): readonly Ending[] =>
  outcomes.map(outcome => ({ exitCode: 0, outcome }));
const failure = (error: RegExp): Ending => ({ exitCode: 1, outcome: 'failed', error });

const after =
  (...steps: readonly Inputs[]) =>
  async (ns: TestNamespace): Promise<void> => {
    for (const step of steps) await ns.given(step, { as: 'admin' });
  };

/** Steps of rolling releases. */
export const rolling: readonly Situation[] = [
  {
    title: 'a first deploy',
    step: web.roll('v1'),
    next: web.roll('v9'),
    users: false,
    ends: success('deployed', 'unchanged'),
  },
  {
    title: 'an update',
    given: after(web.roll('v1')),
    step: web.roll('v2'),
    next: web.roll('v9'),
    users: true,
    ends: success('deployed', 'unchanged'),
  },
  {
    title: 'an update that fails',
    given: after(web.roll('v1')),
    step: web.roll('broken'),
    next: web.roll('v9'),
    users: true,
    ends: [failure(/exit|crash/i)],
  },
  {
    title: 'a rollback',
    given: after(web.roll('v1'), web.roll('v2')),
    step: web.rollBack(),
    next: web.roll('v9'),
    users: true,
    // Once it is done, there is nothing before the revision that runs.
    ends: [...success('rolled-back', 'unchanged'), failure(/no (earlier )?revision|already/i)],
  },
];

/** Steps of blue/green releases. */
export const blueGreen: readonly Situation[] = [
  {
    title: 'a first release',
    step: web.go('v1'),
    next: web.stage('v9'),
    users: false,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'a staging',
    given: after(web.go('v1')),
    step: web.stage('v2'),
    next: web.stage('v9'),
    users: true,
    ends: success('staged', 'unchanged'),
  },
  {
    title: 'a staging that fails',
    given: after(web.go('v1'), web.go('v2')),
    step: web.stage('broken'),
    next: web.stage('v9'),
    users: true,
    ends: [failure(/exit|crash/i)],
  },
  {
    title: 'a promotion',
    given: after(web.go('v1'), web.stage('v2')),
    step: web.promote(),
    next: web.stage('v9'),
    users: true,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'a promotion that scales the old role down',
    given: after(web.go('v1'), web.stage('v2')),
    step: web.promote({ 'idle-policy': 'scale-down' }),
    next: web.stage('v9'),
    users: true,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'a promotion that fails and switches back',
    given: after(web.go('v1'), web.stage('v2')),
    step: web.promoteInVain(),
    next: web.stage('v9'),
    users: true,
    ends: [failure(/nothing of that kind/)],
  },
  {
    title: 'a deploy that goes on to the switch',
    given: after(web.go('v1')),
    step: web.go('v2'),
    next: web.stage('v9'),
    users: true,
    ends: success('switched', 'unchanged'),
  },
];

/** The ways back of blue/green releases. */
export const waysBack: readonly Situation[] = [
  {
    title: 'a reject of the first version on a role',
    given: after(web.go('v1'), web.stage('v2')),
    step: web.reject(),
    next: web.stage('v9'),
    users: true,
    ends: [...success('rejected', 'unchanged'), failure(/nothing (is )?staged/i)],
  },
  {
    title: 'a reject of a later version',
    given: after(web.go('v1'), web.go('v2'), web.stage('v3')),
    step: web.reject(),
    next: web.stage('v9'),
    users: true,
    ends: [...success('rejected', 'unchanged'), failure(/nothing (is )?staged/i)],
  },
  {
    title: 'a switch back',
    given: after(web.go('v1'), web.go('v2')),
    step: web.switchBack(),
    next: web.stage('v9'),
    users: true,
    ends: success('rolled-back', 'unchanged'),
  },
  {
    title: 'a switch back to a role that was scaled down',
    given: after(web.go('v1'), web.go('v2', { 'idle-policy': 'scale-down' })),
    step: web.switchBack(),
    next: web.stage('v9'),
    users: true,
    ends: success('rolled-back', 'unchanged'),
  },
];

const pair = web.withApi;

/** Steps of a release with two public Services that lead to different Deployments: they are switched together. */
export const severalServices: readonly Situation[] = [
  {
    title: 'a first release of two Services',
    step: web.go('v1', pair),
    next: web.stage('v9', pair),
    users: false,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'a promotion of two Services',
    given: after(web.go('v1', pair), web.stage('v2', pair)),
    step: web.promote(),
    next: web.stage('v9', pair),
    users: true,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'a promotion of two Services that fails and switches back',
    given: after(web.go('v1', pair), web.stage('v2', pair)),
    step: web.promoteInVain(),
    next: web.stage('v9', pair),
    users: true,
    ends: [failure(/nothing of that kind/)],
  },
  {
    title: 'a switch back of two Services',
    given: after(web.go('v1', pair), web.go('v2', pair)),
    step: web.switchBack(),
    next: web.stage('v9', pair),
    users: true,
    ends: success('rolled-back', 'unchanged'),
  },
];

const byKubectl = (ns: TestNamespace): Promise<void> => web.applyWithKubectl(ns, 'v1');
/** Nothing waits for the clients of the adopted pods: those end by themselves, and each row would take 30 seconds longer. */
const withBudget: Inputs = { manifests: 'with-budget.yml', drain: '0s' };

/** Adoptions of an application that runs without roles. */
export const adoptions: readonly Situation[] = [
  {
    title: 'an adoption that ends staged',
    given: byKubectl,
    step: web.stage('v2', withBudget),
    next: web.stage('v9', withBudget),
    users: true,
    ends: success('staged', 'unchanged'),
  },
  {
    title: 'an adoption that goes on to the switch',
    given: byKubectl,
    step: web.go('v2', withBudget),
    next: web.stage('v9', withBudget),
    users: true,
    ends: success('switched', 'unchanged'),
  },
  {
    title: 'an adoption whose staging fails',
    given: byKubectl,
    step: web.stage('broken', withBudget),
    next: web.stage('v9', withBudget),
    users: true,
    ends: [failure(/exit|crash/i)],
  },
];
