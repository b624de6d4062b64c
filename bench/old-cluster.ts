// Measures how long R10 takes on the cluster of KUBECONFIG until its last object is applied. Nothing is asserted.
// CUTOVER_TEST_CLUSTER=1 KUBECONFIG=… npm run bench:cluster -- --delay=80 --runs=5; --only=Cutover: one tool.
// See docs/benchmarks.md and e2e/README.md.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openKube } from '../__tests__/support/kube.js';
import { referenceSet } from '../__tests__/support/object-sets.js';
import { openDelayingProxy } from './delaying-proxy.js';
import { toolsAtHand, type Tool } from './old-tools.js';
import { spread } from './figures.js';
import { markdownTable } from './markdown-table.js';
import { wayOf, type Way } from './way-to-the-write.js';

const { CUTOVER_TEST_CLUSTER, KUBECONFIG = '', CUTOVER_TEST_IMAGES = '127.0.0.1:5000/cutover' } = process.env;
if (CUTOVER_TEST_CLUSTER !== '1') throw new Error('CUTOVER_TEST_CLUSTER=1 must declare the cluster a test cluster');
const { values: flags } = parseArgs({
  options: {
    delay: { type: 'string', default: '80' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
});
const steps = ['create', 'update', 'unchanged'] as const;
const kubeconfig = await readFile(KUBECONFIG, 'utf8');
const kube = openKube(kubeconfig);
const { tools } = toolsAtHand();

/** The three steps of one tool, one after the other in a namespace of their own. */
async function play(tool: Tool, run: number): Promise<readonly Way[]> {
  const namespace = `bench-${process.pid}-${tool.name.replaceAll(/\W+/g, '').toLowerCase()}-${run}`;
  const folder = await mkdtemp(join(tmpdir(), 'cutover-bench-'));
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const ways: Way[] = [];
  try {
    for (const step of steps) {
      const set = referenceSet({ repository: `${CUTOVER_TEST_IMAGES}/site`, tag: step === 'create' ? 'v1' : 'v2' });
      await writeFile(join(folder, 'objects.yml'), set.manifests);
      // Answers that are younger than two seconds are compared in another way, and pods that end write to the API server.
      await pause(4_000);
      const proxy = await openDelayingProxy(kubeconfig, Number(flags.delay));
      const startedAt = performance.now();
      const job = { set, kubeconfig: proxy.kubeconfig, namespace, folder, timeoutSeconds: 120 };
      const { succeeded, lines } = await tool.run({ ...job, onStart: () => undefined });
      const endedAt = performance.now();
      await proxy.close();
      if (!succeeded) throw new Error(`${tool.name}, ${step}:\n${lines.map(({ text }) => text).join('\n')}`);
      ways.push(wayOf(proxy.calls, { tool, startedAt, endedAt }));
    }
  } finally {
    await kube.remove({ kind: 'Namespace', namespace: '', name: namespace });
    await rm(folder, { recursive: true, force: true });
  }
  return ways;
}

const seen = new Map<string, Way[]>();
for (let run = 1; run <= Number(flags.runs); run += 1)
  for (const tool of tools.filter(({ name }) => flags.only === '' || name === flags.only))
    for (const [at, way] of (await play(tool, run)).entries()) {
      const key = `${steps[at] ?? ''}, ${tool.name}`;
      seen.set(key, [...(seen.get(key) ?? []), way]);
    }
kube.close();

const cell = (ways: readonly Way[], name: keyof Way, unit: number): string => {
  const found = spread(ways.map(way => way[name]));
  const text = (value: number): string => (value / unit).toFixed(unit === 1 ? 0 : 2);
  return found === undefined ? '-' : `${text(found.median)} (${text(found.min)}..${text(found.max)})`;
};
const table = markdownTable(
  ['R10', 'calls', 'in a row', 'first call s', 'first object s', 'last object s', 'in all s'],
  [...seen].map(([key, ways]) => [
    key,
    cell(ways, 'calls', 1),
    cell(ways, 'depth', 1),
    cell(ways, 'firstCallMs', 1000),
    cell(ways, 'firstObjectMs', 1000),
    cell(ways, 'lastObjectMs', 1000),
    cell(ways, 'wallMs', 1000),
  ]),
);
process.stdout.write(`${flags.delay} ms per API call, ${flags.runs} runs: median (minimum..maximum)\n\n${table}\n`);
