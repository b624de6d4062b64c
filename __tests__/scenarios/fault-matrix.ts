import { expect, it } from '@jest/globals';
import type { StepResult } from '../../demo/runner.js';
import type { Traffic } from '../../demo/traffic.js';
import type { FaultMatch, Sandbox, SeenCall } from '../../sandbox/sandbox.js';

import { startEmbedded } from './cluster.js';
import { calamities, type Calamity, type Target } from './faults.js';
import { kubeconfigWithPlugin } from './exec-plugin.js';
import { applicationOf, hush, release, type Subject } from './matrix-subjects.js';
import { openPlace, type Place } from './place.js';
import { judge, leavesWork, roleOf, type Row } from './matrix-verdict.js';

type Embedded = Awaited<ReturnType<typeof startEmbedded>>;

/** A place in which rows are played one after the other. */
interface Lane {
  readonly place: Place;
  readonly sandbox: Sandbox;
  readonly subject: Subject;
  readonly users: Traffic | undefined;
  readonly leave: () => Promise<void>;
}

let versions = 0;

/**
 * Declares one test for each fault: every request of the deploy meets it, one request at a time. Faults that are mended
 * before it matters which request it is take turns, unless CUTOVER_TEST_FAULTS says `all`.
 */
export function playMatrix(subject: Subject): () => Promise<void> {
  let started: Promise<Embedded> | undefined;
  const start = (): Promise<Embedded> => (started ??= startEmbedded());
  let discovered: Promise<readonly Target[]> | undefined;
  const targetsOf = async (calamity: Calamity): Promise<readonly Target[]> => {
    discovered ??= start().then(cluster => discover(cluster, subject));
    const all = await discovered;
    const turns = process.env.CUTOVER_TEST_FAULTS === 'all' ? undefined : calamity.turns;
    const inTurn = (at: number): boolean => turns === undefined || at % turns.every === turns.at;
    return all.filter(calamity.strikes).filter((_target, at) => inTurn(at));
  };

  it.concurrent(`${subject.title} makes the requests that the matrix is about`, async () => {
    const everywhere = { strikes: () => true } as unknown as Calamity;
    const made = new Set((await targetsOf(everywhere)).map(({ verb, kind }) => `${verb} ${kind}`));
    expect(subject.makes.filter(call => !made.has(call))).toEqual([]);
  });

  it.concurrent.each(calamities.map(calamity => [calamity.title, calamity] as const))(
    `${subject.title} meets %s`,
    async (...[, calamity]) => {
      const targets = await targetsOf(calamity);
      const cluster = await start();
      const queue = [...targets];
      const wrong: string[] = [];
      const work = async (): Promise<void> => {
        const lane = subject.earlier === 0 ? undefined : await openLane(cluster, subject);
        try {
          for (let target = queue.shift(); target !== undefined; target = queue.shift())
            wrong.push(...(await row(cluster, { subject, calamity, target, lane })));
        } finally {
          await lane?.leave();
        }
      };
      await Promise.all(Array.from({ length: calamity.lanes ?? 1 }, work));
      expect(targets.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    },
    1_800_000,
  );
  return async () => (await started)?.close();
}

/** What the deploy asks of the API server, in its order. */
async function discover(cluster: Embedded, subject: Subject): Promise<readonly Target[]> {
  const lane = await openLane(cluster, subject);
  try {
    const names = await namesIn(lane, nextVersion());
    const { seen } = await listened(lane, () => lane.place.given(subject.inputs(names.version)));
    const before = new Map<string, number>();
    return seen.map(call => {
      const target = { ...call, name: generic(call, names) };
      const key = [target.verb, target.kind, target.name, target.dryRun].join(' ');
      const skip = before.get(key) ?? 0;
      before.set(key, skip + 1);
      return { ...target, skip };
    });
  } finally {
    await lane.leave();
  }
}

/** Plays one row; gives what is wrong with it. */
async function row(
  cluster: Embedded,
  played: { subject: Subject; calamity: Calamity; target: Target; lane: Lane | undefined },
): Promise<readonly string[]> {
  const { subject, calamity, target } = played;
  const lane = played.lane ?? (await openLane(cluster, subject));
  const { place, sandbox } = lane;
  const title = `${target.verb} ${target.kind} ${target.name}${target.dryRun ? ' (dry run)' : ''} #${target.skip + 1}`;
  try {
    const names = await namesIn(lane, nextVersion());
    const inputs = subject.inputs(names.version);
    const plugin = await kubeconfigWithPlugin(place, await place.kubeconfigOf(inputs, []));
    const before = await applicationOf(place);
    const lost = (await lane.users?.counts())?.lost ?? 0;
    const mend = sandbox.fault(matchOf(lane, target, names), calamity.make(place), 1);
    const { value: result, hit } = await listened(lane, () =>
      place.step({ ...inputs, ...(calamity.renews && { kubeconfig: plugin.kubeconfig }) }),
    );
    mend();
    const played: Row = { place, subject, calamity, target, names, before, result };
    const wrong = hit ? [...(await judge(played))] : ['no such request was made'];
    const runs = await plugin.runs();
    if (calamity.renews && hit && runs !== 2) wrong.push(`the credentials were asked for ${runs} times`);
    wrong.push(...whispered(result, names.version));
    if (result.exitCode !== 0 || leavesWork(result))
      wrong.push(...(await again(lane, { ...inputs, ...calamity.again })));
    await lane.users?.more(2);
    const now = await lane.users?.counts();
    if (now !== undefined && now.lost > lost) {
      wrong.push(`users lost ${now.lost - lost} requests: ${now.losses.at(-1)?.why ?? 'nobody knows why'}`);
    }
    return wrong.length === 0 ? [] : [`${title}: ${wrong.join('; ')}\n${result.log}`];
  } finally {
    if (played.lane === undefined) await lane.leave();
  }
}

/** The same deploy without the fault: nothing that the failed one left may be in its way. */
async function again({ place }: Lane, inputs: Parameters<Place['step']>[0]): Promise<readonly string[]> {
  const result = await place.step(inputs);
  return result.exitCode === 0 ? [] : [`run again it fails:\n${result.log}`];
}

/** A Secret's value in anything that is shown. */
function whispered({ log, outputs, summary, annotations }: StepResult, version: string): readonly string[] {
  const shown = `${log}\n${summary}\n${JSON.stringify([outputs, annotations])}`;
  const secret = hush(version);
  const told = [secret, Buffer.from(secret).toString('base64')].filter(value => shown.includes(value));
  return told.length === 0 ? [] : ['a Secret is told'];
}

/** Users of one lane; there are many lanes, and the pods share a process with them. */
const load = { perSecond: 8, keptAlive: { connections: 1, perSecond: 2 } };

async function openLane(cluster: Embedded, subject: Subject): Promise<Lane> {
  const { place, leave } = await openPlace(cluster, subject.title);
  await subject.bring(place);
  // Asked for here, so that the requests which grant its rights are not taken for the deploy's.
  await place.kubeconfigOf(subject.inputs('v0'), []);
  for (let earlier = 0; earlier < subject.earlier; earlier += 1) await place.given(subject.inputs(nextVersion()));
  const users = subject.earlier === 0 ? undefined : await place.users(release, load);
  return { place, sandbox: cluster.sandbox, subject, users, leave };
}

function nextVersion(): string {
  return `v${(versions += 1)}`;
}

/** Runs a step and gives the requests of its namespace, and of no namespace at all. */
async function listened<T>(
  { place, sandbox }: Lane,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly seen: readonly SeenCall[]; readonly hit: boolean }> {
  const seen: SeenCall[] = [];
  let hit = false;
  const stop = sandbox.calls.listen((call, faults) => {
    if (call.namespace !== place.namespace) return;
    seen.push(call);
    hit ||= faults.length > 0;
  });
  try {
    return { value: await work(), seen, hit };
  } finally {
    stop();
  }
}

/** What the names of this row's objects are made of. */
export interface Names {
  readonly version: string;
  readonly active: string;
  readonly idle: string;
}

async function namesIn({ place }: Lane, version: string): Promise<Names> {
  const active = roleOf(await place.get('Service', release)) ?? 'blue';
  return { version, active, idle: active === 'blue' ? 'green' : 'blue' };
}

function generic({ kind, name }: SeenCall, { version, active, idle }: Names): string {
  if (kind === 'Pod') return name === '' ? '' : '<pod>';
  return name
    .replace(/^cutover-shop-\d+$/, 'cutover-shop-<revision>')
    .replace(version, '<version>')
    .replace(/\bv\d+$/, '<earlier>')
    .replace(new RegExp(`\\b${active}\\b`), '<active>')
    .replace(new RegExp(`\\b${idle}\\b`), '<idle>');
}

function matchOf({ place }: Lane, target: Target, { version, active, idle }: Names): FaultMatch {
  const { verb, kind, dryRun, skip } = target;
  const name = target.name
    .replace('<revision>', '\\d+')
    .replace('<version>', version)
    .replace('<earlier>', `(?!${version}$)v\\d+`)
    .replace('<active>', active)
    .replace('<idle>', idle)
    .replace('<pod>', '.+');
  return {
    verb: verb as NonNullable<FaultMatch['verb']>,
    kind,
    namespace: place.namespace,
    name: new RegExp(`^${name}$`),
    dryRun,
    skip,
  };
}
