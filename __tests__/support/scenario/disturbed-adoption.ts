import { openApiProxy, type Moment } from '../kill/proxy.js';
import { field } from '../field.js';
import type { StepResult } from '../runner/runner.js';
import { setImage } from './applications.js';
import type { Load } from './cluster-under-test.js';
import { adopter, plain } from './plain.js';
import { followPodCoverage, type PodCoverage } from './pod-coverage.js';
import type { TestNamespace } from './test-namespace.js';
import type { Traffic } from '../traffic/traffic.js';

type Inputs = Readonly<Record<string, string>>;

/** What somebody does to the live Deployment. */
export type Act = 'rollout restart' | 'set image';

/** The version of `set image`, which nobody tests. */
export const foreign = 'v9';

/** A write of a step, by name and number. */
interface HeldWrite {
  readonly write: string;
  readonly moment: Moment;
}

/** A moment of an adoption and of the promotion after it. */
export type Stage = {
  readonly title: string;
  /** Where users are by then. What the live Deployment runs reaches them until they are on the twin. */
  readonly users: 'live' | 'moving' | 'twin';
} & (
  | {
      readonly step: 'adopt' | 'promote';
      /** Where the step waits until the act has begun. */
      readonly at: HeldWrite | 'checks';
    }
  | { readonly step: 'between' }
);

/** The first PATCH of the Service moves the ownership of its fields; the second one narrows it. */
const narrowing = 'PATCH services/plain #2';
const switching = 'PATCH services/plain #1';

export const stages: readonly Stage[] = [
  {
    title: 'before the twin',
    step: 'adopt',
    at: { write: 'PATCH deployments/plain-blue #1', moment: 'before' },
    users: 'live',
  },
  {
    title: 'while the twin comes up',
    step: 'adopt',
    at: { write: 'PATCH deployments/plain-blue #1', moment: 'done' },
    users: 'live',
  },
  {
    title: 'right before the Service is narrowed',
    step: 'adopt',
    at: { write: narrowing, moment: 'before' },
    users: 'moving',
  },
  {
    title: 'after the Service was narrowed',
    step: 'adopt',
    at: { write: narrowing, moment: 'done' },
    users: 'twin',
  },
  {
    title: 'while the next version is staged',
    step: 'adopt',
    at: { write: 'PATCH deployments/plain-green #1', moment: 'done' },
    users: 'twin',
  },
  { title: 'between deploy and promote', step: 'between', users: 'twin' },
  { title: 'during the checks of the promotion', step: 'promote', at: 'checks', users: 'twin' },
  { title: 'after the switch', step: 'promote', at: { write: switching, moment: 'done' }, users: 'twin' },
  {
    title: 'before it is deleted',
    step: 'promote',
    at: { write: 'DELETE deployments/plain #1', moment: 'before' },
    users: 'twin',
  },
];

/** Stages of the adoption of a rolling release by its own next deploy. Its Service needs no new owner of its fields. */
export const stagesOfRelease: readonly Stage[] = stages
  .filter(({ title }) => /twin comes up|was narrowed/.test(title))
  .map(stage =>
    stage.users === 'twin' ? { ...stage, step: 'adopt', at: { write: switching, moment: 'done' } } : stage,
  );

/** An application with an autoscaler and a budget, its users, and what became of them. */
export interface DisturbedAdoption {
  readonly users: Traffic;
  readonly coverage: PodCoverage;
  /** Plays one step. Somebody acts on the live Deployment at the stage, if it is one of this step. */
  play(step: 'adopt' | 'promote', disturbed?: { readonly stage: Stage; readonly act: Act }): Promise<StepResult>;
}

