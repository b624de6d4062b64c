import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { load } from 'js-yaml';
import { CommandReader, Masks, readFileCommands } from './commands.js';
import type { Annotation, Command } from './commands.js';
import { eachLine } from './each-line.js';

/** A workflow step that uses the action. */
export interface StepRequest {
  /** The inputs under `with:`. An absent input gets the default of action.yml, else ''. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Working directory of the step (GITHUB_WORKSPACE). */
  readonly workspace: string;
  /** Environment variables; they override those that the runner sets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The job's token, the value of `github.token` in action.yml. Default: one that no server accepts. */
  readonly token?: string;
  /** Folder of the action. Default: the working directory. */
  readonly action?: string;
  /** When to run post. Default `always`, as the runner does. `unfinished`: unless the state says that main finished. */
  readonly post?: 'always' | 'unfinished' | 'never';
  /** Called with the process id of main, then of post. */
  readonly onStart?: (pid: number) => void;
  /** Called with each line of the log, masked, while the step runs. */
  readonly onLine?: (line: string) => void;
  /**
   * Sends a signal to main when a line of its log matches or when the caller aborts. The runner cancels with SIGINT.
   */
  readonly interrupt?: { readonly when: RegExp | AbortSignal; readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' };
}

/** The result of a step and its post step. */
export interface StepResult {
  /** Exit status of main; 128 + signal number if a signal ended it. */
  readonly exitCode: number;
  readonly postExitCode: number;
  /** The log as GitHub shows it: masked, with the titles of groups and the levels of annotations. */
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The job summary of main and post, in markdown. */
  readonly summary: string;
  readonly annotations: readonly Annotation[];
  /** The commands that main and post gave by printing them. */
  readonly commands: readonly Command[];
  /** The state that main saved for post. */
  readonly state: Readonly<Record<string, string>>;
  /** The files that main and post left in the folders of the runner, such as RUNNER_TEMP, by path. Without those above. */
  readonly files: Readonly<Record<string, string>>;
  /** Duration of main in milliseconds. */
  readonly tookMs: number;
}

interface ActionFile {
  readonly inputs?: Readonly<Record<string, { readonly default?: string | number | boolean | null } | null>>;
  readonly runs: { readonly main: string; readonly post?: string };
}

/** Runs main and then post, even if main fails, each in its own process and without the caller's environment. */
export async function runStep(request: StepRequest): Promise<StepResult> {
  const folder = resolve(request.action ?? '.');
  const action = load(await readFile(join(folder, 'action.yml'), 'utf8')) as ActionFile;
  const home = await mkdtemp(join(tmpdir(), 'cutover-step-'));
  try {
    const seen: Seen = { masks: new Masks(), log: [], annotations: [], commands: [], outputs: {}, state: {} };
    if (request.token !== undefined) seen.masks.add(request.token);
    const variables = { ...(await runnerVariables(home, request)), ...inputVariables(action, request) };
    const begun = performance.now();
    const main = join(folder, action.runs.main);
    const exitCode = await runProgram({ file: main, variables, request, seen, interrupt: request.interrupt });
    const tookMs = performance.now() - begun;
    const state = { ...seen.state, ...readFileCommands(await readFile(variables.GITHUB_STATE, 'utf8')) };
    const postExitCode =
      action.runs.post === undefined ||
      request.post === 'never' ||
      (request.post === 'unfinished' && state.finished === 'true')
        ? 0
        : await runProgram({
            file: join(folder, action.runs.post),
            variables: { ...variables, ...stateVariables(state) },
            request,
            seen,
          });
    return {
      exitCode,
      postExitCode,
      log: seen.log.join('\n'),
      outputs: { ...seen.outputs, ...readFileCommands(await readFile(variables.GITHUB_OUTPUT, 'utf8')) },
      summary: await readFile(variables.GITHUB_STEP_SUMMARY, 'utf8'),
      annotations: seen.annotations,
      commands: seen.commands,
      state,
      files: await filesIn(home),
      tookMs,
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function filesIn(home: string): Promise<Readonly<Record<string, string>>> {
  const read = ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY'].map(name => join(home, name));
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const paths = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const left = paths.filter(path => !read.includes(path));
  const texts = await Promise.all(
    left.map(async path => [relative(home, path), await readFile(path, 'latin1')] as const),
  );
  return Object.fromEntries(texts);
}

/** `INPUT_<NAME>` for every input, named as the runner does: blanks become `_`, dashes stay. */
function inputVariables(action: ActionFile, request: StepRequest): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, input] of Object.entries(action.inputs ?? {})) {
    const text = input?.default === undefined || input.default === null ? '' : String(input.default);
    values[name] = text.replaceAll(/\$\{\{\s*github\.token\s*\}\}/g, () => request.token ?? 'token-that-opens-nothing');
  }
  // The runner only warns about an input that action.yml does not declare, and passes it on.
  Object.assign(values, request.inputs);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  );
}

