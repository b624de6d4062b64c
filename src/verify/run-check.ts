import type { RunCheck } from '../inputs/inputs.js';
import { shortened } from '../log.js';
import type { Log } from '../log.js';
import { runCommand, type CommandResult } from './command.js';
import type { Trial } from './http-check.js';
import { withoutControls, quote } from './quote.js';

interface Surroundings {
  /** The runner's environment; what is secret or meant for this step alone is not passed on. */
  readonly environment: Readonly<Record<string, string>>;
  readonly side: 'staged' | 'public';
  /** Local way to the endpoint. Absent: there is none, and `CUTOVER_URL` is not set. */
  readonly url?: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How messages and results name the check: its command's first line. */
export function runCheckName({ command }: RunCheck): string {
  const [first = '', ...more] = command.trim().split('\n');
  const cut = shortened(first, 80);
  return `run: ${withoutControls(cut)}${more.length > 0 && cut === first ? ' …' : ''}`;
}

/** One try: runs the command and streams its output into the log. Exit status 0 is a pass. */
export async function tryRun(check: RunCheck, surroundings: Surroundings): Promise<Trial> {
  const { environment, side, url, log, signal } = surroundings;
  const ending = await runCommand(check.command, {
    environment: commandEnvironment(environment, { side, ...(url !== undefined && { url }) }),
    // The bar keeps the runner from taking a line of output for one of its commands (`::set-output …`).
    line: text => log.info(`| ${withoutControls(text)}`),
    signal,
  });
  return judgeEnding(ending);
}

/** What the end of a command says of the application. */
export function judgeEnding(ending: CommandResult): Trial {
  switch (ending.kind) {
    case 'no-shell':
      return { verdict: 'cannot-tell', detail: `no shell could be started: ${ending.reason}`, final: true };
    case 'killed':
      return { verdict: 'fail', detail: `ended by ${ending.by}; last line ${quote(ending.lastLine)}`, final: false };
    case 'exit':
      return ending.status === 0
        ? { verdict: 'pass', detail: 'exit status 0', final: true }
        : {
            verdict: 'fail',
            detail: `expected exit status 0; got ${ending.status}, last line ${quote(ending.lastLine)}`,
            final: false,
          };
  }
}

/**
 * Names that a command must not see: this step's inputs (the token and the kubeconfig are among them), the runner's own
 * service tokens, and the file through which this step talks to its post step.
 */
const withheld = /^(INPUT_.*|ACTIONS_(RUNTIME|ID_TOKEN|RESULTS|CACHE)_.*|GITHUB_STATE|STATE_.*)$/i;

/** The environment of a command: the runner's without what is withheld, with `CUTOVER_STAGE` and `CUTOVER_URL`. */
export function commandEnvironment(
  environment: Readonly<Record<string, string>>,
  { side, url }: { readonly side: 'staged' | 'public'; readonly url?: string },
): Record<string, string> {
  const kept = Object.entries(environment).filter(([name]) => !withheld.test(name) && name !== 'CUTOVER_URL');
  return { ...Object.fromEntries(kept), CUTOVER_STAGE: side, ...(url !== undefined && { CUTOVER_URL: url }) };
}
