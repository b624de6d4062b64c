import type { StepResult } from '../runner/runner.js';
import { field } from '../field.js';
import type { TestNamespace } from '../scenario/test-namespace.js';
import { differencesAfter, inCopy, load, settledProjection, step, wrongEnd, type Prepared } from './play.js';
import { openApiProxy, type Hold, type Moment } from './proxy.js';
import { web } from './web.js';

type Inputs = Readonly<Record<string, string>>;

/** A kill, and what becomes of the runner. */
export interface Kill {
  readonly write: Hold['write'];
  readonly moment: Moment;
  /** `post`: the post step runs. `lost`: the runner is lost with the process. */
  readonly then: 'post' | 'lost';
}

/** How one run of a step ended. */
type Run = StepResult & { readonly hasWritten: boolean };

/** What happens to the release in one row. Each step is a run of its own. */
interface Course {
  readonly ns: TestNamespace;
  /** Runs a step to its end. */
  readonly run: (inputs: Inputs) => Promise<Run>;
  /** Kills the step of the situation. If it makes no such write, it runs to its end. */
  readonly kill: (kill: Kill) => Promise<void>;
}

/** Kills the step twice, and runs it a third time. Returns what is wrong with the end, in words. */
export function playTwice(prepared: Prepared, first: Kill, second: Kill): Promise<readonly string[]> {
  return withUsers(prepared, async ({ ns, run, kill }) => {
    await kill(first);
    await kill(second);
    return convergence(prepared, ns, await run(prepared.situation.step));
  });
}

/** Kills the step, lets it fail its checks when it is run again, and runs it a third time as it was. */
export function playFailure(prepared: Prepared, kill: Kill, verify: string): Promise<readonly string[]> {
  const { situation } = prepared;
  return withUsers(prepared, async course => {
    const { ns, run } = course;
    const start = await reached(ns);
    await course.kill(kill);
    const before = await reached(ns);
    const failed = await run({ ...situation.step, verify });
    const after = await reached(ns);
    const wrong = falseWords(failed, after);
    // Users stay where the killed run left them, or are sent back: never to what fails.
    if (failed.exitCode !== 0 && ![start.image, before.image].includes(after.image))
      wrong.push(`users were sent from ${before.image} to ${after.image}`);
    return [...wrong, ...(await convergence(prepared, ns, await run(situation.step)))];
  });
}

/** Kills the step and runs another one. If that is refused, the step that it names is run. */
export function playAnother(prepared: Prepared, kill: Kill, other: Inputs): Promise<readonly string[]> {
  return withUsers(prepared, async course => {
    const { ns, run } = course;
    await course.kill(kill);
    const result = await run(other);
    const error = errorOf(result);
    const wrong: string[] = [];
    if (result.exitCode !== 0) {
      const action = /Run `action: (\w+)`|with `action: (\w+)`/.exec(error)?.slice(1).find(Boolean);
      if (action !== undefined && action !== 'status') {
        const next = await run(inputsOf(action, prepared));
        if (next.exitCode !== 0) wrong.push(`${error}\nthe step that it names: ${errorOf(next)}`);
      } else if (!nothingToDo.test(error)) wrong.push(`no step is named: ${error}`);
    }
    const settled = await settledProjection(ns);
    const { operation } = settled.record as { readonly operation?: string };
    const isLeft = operation !== 'none' && settled.record !== 'missing';
    return [...wrong, ...(isLeft ? [`unfinished is ${operation}: ${error}`] : [])];
  });
}

/** A step is refused so when there is nothing for it to do. */
const nothingToDo = /Nothing is staged|cannot be rolled back|there is nothing to|There is no release/;

function inputsOf(action: string, { situation }: Prepared): Inputs {
  switch (action) {
    case 'promote':
      return web.promote();
    case 'rollback':
      return web.switchBack();
    case 'reject':
      return web.reject();
    default:
      return situation.next;
  }
}