function stateVariables(state: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
}

const commandFiles = ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_STEP_SUMMARY'] as const;

async function runnerVariables(
  home: string,
  request: StepRequest,
): Promise<Record<(typeof commandFiles)[number], string> & Record<string, string>> {
  const paths = Object.fromEntries(commandFiles.map(name => [name, join(home, name)])) as Record<
    (typeof commandFiles)[number],
    string
  >;
  for (const path of Object.values(paths)) await writeFile(path, '');
  const temp = join(home, 'temp');
  await mkdir(temp);
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    RUNNER_TEMP: temp,
    TMPDIR: temp,
    LANG: 'C.UTF-8',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    RUNNER_OS: 'Linux',
    RUNNER_NAME: 'runner-1',
    GITHUB_SERVER_URL: 'https://github.com',
    // No server listens there: a scenario that needs GitHub sets its own URL.
    GITHUB_API_URL: 'http://127.0.0.1:9',
    GITHUB_REPOSITORY: 'shop/website',
    GITHUB_ACTOR: 'octocat',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_JOB: 'deploy',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_RUN_ID: '1000',
    GITHUB_RUN_NUMBER: '41',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_SHA: '8d1c0f6a5b3e4c2d9f7a6b5c4d3e2f1a0b9c8d7e',
    GITHUB_WORKFLOW: 'Release',
    GITHUB_WORKSPACE: request.workspace,
    ...request.environment,
    ...paths,
  };
}

interface Seen {
  readonly masks: Masks;
  readonly log: string[];
  readonly annotations: Annotation[];
  readonly commands: Command[];
  /** What was set by printed commands. */
  readonly outputs: Record<string, string>;
  readonly state: Record<string, string>;
}

interface Program {
  readonly file: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly request: StepRequest;
  readonly seen: Seen;
  readonly interrupt?: StepRequest['interrupt'];
}

/** Runs one program to its end. Resolves with its exit status. */
async function runProgram({ file, variables, request, seen, interrupt }: Program): Promise<number> {
  const child = spawn(process.execPath, [file], {
    cwd: request.workspace,
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid !== undefined) request.onStart?.(child.pid);
  const ended = new Promise<number>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(code ?? 128 + (signalNumbers[signal ?? ''] ?? 0)));
  });
  const { when, signal } = interrupt ?? {};
  let interrupted = false;
  if (when instanceof AbortSignal) when.addEventListener('abort', () => child.kill(signal));
  const show = (text: string): void => {
    for (const line of text.split(/\r\n|[\r\n]/)) {
      const shown = seen.masks.apply(line);
      seen.log.push(shown);
      request.onLine?.(shown);
      if (!interrupted && when instanceof RegExp && when.test(shown)) {
        interrupted = true;
        child.kill(signal);
      }
    }
  };
  const reader = new CommandReader();
  const debugging = variables.RUNNER_DEBUG === '1';
  const listen = (line: string): void => {
    const printed = reader.read(line);
    if (printed.kind === 'mask') seen.masks.add(printed.value);
    else if (printed.kind === 'text') show(printed.text);
    else if (printed.kind === 'group') show(printed.title);
    else if (printed.kind === 'output') seen.outputs[printed.name] = printed.value;
    else if (printed.kind === 'state') seen.state[printed.name] = printed.value;
    else if (printed.kind === 'debug' && debugging) show(`debug: ${printed.text}`);
    else if (printed.kind === 'annotation') {
      const annotation = { ...printed.annotation, message: seen.masks.apply(printed.annotation.message) };
      seen.annotations.push(annotation);
      for (const part of annotation.message.split('\n')) show(`${annotation.level}: ${part}`);
    }
  };
  eachLine(child.stdout, listen);
  eachLine(child.stderr, listen);
  const exitCode = await ended;
  seen.commands.push(...reader.obeyed);
  return exitCode;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
