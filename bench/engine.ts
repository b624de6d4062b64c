// Measures the cost of a deploy compared with kubectl: API calls, times, bytes and memory. Nothing is asserted.
// --quick: the reference set once, without delay. --only=r10,thousand,failures, --delays=0,20,80 (ms), --runs=3: a selection.
// See docs/benchmarks.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, platform } from 'node:os';
import { parseArgs } from 'node:util';
import { toolsAtHand } from './deploy-tools.js';
import type { Tool } from './deploy-tools.js';
import { failureTable, failureReportOf } from './failures.js';
import type { FailureReport } from './failures.js';
import { figuresOf } from './figures.js';
import type { Figures } from './figures.js';
import { costTable } from './figures-table.js';
import { measure } from './measured-deploy.js';
import { referenceSet, singleDeployment, thousandObjects } from '../__tests__/support/object-sets.js';
import type { ObjectSet } from '../__tests__/support/object-sets.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'r10,thousand,failures' },
    delays: { type: 'string', default: '0,20,80' },
    runs: { type: 'string', default: '3' },
  },
});
const { only, delays, runs } = flags.quick ? { only: 'r10', delays: '0', runs: '1' } : flags;
const parts = only.split(',');
const delaysMs = delays.split(',').map(Number);
/** The deadline of a failing rollout. */
const deadlineSeconds = 30;

const site = { repository: 'registry.test/shop/site', tag: 'v1' };
const sets = [
  ...(parts.includes('r10') ? [referenceSet(site)] : []),
  ...(parts.includes('thousand') ? [thousandObjects(site)] : []),
];
const failures = [
  { set: singleDeployment('an invalid image name', 'Registry.test/Shop//Site:v1'), reason: /InvalidImageName/ },
  { set: singleDeployment('an image that cannot be pulled', 'registry.test/shop/nosuch:v1'), reason: /ImagePull/ },
  { set: singleDeployment('a crash loop', `${site.repository}:broken`), reason: /exit code|CrashLoop/ },
];

/** The cost of a set for a tool with one delay. */
interface Cost {
  readonly set: string;
  readonly delayMs: number;
  readonly tool: string;
  readonly runs: readonly Figures[];
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const { tools, kubectlVersion } = toolsAtHand();

async function costOf(tool: Tool, set: ObjectSet, delayMs: number): Promise<Figures> {
  const measured = await measure(tool, { set, delayMs, timeoutSeconds: 600 });
  if (!measured.result.succeeded) {
    const output = measured.result.lines.map(({ text }) => text).join('\n');
    throw new Error(`${tool.name} did not deploy ${set.title}:\n${output}`);
  }
  return figuresOf(measured, tool, set);
}

const costs: Cost[] = [];
const failureReports: FailureReport[] = [];
say(
  `${cpus().length} cores, ${platform()}, Node ${process.version}; kubectl ${kubectlVersion ?? 'is not on the PATH'}\n`,
);
// The first deploy also warms up the embedded cluster that all share.
if (tools[0]) await costOf(tools[0], referenceSet(site), 0);
for (const set of sets) {
  for (const delayMs of delaysMs) {
    const rows = tools.map(tool => ({ tool, runs: [] as Figures[] }));
    for (let run = 0; run < Number(runs); run += 1) {
      for (const row of rows) row.runs.push(await costOf(row.tool, set, delayMs));
    }
    costs.push(...rows.map(row => ({ set: set.title, delayMs, tool: row.tool.name, runs: row.runs })));
    say(`${set.title}, ${delayMs} ms per API call\n`);
    say(`${costTable(costs.slice(-rows.length))}\n`);
  }
}
if (parts.includes('failures')) {
  // kubectl waits in the same way after both kinds of apply.
  for (const tool of tools.filter(({ name }) => !name.includes('--'))) {
    for (const { set, reason } of failures) {
      const measured = await measure(tool, { set, delayMs: 0, timeoutSeconds: deadlineSeconds });
      failureReports.push(failureReportOf(measured, { tool: tool.name, failure: set.title, reason }));
    }
  }
  say(`${failureTable(failureReports, deadlineSeconds)}\n`);
}
const folder = '.cache/bench';
await mkdir(folder, { recursive: true });
const machine = { cores: cpus().length, platform: platform(), node: process.version, kubectl: kubectlVersion };
await writeFile(
  `${folder}/engine.json`,
  `${JSON.stringify({ machine, costs, failures: failureReports }, undefined, 2)}\n`,
);
say(`Written to ${folder}/engine.json`);
