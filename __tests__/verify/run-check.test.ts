import { describe, expect, it } from '@jest/globals';
import type { RunCheck } from '../../src/inputs/inputs.js';
import { runCommand } from '../../src/verify/command.js';
import { commandEnvironment, judgeEnding, runCheckName, tryRun } from '../../src/verify/run-check.js';
import { listLog } from '../support/log.js';

const path = { PATH: process.env['PATH'] ?? '' };
const never = (): AbortSignal => new AbortController().signal;
const check = (command: string): RunCheck => ({ kind: 'run', command, on: 'both', retryMs: 0, intervalMs: 5_000 });

describe('the end of a command', () => {
  it.each([
    [{ kind: 'exit', status: 0, lastLine: 'fine' } as const, 'pass', 'exit status 0'],
    [
      { kind: 'exit', status: 3, lastLine: '2 of 9 tests failed' } as const,
      'fail',
      'expected exit status 0; got 3, last line "2 of 9 tests failed"',
    ],
    [{ kind: 'killed', by: 'SIGKILL', lastLine: '' } as const, 'fail', 'ended by SIGKILL; last line (empty)'],
    [
      { kind: 'no-shell', reason: 'spawn sh ENOENT' } as const,
      'cannot-tell',
      'no shell could be started: spawn sh ENOENT',
    ],
  ])('%j is judged %s', (ending, verdict, detail) => {
    expect(judgeEnding(ending)).toMatchObject({ verdict, detail });
  });
});

describe('the environment of a command', () => {
  it.each([
    'INPUT_TOKEN',
    'INPUT_KUBECONFIG',
    'input_verify',
    'ACTIONS_RUNTIME_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_URL',
    'ACTIONS_RESULTS_URL',
    'ACTIONS_CACHE_URL',
    'GITHUB_STATE',
    'STATE_holder',
  ])('does not hold %s', name => {
    expect(commandEnvironment({ ...path, [name]: 'secret' }, { side: 'staged' })).toEqual({
      ...path,
      CUTOVER_STAGE: 'staged',
    });
  });

  it('holds everything else, the stage and the address', () => {
    const given = { ...path, KUBECONFIG: '/k', GITHUB_SHA: 'abc', ACTIONS_STEP_DEBUG: 'true', CUTOVER_URL: 'stale' };
    expect(commandEnvironment(given, { side: 'public', url: 'http://127.0.0.1:1' })).toEqual({
      ...given,
      CUTOVER_STAGE: 'public',
      CUTOVER_URL: 'http://127.0.0.1:1',
    });
  });
});

describe('a command', () => {
  it('streams both outputs into the log, where the runner takes no line for a command of its own', async () => {
    const log = listLog();
    const trial = await tryRun(check('echo "::add-mask::x"; echo "##[warning]y" >&2'), {
      ...{ environment: path, side: 'staged', log, signal: never() },
    });
    expect(trial.verdict).toBe('pass');
    expect([...log.lines].sort()).toEqual(['| ## [warning]y', '| ::add-mask::x']);
  });

  it.each([
    ['stops at its first failing line', 'false\necho not reached', 1],
    ['fails when a part of a pipe fails', 'exit 4 | cat', 4],
  ])('%s', async (_, command, status) => {
    const lines: string[] = [];
    const ending = await runCommand(command, {
      environment: path,
      line: text => void lines.push(text),
      signal: never(),
    });
    expect(ending).toEqual({ kind: 'exit', status, lastLine: '' });
    expect(lines).toEqual([]);
  });

  it('tells its last line that is not blank', async () => {
    const ending = await runCommand('echo one; echo two; echo; exit 2', {
      ...{ environment: path, line: () => undefined, signal: never() },
    });
    expect(ending).toEqual({ kind: 'exit', status: 2, lastLine: 'two' });
  });

  it('is ended together with what it started when the run is cancelled', async () => {
    const controller = new AbortController();
    const ending = await runCommand('sleep 300 & echo started; wait', {
      environment: path,
      line: () => controller.abort(),
      signal: controller.signal,
    });
    // The pipe only closes when the sleeping process is gone too: an answer at all proves the group is.
    expect(ending).toEqual({ kind: 'killed', by: 'SIGTERM', lastLine: 'started' });
  });

  it('that does not listen to the request to end is ended by force', async () => {
    const controller = new AbortController();
    const ending = await runCommand("trap '' TERM; echo started; while true; do sleep 0.1; done", {
      environment: path,
      line: () => controller.abort(),
      signal: controller.signal,
    });
    expect(ending).toEqual({ kind: 'killed', by: 'SIGKILL', lastLine: 'started' });
  });

  it('does not wait for what it left in the background', async () => {
    const ending = await runCommand('sleep 300 & echo done', {
      environment: path,
      line: () => undefined,
      signal: never(),
    });
    expect(ending).toEqual({ kind: 'exit', status: 0, lastLine: 'done' });
  });

  it('that finds no shell says so', async () => {
    const ending = await runCommand('true', {
      environment: { PATH: '/nowhere' },
      line: () => undefined,
      signal: never(),
    });
    expect(ending).toEqual({ kind: 'no-shell', reason: 'spawn sh ENOENT' });
  });
});

describe('the name of a run check', () => {
  it.each([
    ['npm run smoke', 'run: npm run smoke'],
    ['\nnpm ci\nnpm run smoke\n', 'run: npm ci …'],
    ['x'.repeat(100), 'run: (100 characters)'],
    [`curl ${'x'.repeat(100)}`, 'run: curl…'],
  ])('of %j is %s', (command, name) => {
    expect(runCheckName(check(command))).toBe(name);
  });
});
