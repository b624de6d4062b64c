import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The result of a command. */
export type CommandResult =
  | { readonly kind: 'exit'; readonly status: number; readonly lastLine: string }
  | { readonly kind: 'killed'; readonly by: NodeJS.Signals; readonly lastLine: string }
  | { readonly kind: 'no-shell'; readonly reason: string };

interface CommandOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** Called with every line of standard output and standard error. */
  readonly line: (text: string) => void;
  /** Ends the command and all processes that it started. */
  readonly signal: AbortSignal;
}

/** Between SIGTERM and SIGKILL; a cancelled step has about ten seconds in total. */
const killAfterMs = 2_000;

const shellCommands: readonly (readonly [string, ...string[]])[] = [
  ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail', '-c'],
  ['sh', '-e', '-c'],
];

/** Runs a command in bash as `run` in a workflow does, or in sh without bash. Never rejects. */
export async function runCommand(command: string, options: CommandOptions): Promise<CommandResult> {
  let result: CommandResult = { kind: 'no-shell', reason: 'no shell was started' };
  for (const shell of shellCommands) {
    result = await runInShell([...shell, command], options);
    if (result.kind !== 'no-shell') return result;
  }
  return result;
}

async function runInShell([shell = '', ...rest]: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { environment, line, signal } = options;
  // Its own process group, so that background processes end with it.
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

  let killTimer: NodeJS.Timeout | undefined;
  const terminate = (): void => {
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => {
      signalGroup(child, 'SIGKILL');
      // A process that has left the group may keep the output open; do not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
    }, killAfterMs);
  };
  if (signal.aborted) terminate();
  else signal.addEventListener('abort', terminate, { once: true });
  child.once('exit', () => signalGroup(child, 'SIGKILL'));

  try {
    return await new Promise<CommandResult>(resolve => {
      child.once('error', error => resolve({ kind: 'no-shell', reason: error.message }));
      child.once('close', (status, signalName) => {
        if (signalName !== null) resolve({ kind: 'killed', by: signalName, lastLine });
        else resolve({ kind: 'exit', status: status ?? 0, lastLine });
      });
    });
  } finally {
    clearTimeout(killTimer);
    signal.removeEventListener('abort', terminate);
  }
}

function signalGroup({ pid }: ChildProcess, signalName: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signalName);
  } catch (error) {
    // The group is empty, or (macOS) has only zombie processes.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
