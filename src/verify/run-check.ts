import type { RunCheck } from '../inputs/checks/run.js';
import { ownEnvironment } from '../inputs/own-environment.js';
import { shortened } from '../log.js';
import { retryCheck, type Check, type CheckAttempt, type CheckSubject } from './check.js';
import { runCommand, type CommandResult } from './command.js';
import { quote } from './quote.js';
import { openLocalUrl } from './reach/local-url.js';

interface RunCheckSubject extends Pick<CheckSubject, 'side' | 'log' | 'environment'> {
  /** Local URL of the endpoint. Absent: there is none, and `CUTOVER_URL` is not set. */
  readonly url?: string;
  readonly signal: AbortSignal;
}

/** The check of the kind `run`. All attempts use the same local URL. */
export function runCheck(input: RunCheck): Check {
  const { when, retryMs, intervalMs } = input;
  const name = runCheckName(input);
  return {
    name,
    when,
    async run(subject, signal) {
      const listener = await openLocalUrl({ ...subject, ...(input.url !== undefined && { url: input.url }) });
      const attempt = (): Promise<CheckAttempt> =>
        attemptRun(input, { ...subject, signal, ...(listener !== undefined && { url: listener.url }) });
      try {
        return await retryCheck({ name, retryMs, intervalMs, attempt }, subject, signal);
      } finally {
        await listener?.close();
      }
    },
  };
}

/** The name of the check in messages and results: the first line of its command. */
export function runCheckName({ command }: RunCheck): string {
  const [first = '', ...more] = command.trim().split('\n');
  const shortName = shortened(first, 80);
  return `run: ${shortName}${more.length > 0 && shortName === first ? ' …' : ''}`;
}

/** One attempt: runs the command and logs its output. Exit status 0 passes. */
export async function attemptRun(check: RunCheck, subject: RunCheckSubject): Promise<CheckAttempt> {
  const { environment, side, url, log, signal } = subject;
  const result = await runCommand(check.command, {
    environment: commandEnvironment(environment, { side, ...(url !== undefined && { url }) }),
    // The prefix prevents the runner from parsing a line as a workflow command (`::set-output …`).
    line: text => log.info(`| ${text}`),
    signal,
  });
  return attemptOf(result);
}

/** The result of a command. */
export function attemptOf(result: CommandResult): CheckAttempt {
  switch (result.kind) {
    case 'no-shell':
      return { verdict: 'cannot-tell', detail: `no shell could be started: ${result.reason}`, final: true };
    case 'killed':
      return { verdict: 'fail', detail: `ended by ${result.by}; last line ${quote(result.lastLine)}`, final: false };
    case 'exit':
      return result.status === 0
        ? { verdict: 'pass', detail: 'exit status 0', final: true }
        : {
            verdict: 'fail',
            detail: `expected exit status 0; got ${result.status}, last line ${quote(result.lastLine)}`,
            final: false,
          };
  }
}

/** The environment of a command: the step's own, with `CUTOVER_SIDE` and `CUTOVER_URL`. */
export function commandEnvironment(
  environment: Readonly<Record<string, string>>,
  { side, url }: { readonly side: 'staged' | 'public'; readonly url?: string },
): Record<string, string> {
  const kept = Object.entries(ownEnvironment(environment)).filter(([name]) => name !== 'CUTOVER_URL');
  return { ...Object.fromEntries(kept), CUTOVER_SIDE: side, ...(url !== undefined && { CUTOVER_URL: url }) };
}
