// Counts the requests that users lose over many blue/green switches, and over rolling updates of each kind of server. Fails when
// one is lost, or when users saw a version that was only staged.
// npm run soak -- --switches=100 --rate=1000 --updates=1 --update-rate=50; --cluster: on the cluster of KUBECONFIG.
// See CONTRIBUTING.md.
import { parseArgs } from 'node:util';
import { tomcat } from '../__tests__/support/scenario/applications.js';
import { arrived } from '../__tests__/support/scenario/arrivals.js';
import type { ClusterUnderTest, Load } from '../__tests__/support/scenario/cluster-under-test.js';
import { startEmbedded } from '../__tests__/support/scenario/embedded-cluster.js';
import { openRealCluster } from '../__tests__/support/scenario/real-cluster.js';
import { server, serverKinds, type ServerKind } from '../__tests__/support/scenario/servers.js';
import { openTestNamespace, type TestNamespace } from '../__tests__/support/scenario/test-namespace.js';
import type { Traffic, TrafficCounts } from '../__tests__/support/traffic/traffic.js';
import { markdownTable } from './markdown-table.js';

const { values: flags } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    switches: { type: 'string', default: '100' },
    rate: { type: 'string', default: '1000' },
    updates: { type: 'string', default: '1' },
    'update-rate': { type: 'string', default: '50' },
  },
});

/** What one part of the soak did to its users. */
interface Result {
  readonly what: string;
  readonly counts: TrafficCounts;
  /** Whether lost requests on kept-alive connections are failures too. */
  readonly keptAlive: boolean;
  /** In words: what users saw and should not have. Empty: nothing. */
  readonly wrong: readonly string[];
}

function numberOf(name: 'switches' | 'rate' | 'updates' | 'update-rate'): number {
  const number = Number(flags[name]);
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name}: "${flags[name]}" is not a whole number`);
  return number;
}

const loadOf = (perSecond: number): Load => ({
  perSecond,
  keptAlive: { connections: 10, perSecond: Math.ceil(perSecond / 10) },
});

async function openCluster(): Promise<ClusterUnderTest> {
  if (!flags.cluster) return startEmbedded();
  if (process.env.CUTOVER_TEST_CLUSTER !== '1')
    throw new Error('CUTOVER_TEST_CLUSTER=1 must declare the cluster of KUBECONFIG a test cluster');
  return openRealCluster();
}

async function inNamespace<T>(cluster: ClusterUnderTest, work: (ns: TestNamespace) => Promise<T>): Promise<T> {
  const { ns, leave } = await openTestNamespace(cluster, 'soak');
  try {
    return await work(ns);
  } finally {
    await leave();
  }
}

async function logProgress(users: Traffic, what: string): Promise<void> {
  const { sent, lost, keptAlive } = await users.counts();
  process.stdout.write(
    `${what}: ${sent} requests, ${lost} lost; kept alive: ${keptAlive.sent}, ${keptAlive.lost} lost\n`,
  );
}

async function playSwitches(ns: TestNamespace, switches: number, rate: number): Promise<Result> {
  await tomcat.bring(ns);
  await ns.given(tomcat.release('7'));
  const users = await ns.users(tomcat.service, loadOf(rate));
  const expected = ['7'];
  for (let number = 1; number <= switches; number += 1) {
    const version = ['7', '8', '9'][number % 3] ?? '';
    await ns.given(tomcat.deploy(version));
    await ns.given(tomcat.promote());
    await arrived(users, version);
    expected.push(version);
    if (number % 10 === 0 || number === switches) await logProgress(users, `switch ${number} of ${switches}`);
  }
  const counts = await users.stop();
  const seen = counts.timeline.map(({ version }) => version).join(' ');
  // A connection that is kept alive stays with its pod while that runs: that is no loss.
  const wrong = seen === expected.join(' ') ? [] : [`users saw ${seen}, and not ${expected.join(' ')}`];
  return { what: `${switches} blue/green switches`, counts, keptAlive: true, wrong };
}

async function playUpdates(
  ns: TestNamespace,
  kind: ServerKind,
  { updates, rate }: { readonly updates: number; readonly rate: number },
): Promise<Result> {
  await server.bring(ns, kind);
  await ns.given(server.deploy('v1'));
  const users = await ns.users(server.service, loadOf(rate));
  for (let number = 1; number <= updates; number += 1) {
    const version = number % 2 === 1 ? 'v2' : 'v1';
    await ns.given(server.deploy(version));
    await arrived(users, version);
  }
  await logProgress(users, kind.what);
  return {
    what: `${updates} updates of ${kind.what}`,
    counts: await users.stop(),
    keptAlive: kind.keptAlive,
    wrong: [],
  };
}

function failuresOf({ what, counts, keptAlive, wrong }: Result): readonly string[] {
  const kept = keptAlive ? counts.keptAlive.losses : [];
  const losses = [...counts.losses, ...kept].map(({ fromMs, toMs, requests, cause, why }) => {
    return `${requests} lost ${Math.round(fromMs)} to ${Math.round(toMs)} ms after the start: ${cause}, ${why}`;
  });
  return [...wrong, ...losses].map(line => `${what}: ${line}`);
}

const cluster = await openCluster();
const results: Result[] = [];
try {
  const switches = numberOf('switches');
  const updates = numberOf('updates');
  if (switches > 0) results.push(await inNamespace(cluster, ns => playSwitches(ns, switches, numberOf('rate'))));
  for (const kind of updates > 0 ? serverKinds : [])
    results.push(await inNamespace(cluster, ns => playUpdates(ns, kind, { updates, rate: numberOf('update-rate') })));
} finally {
  await cluster.close();
}
const failures = results.flatMap(failuresOf);
const table = markdownTable(
  ['what', 'requests', 'a second', 'lost', 'not sent', 'kept alive', 'lost'],
  results.map(({ what, counts, keptAlive }) => [
    what,
    String(counts.sent),
    String(Math.round(counts.achievedPerSecond)),
    String(counts.lost),
    String(counts.unsent),
    String(counts.keptAlive.sent),
    `${counts.keptAlive.lost}${keptAlive ? '' : ' (not promised)'}`,
  ]),
);
const lost = results.reduce(
  (sum, { counts, keptAlive }) => sum + counts.lost + (keptAlive ? counts.keptAlive.lost : 0),
  0,
);
process.stdout.write(`\n${table}\n\n${failures.map(line => `${line}\n`).join('')}soak: ${lost} requests lost\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
