import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How a command ended. */
export type Ending =
  | { readonly kind: 'exit'; readonly status: number; readonly lastLine: string }
  | { readonly kind: 'killed'; readonly by: NodeJS.Signals; readonly lastLine: string }
  | { readonly kind: 'no-shell'; readonly reason: string };

interface Options {
  readonly environment: Readonly<Record<string, string>>;
  /** Called with every line of output, standard and error. */
  readonly line: (text: string) => void;
  /** Ends the command with everything it started. */
  readonly signal: AbortSignal;
}

/** Between asking a command to end and ending it by force: a cancelled step has some ten seconds for everything. */
const graceMs = 2_000;

const shells: readonly (readonly [string, ...string[]])[] = [
  ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail', '-c'],
  ['sh', '-e', '-c'],
];

/** Runs a command in bash as a workflow's `run` does, in sh where there is no bash. Never throws. */
export async function runCommand(command: string, options: Options): Promise<Ending> {
  let ending: Ending = { kind: 'no-shell', reason: 'no shell was tried' };
  for (const shell of shells) {
    ending = await runIn([...shell, command], options);
    if (ending.kind !== 'no-shell') return ending;
  }
  return ending;
}

async function runIn([shell = '', ...rest]: readonly string[], options: Options): Promise<Ending> {
  const { environment, line, signal } = options;
  // A process group of its own: what the command started in the background ends with it.
  const child = spawn(shell, rest, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let lastLine = '';
  const read = (stream: Readable): void => {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', text => {
      if (text.trim() !== '') lastLine = text;
      line(text);
    });
  };
  read(child.stdout);
  read(child.stderr);

  let force: NodeJS.Timeout | undefined;
  const stop = (): void => {
    endGroup(child, 'SIGTERM');
    force = setTimeout(() => {
      endGroup(child, 'SIGKILL');
      // Output still held open by a process that left the group must not keep the run waiting.
      child.stdout.destroy();
      child.stderr.destroy();
    }, graceMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  child.once('exit', () => endGroup(child, 'SIGKILL'));

  try {
    return await new Promise<Ending>(resolve => {
      child.once('error', error => resolve({ kind: 'no-shell', reason: error.message }));
      child.once('close', (status, by) => {
        if (by !== null) resolve({ kind: 'killed', by, lastLine });
        else resolve({ kind: 'exit', status: status ?? 0, lastLine });
      });
    });
  } finally {
    clearTimeout(force);
    signal.removeEventListener('abort', stop);
  }
}

function endGroup({ pid }: ChildProcess, by: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, by);
  } catch (error) {
    // Nobody is left in the group, or (macOS) only the dead: that is what was wanted.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