/** Applies the application as kubectl does, or deploys it as a rolling release, and starts its users. */
export async function liveWithBudget(
  ns: TestNamespace,
  { by, load }: { readonly by: 'kubectl' | 'rolling'; readonly load: Load },
): Promise<DisturbedAdoption> {
  await plain.bring(ns);
  await ns.rewrite('plain.yml', text => `${text}---\n${plain.budget}`);
  if (by === 'kubectl') await plain.applyWithKubectl(ns, 'v1');
  else await ns.given(plain.roll('v1'), { as: 'admin' });
  const coverage = await followPodCoverage(ns);
  const users = await ns.users('plain', load);
  const play: DisturbedAdoption['play'] = async (step, disturbed) => {
    const { stage, act } = disturbed ?? {};
    if (stage?.step !== step || act === undefined) return ns.step(inputsOf(step), adopter);
    return stage.at === 'checks' ? duringChecks(ns, act) : heldAt(ns, { stage, hold: stage.at, act });
  };
  return { users, coverage, play };
}

/** Does it, and waits until its controller has followed. */
export async function disturb(ns: TestNamespace, act: Act): Promise<void> {
  if ((await ns.get('Deployment', 'plain')) === undefined) throw new Error('the live Deployment is gone');
  if (act === 'rollout restart') await plain.restart(ns);
  else await setImage(ns, { deployment: 'plain', container: 'site', image: `${ns.cluster.images.site}:${foreign}` });
  await ns.until('the controller has begun to roll it out', async () => {
    const live = await ns.get('Deployment', 'plain');
    const seen = field(live, 'status', 'observedGeneration') === field(live, 'metadata', 'generation');
    return seen && (field(live, 'spec', 'replicas') === 0 || Number(field(live, 'status', 'updatedReplicas') ?? 0) > 0);
  });
}

/** Waits until the live Deployment runs what was set last, and nothing else. */
export async function untilRolledOut(ns: TestNamespace): Promise<void> {
  await ns.until('the rollout of the live Deployment is over', async () => {
    const live = await ns.get('Deployment', 'plain');
    const wanted = field(live, 'spec', 'replicas');
    return (
      field(live, 'status', 'observedGeneration') === field(live, 'metadata', 'generation') &&
      ['replicas', 'updatedReplicas', 'readyReplicas'].every(count => field(live, 'status', count) === wanted)
    );
  });
}

const checks = '- http: /\n  contains: site v2\n';
const inputsOf = (step: 'adopt' | 'promote'): Inputs =>
  step === 'adopt' ? plain.adopt('v2') : plain.promote({ verify: checks });

/** The step waits at a write until somebody has acted. */
async function heldAt(
  ns: TestNamespace,
  { stage, hold, act }: { readonly stage: Stage; readonly hold: HeldWrite; readonly act: Act },
): Promise<StepResult> {
  if (stage.step === 'between') throw new Error(`${stage.title} is in no step`);
  const inputs = inputsOf(stage.step);
  let acted: Promise<void> | undefined;
  const proxy = await openApiProxy(await ns.kubeconfigOf(inputs, adopter.as), {
    ...hold,
    onHeld: held => {
      acted = disturb(ns, act).finally(() => held.pass());
    },
  });
  try {
    const result = await ns.step({ ...inputs, kubeconfig: proxy.kubeconfig }, adopter);
    if (acted === undefined) throw new Error(`never sent ${hold.write} but ${proxy.writes.join(', ')}:\n${result.log}`);
    await acted;
    return result;
  } finally {
    await proxy.close();
  }
}

/** The checks of a promotion wait until somebody has acted. */
async function duringChecks(ns: TestNamespace, act: Act): Promise<StepResult> {
  const waiting = `- run: until [ -e "${ns.workspace}/pass" ]; do sleep 0.1; done\n  when: staged\n`;
  let acted: Promise<void> | undefined;
  const result = await ns.step(plain.promote({ verify: `${waiting}${checks}` }), {
    ...adopter,
    onLine: line => {
      if (/Verify staged/.test(line)) acted ??= disturb(ns, act).finally(() => ns.write({ pass: '' }));
    },
  });
  if (acted === undefined) throw new Error(`never ran its checks:\n${result.log}`);
  await acted;
  return result;
}
