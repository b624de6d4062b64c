import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/sandbox.js';
import type { PlayedStep, TestNamespace } from './test-namespace.js';

/**
 * The record of a scenario in `golden/<suite>.json`: exit status, outcome and outputs of each step, and the writes that its
 * steps sent to the API server. A difference fails the scenario. `CUTOVER_GOLDEN=write` rewrites the files.
 */
interface Golden {
  readonly steps: readonly GoldenStep[];
  /**
   * Counts by request, such as `PATCH Deployment (dry run)`, over all steps; refused writes count too. Reads are left out
   * because their number depends on timing. For the same reason, three more are left out:
   * - PUTs of a Lease: renewals, and takeovers.
   * - The same write to the same object, directly repeated, except to the release record: retries.
   * - The write that a step sends after one to the same object met a conflict, and its dry run. A controller that writes the
   *   status between the read and the write causes the conflict, and the step may then apply what it would have replaced.
   */
  readonly writes: Readonly<Record<string, number>>;
}

interface GoldenStep {
  readonly action: string;
  readonly exitCode: number;
  readonly postExitCode: number;
  readonly outputs: Readonly<Record<string, string>>;
}

const folder = '__tests__/scenarios/golden';
const isWriting = process.env.CUTOVER_GOLDEN === 'write';

/** Plays a scenario and compares it with its golden file. A real cluster counts no calls, so there it only plays. */
export async function compareWithGolden(title: string, ns: TestNamespace, play: () => Promise<void>): Promise<void> {
  const { sandbox } = ns.cluster;
  if (sandbox === undefined) return play();
  const { writes, stop } = countWrites(ns, sandbox);
  try {
    await play();
  } finally {
    stop();
  }
  const seen: Golden = { steps: ns.steps.map(step => goldenStep(step, ns)), writes: sorted(writes) };
  const file = join(folder, `${basename(expect.getState().testPath ?? '', '.test.ts')}.json`);
  const all = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Golden>) : {};
  if (!isWriting) {
    expect(seen).toEqual(all[title]);
    return;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify(sorted({ ...all, [title]: seen }), undefined, 2)}\n`);
  const log = process.env.CUTOVER_GOLDEN_LOG;
  if (log !== undefined) appendFileSync(log, `${JSON.stringify([title, seen])}\n`);
}

/** Counts the writes of the steps in this namespace, by the rules of {@link Golden.writes}, until `stop` is called. */
function countWrites(
  ns: TestNamespace,
  { calls }: Sandbox,
): { readonly writes: Readonly<Record<string, number>>; readonly stop: () => void } {
  const writes: Record<string, number> = {};
  const last = new Map<string, string>();
  /** Objects whose last write met a conflict, and the number of the step that sent it. */
  const conflicts = new Map<string, number>();
  const stop = calls.listenToAnswers(({ verb, kind, name, namespace, dryRun, userAgent }, status) => {
    if (namespace !== ns.namespace || !userAgent.startsWith('cutover/')) return;
    if (!['POST', 'PUT', 'PATCH', 'DELETE'].includes(verb) || (verb === 'PUT' && kind === 'Lease')) return;
    const call = `${verb} ${kind}${dryRun ? ' (dry run)' : ''}`;
    const object = `${kind}/${name}`;
    const step = ns.steps.length;
    const followsConflict = conflicts.get(object) === step;
    if (!dryRun) conflicts.delete(object);
    if (!dryRun && verb !== 'POST' && status === 409) conflicts.set(object, step);
    if (followsConflict) return;
    const isRecord = kind !== 'Lease' && name.startsWith('cutover-');
    // A POST names no object.
    if (name !== '' && !isRecord && last.get(object) === call) return;
    last.set(object, call);
    writes[call] = (writes[call] ?? 0) + 1;
  });
  return { writes, stop };
}

function goldenStep({ inputs, result }: PlayedStep, ns: TestNamespace): GoldenStep {
  // The first two have times, and numbers of requests depend on them.
  const { summary: _summary, status: _status, requests: _, 'requests-failed': _failed, ...outputs } = result.outputs;
  return {
    action: [inputs.action ?? 'deploy', inputs.strategy].filter(Boolean).join(' '),
    exitCode: result.exitCode,
    postExitCode: result.postExitCode,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, text]) => [name, stable(text, ns)])),
  };
}

/** The text with placeholders for what differs from run to run. */
function stable(text: string, { namespace, workspace }: TestNamespace): string {
  return text
    .replaceAll(namespace, '<namespace>')
    .replaceAll(workspace, '<workspace>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>');
}

function sorted<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
