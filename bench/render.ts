// Measures time and memory from 5 000 documents (20 MB) in files to rendered objects. Nothing is asserted.
// --runs=3: the number of runs, each in a new process. --only=files,single: a selection. See docs/benchmarks.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import '../src/heap-limits.js';
import { readManifests, renderManifests } from '../src/manifests/render.js';
import { markdownTable } from './markdown-table.js';
import { manyDocuments } from '../__tests__/support/object-sets.js';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: 'files,single' },
    /** A folder of manifests: measures once in this process, and prints the figures as JSON. */
    folder: { type: 'string' },
  },
});

interface Figures {
  readonly documents: number;
  readonly readMs: number;
  readonly renderMs: number;
  /** CPU time of the main thread; on a busy machine the times above are longer. */
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** Values for the placeholders of the set. */
const variables = { TAG: 'v1', LEVEL: 'info', REPLICAS: '3' };

async function once(workspace: string): Promise<Figures> {
  const before = process.threadCpuUsage();
  const start = performance.now();
  const manifests = await readManifests({ patterns: ['.'], workspace, environment: {} });
  const read = performance.now();
  const { resources } = renderManifests({
    manifests,
    variables,
    builtIns: { NAMESPACE: 'bench' },
    environment: {},
    substitution: 'on',
    images: [],
    namespace: 'bench',
    release: 'bench',
    preStopSeconds: 5,
  });
  const end = performance.now();
  const { user, system } = process.threadCpuUsage(before);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  return {
    documents: resources.length,
    readMs: read - start,
    renderMs: end - read,
    processorMs: (user + system) / 1000,
    peakMiB,
  };
}

function apart(folder: string): Figures {
  const [, program = ''] = process.argv;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, `--folder=${folder}`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Figures;
}

function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((one, other) => one - other).map(value => value.toFixed(digits));
  const [lowest = '', highest = ''] = [sorted[0], sorted.at(-1)];
  const median = sorted[Math.floor(sorted.length / 2)] ?? '';
  return lowest === highest ? median : `${median} (${lowest}..${highest})`;
}

/** Measures the set repeatedly, as files of this number of documents each. */
function rowOf(title: string, perFile: number): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'cutover-bench-'));
  try {
    const documents = manyDocuments(5_000);
    for (let start = 0; start < documents.length; start += perFile) {
      writeFileSync(join(folder, `${start}.yml`), documents.slice(start, start + perFile).join('---\n'));
    }
    const runs = Array.from({ length: Number(flags.runs) }, () => apart(folder));
    const mb = documents.reduce((sum, text) => sum + text.length, 0) / 1e6;
    return [
      title,
      String(runs[0]?.documents),
      mb.toFixed(1),
      spread(
        runs.map(({ readMs }) => readMs / 1000),
        2,
      ),
      spread(
        runs.map(({ renderMs }) => renderMs / 1000),
        2,
      ),
      spread(
        runs.map(({ readMs, renderMs }) => (readMs + renderMs) / 1000),
        2,
      ),
      spread(
        runs.map(({ processorMs }) => processorMs / 1000),
        2,
      ),
      spread(
        runs.map(({ peakMiB }) => peakMiB),
        0,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (flags.folder !== undefined) process.stdout.write(JSON.stringify(await once(flags.folder)));
else {
  const parts = flags.only.split(',');
  const rows = [
    ...(parts.includes('files') ? [rowOf('100 files', 50)] : []),
    ...(parts.includes('single') ? [rowOf('one file', 5_000)] : []),
  ];
  const head = ['in', 'documents', 'MB', 'read s', 'render s', 'together s', 'processor s', 'peak MiB'];
  process.stdout.write(`${markdownTable(head, rows)}\n`);
}
