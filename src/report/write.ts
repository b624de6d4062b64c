import * as core from '@actions/core';
import type { Log, StepLog } from '../log.js';
import { neutralised, type OutgoingText } from '../text.js';
import { buildOutputs } from './outputs.js';
import type { Report } from './report.js';
import { buildSummary } from './summary.js';

/**
 * Logs the details, annotates the manifests' lines that have problems, sets the outputs, and appends the job summary. Outside
 * GitHub Actions, outputs and summary are skipped with a line in the log. Nothing of it shows a secret. Never throws: a deploy that succeeded must not fail
 * for its report, and one that failed must fail for its own cause.
 */
export async function writeReport(options: {
  readonly report: Report;
  readonly log: StepLog;
  /** The runner's environment, which names the files for outputs and summary. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<void> {
  const { log, environment } = options;
  const report = redactedReport(options.report, log.text);
  for (const line of report.details ?? []) log.info(line);
  for (const { message, at } of report.error?.problems ?? []) if (at !== undefined) log.error(message, at);
  await attempt(log, 'outputs', () => {
    if (!environment['GITHUB_OUTPUT']) log.info('Outputs are not set: GITHUB_OUTPUT names no file');
    else for (const [name, value] of Object.entries(buildOutputs(report))) core.setOutput(name, neutralised(value));
  });
  await attempt(log, 'job summary', async () => {
    if (!environment['GITHUB_STEP_SUMMARY'])
      log.info('The job summary is not written: GITHUB_STEP_SUMMARY names no file');
    else await core.summary.addRaw(neutralised(buildSummary(report)), true).write();
  });
}

async function attempt(log: Log, what: string, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warning(`The ${what} could not be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Members that are left as they are: words of Cutover and Kubernetes' names, which other steps compare. A Secret whose value
 * is such a word does not make it secret.
 */
const identifiers: ReadonlySet<string> = new Set([
  ...['action', 'activeRole', 'change', 'code', 'idleRole', 'kind', 'namespace', 'outcome', 'release', 'role', 'side'],
  ...['stagedRole', 'strategy', 'testUrl', 'verdict', 'when'],
]);

/** The report without secrets, before it is escaped, encoded and cut: a secret is not found in what comes of that. */
function redactedReport({ error, ...report }: Report, text: OutgoingText): Report {
  if (error === undefined) return redacted(report, text);
  // The members of an Error are not enumerable.
  const { message, object, hint, problems } = error;
  const shown = { message, problems, ...(object !== undefined && { object }), ...(hint !== undefined && { hint }) };
  return { ...redacted(report, text), error: redacted(shown, text) };
}

function redacted<T>(value: T, text: OutgoingText): T {
  if (typeof value === 'string') return text.redact(value) as T;
  if (Array.isArray(value)) return value.map(item => redacted<unknown>(item, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const isReference = 'kind' in value && 'name' in value;
  const members = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const isIdentifier = identifiers.has(key) || (isReference && key === 'name');
    return [key, isIdentifier && typeof member === 'string' ? member : redacted(member, text)] as const;
  });
  return Object.fromEntries(members) as T;
}