/** Plays a course while users send requests. Each step has a proxy of its own, which numbers its writes from 1. */
function withUsers(
  prepared: Prepared,
  play: (course: Course) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const { situation } = prepared;
  return inCopy(prepared, async ns => {
    const users = situation.users ? await ns.users(web.release, load) : undefined;
    const logs: string[] = [];
    const wrong: string[] = [];
    const played = async (inputs: Inputs, kill?: Kill): Promise<Run> => {
      const held = new AbortController();
      const hold: Hold | undefined = kill && { ...kill, onHeld: () => held.abort() };
      const proxy = await openApiProxy(ns.cluster.kubeconfig, hold);
      try {
        const attempt = String(logs.length + 1);
        const result = await step(
          ns,
          { ...inputs, kubeconfig: proxy.kubeconfig },
          {
            environment: { GITHUB_RUN_ATTEMPT: attempt },
            ...(kill?.then !== undefined && { post: kill.then === 'post' ? 'always' : 'never' }),
            interrupt: { when: held.signal, signal: 'SIGKILL' },
          },
        );
        if (result.postExitCode !== 0) wrong.push(`post of run ${attempt} ended with ${result.postExitCode}`);
        logs.push(`--- run ${attempt}${held.signal.aborted ? ', killed' : ''}:\n${result.log}`);
        return { ...result, hasWritten: proxy.writes.length > 0 };
      } finally {
        await proxy.close();
      }
    };
    wrong.push(
      ...(await play({
        ns,
        run: inputs => played(inputs),
        kill: async kill => {
          await played(situation.step, kill);
        },
      })),
    );
    await users?.more(2);
    const counts = await users?.stop();
    const losses = [...(counts?.losses ?? []), ...(counts?.keptAlive.losses ?? [])];
    for (const { requests, why } of losses) wrong.push(`users lost ${requests} requests: ${why}`);
    return wrong.length === 0 ? [] : [...wrong, ...logs];
  });
}

/** In what the release is not as if the step had never been killed. */
async function convergence({ situation, end }: Prepared, ns: TestNamespace, last: Run): Promise<readonly string[]> {
  const found = await settledProjection(ns, end);
  return [...wrongEnd(situation, last), ...differencesAfter(end, found, last.hasWritten)];
}

/** What the public Service leads to. */
interface Reached {
  /** Absent: it selects no role. */
  readonly role: string | undefined;
  /** Image of the Deployment, without the digest to which an adoption pins it; `nothing` without one. */
  readonly image: string;
}

async function reached(ns: TestNamespace): Promise<Reached> {
  const service = await ns.get('Service', web.release);
  const role = /"(blue|green)"/.exec(JSON.stringify(field(service, 'spec', 'selector') ?? {}))?.[1];
  const deployment = await ns.get('Deployment', role === undefined ? web.release : `${web.release}-${role}`);
  const image = field(deployment, 'spec', 'template', 'spec', 'containers', 0, 'image');
  return { role, image: typeof image === 'string' ? image.replace(/@.*/, '') : 'nothing' };
}

/** In which way a failure is wrong about what serves users. Without roles, revision n of a situation is version vn. */
function falseWords(result: StepResult, is: Reached): string[] {
  if (result.exitCode === 0) return [];
  const error = errorOf(result);
  const role = /(?:sers are (?:back )?on|Service \S+ selects) (blue|green)\b/.exec(error)?.[1];
  const revision = is.role === undefined ? /evision (\d+) serves users/.exec(error)?.[1] : undefined;
  const isWrong = role === undefined ? revision !== undefined && !is.image.endsWith(`:v${revision}`) : role !== is.role;
  return isWrong ? [`users are on ${is.role ?? is.image}, but it says: ${error}`] : [];
}

function errorOf({ annotations }: StepResult): string {
  return annotations.flatMap(({ level, message }) => (level === 'error' ? [message] : [])).join('\n');
}
