import { expect, it } from '@jest/globals';
import type { StepResult } from '../runner/runner.js';
import type { Traffic } from '../traffic/traffic.js';
import type { Sandbox, SeenCall } from '../../../sandbox/sandbox.js';

import { startEmbedded } from '../scenario/cluster.js';
import { matrixFaults, type MatrixFault, type Target } from './faults.js';
import { kubeconfigWithPlugin } from '../scenario/exec-plugin.js';
import { applicationOf, secretOf, release, type Subject } from './subjects.js';
import { openTestNamespace, type TestNamespace } from '../scenario/test-namespace.js';
import { generic, matchOf, namesIn } from './request-names.js';
import { judge, leavesWork, type Row } from './verdict.js';

type Embedded = Awaited<ReturnType<typeof startEmbedded>>;

/** A namespace in which rows run one after the other. */
interface MatrixWorker {
  readonly ns: TestNamespace;
  readonly sandbox: Sandbox;
  readonly subject: Subject;
  readonly users: Traffic | undefined;
  readonly leave: () => Promise<void>;
}

let versions = 0;

/**
 * Declares one test per fault: every request of the deploy meets it, one request per row. Faults that are handled the same
 * way for every request share the requests, unless CUTOVER_TEST_FAULTS is `all`.
 */
export function playMatrix(subject: Subject): () => Promise<void> {
  let started: Promise<Embedded> | undefined;
  const start = (): Promise<Embedded> => (started ??= startEmbedded());
  let discovered: Promise<readonly Target[]> | undefined;
  const targetsOf = async (fault: MatrixFault): Promise<readonly Target[]> => {
    discovered ??= start().then(cluster => discover(cluster, subject));
    const all = await discovered;
    const turns = process.env.CUTOVER_TEST_FAULTS === 'all' ? undefined : fault.turns;
    const inTurn = (at: number): boolean => turns === undefined || at % turns.every === turns.at;
    return all.filter(fault.appliesTo).filter((_target, at) => inTurn(at));
  };

  it.concurrent(`${subject.title} makes the requests that the matrix covers`, async () => {
    const everywhere = { appliesTo: () => true } as unknown as MatrixFault;
    const made = new Set((await targetsOf(everywhere)).map(({ verb, kind }) => `${verb} ${kind}`));
    expect(subject.makes.filter(call => !made.has(call))).toEqual([]);
  });

  it.concurrent.each(matrixFaults.map(fault => [fault.title, fault] as const))(
    `${subject.title} meets %s`,
    async (...[, fault]) => {
      const targets = await targetsOf(fault);
      const cluster = await start();
      const queue = [...targets];
      const wrong: string[] = [];
      const work = async (): Promise<void> => {
        const worker = subject.earlier === 0 ? undefined : await openWorker(cluster, subject);
        try {
          for (let target = queue.shift(); target !== undefined; target = queue.shift())
            wrong.push(...(await row(cluster, { subject, fault, target, worker })));
        } finally {
          await worker?.leave();
        }
      };
      await Promise.all(Array.from({ length: fault.workers ?? 1 }, work));
      expect(targets.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    },
    1_800_000,
  );
  return async () => (await started)?.close();
}

/** The requests of the deploy to the API server, in order. */
async function discover(cluster: Embedded, subject: Subject): Promise<readonly Target[]> {
  const worker = await openWorker(cluster, subject);
  try {
    const names = await namesIn(worker.ns, nextVersion());
    const { seen } = await recordCalls(worker, () => worker.ns.given(subject.inputs(names.version)));
    const before = new Map<string, number>();
    return seen.map(call => {
      const target = { ...call, name: generic(call, names) };
      const key = [target.verb, target.kind, target.name, target.dryRun].join(' ');
      const skip = before.get(key) ?? 0;
      before.set(key, skip + 1);
      return { ...target, skip };
    });
  } finally {
    await worker.leave();
  }
}

/** Plays one row. Returns what is wrong with its end, in words. */
async function row(
  cluster: Embedded,
  played: { subject: Subject; fault: MatrixFault; target: Target; worker: MatrixWorker | undefined },
): Promise<readonly string[]> {
  const { subject, fault, target } = played;
  const worker = played.worker ?? (await openWorker(cluster, subject));
  const { ns, sandbox } = worker;
  const title = `${target.verb} ${target.kind} ${target.name}${target.dryRun ? ' (dry run)' : ''} #${target.skip + 1}`;
  try {
    const names = await namesIn(worker.ns, nextVersion());
    const inputs = subject.inputs(names.version);
    const plugin = await kubeconfigWithPlugin(ns, await ns.kubeconfigOf(inputs, []));
    const before = await applicationOf(ns);
    const lost = (await worker.users?.counts())?.lost ?? 0;
    const removeFault = sandbox.fault(matchOf(ns, target, names), fault.make(ns), 1);
    const { value: result, hit } = await recordCalls(worker, () =>
      ns.step({ ...inputs, ...(fault.renews && { kubeconfig: plugin.kubeconfig }) }),
    );
    removeFault();
    const played: Row = { ns, subject, fault, target, names, before, result };
    const wrong = hit ? [...(await judge(played))] : ['the deploy made no such request'];
    const runs = await plugin.runs();
    if (fault.renews && hit && runs !== 2) wrong.push(`the credentials were requested ${runs} times, not twice`);
    wrong.push(...leakedSecret(result, names.version));
    if (result.exitCode !== 0 || leavesWork(result))
      wrong.push(...(await again(worker, { ...inputs, ...fault.again })));
    await worker.users?.more(2);
    const now = await worker.users?.counts();
    if (now !== undefined && now.lost > lost) {
      wrong.push(`users lost ${now.lost - lost} requests: ${now.losses.at(-1)?.why ?? 'unknown reason'}`);
    }
    return wrong.length === 0 ? [] : [`${title}: ${wrong.join('; ')}\n${result.log}`];
  } finally {
    if (played.worker === undefined) await worker.leave();
  }
}

/** Runs the deploy again without the fault: it must succeed whatever the failed one left. */
async function again({ ns }: MatrixWorker, inputs: Parameters<TestNamespace['step']>[0]): Promise<readonly string[]> {
  const result = await ns.step(inputs);
  return result.exitCode === 0 ? [] : [`the second run fails:\n${result.log}`];
}

/** Whether a Secret's value appears in the log, the summary, the outputs or the annotations. */
function leakedSecret({ log, outputs, summary, annotations }: StepResult, version: string): readonly string[] {
  const shown = `${log}\n${summary}\n${JSON.stringify([outputs, annotations])}`;
  const secret = secretOf(version);
  const leaked = [secret, Buffer.from(secret).toString('base64')].filter(value => shown.includes(value));
  return leaked.length === 0 ? [] : ['the value of a Secret is shown'];
}

/** Load of one worker's users. It is low because many workers and all pods share a process. */
const load = { perSecond: 8, keptAlive: { connections: 1, perSecond: 2 } };

async function openWorker(cluster: Embedded, subject: Subject): Promise<MatrixWorker> {
  const { ns, leave } = await openTestNamespace(cluster, subject.title);
  await subject.bring(ns);
  // Here, so that the requests that grant the rights do not count as requests of the deploy.
  await ns.kubeconfigOf(subject.inputs('v0'), []);
  for (let earlier = 0; earlier < subject.earlier; earlier += 1) await ns.given(subject.inputs(nextVersion()));
  const users = subject.earlier === 0 ? undefined : await ns.users(release, load);
  return { ns, sandbox: cluster.sandbox, subject, users, leave };
}

function nextVersion(): string {
  return `v${(versions += 1)}`;
}

/** Runs `work` and records the requests to the namespace in the meantime. `hit`: whether one of them met a fault. */
async function recordCalls<T>(
  { ns, sandbox }: MatrixWorker,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly seen: readonly SeenCall[]; readonly hit: boolean }> {
  const seen: SeenCall[] = [];
  let hit = false;
  const stop = sandbox.calls.listen((call, faults) => {
    if (call.namespace !== ns.namespace) return;
    seen.push(call);
    hit ||= faults.length > 0;
  });
  try {
    return { value: await work(), seen, hit };
  } finally {
    stop();
  }
}
