import { describe, expect, it } from '@jest/globals';
import type { RunCheck } from '../../src/inputs/checks/run.js';
import { runCommand } from '../../src/verify/command.js';
import { commandEnvironment, attemptOf, runCheckName, attemptRun } from '../../src/verify/run-check.js';
import { listLog } from '../support/log.js';

const path = { PATH: process.env['PATH'] ?? '' };
const never = (): AbortSignal => new AbortController().signal;
const check = (command: string): RunCheck => ({ kind: 'run', command, when: 'both', retryMs: 0, intervalMs: 5_000 });

describe('the result of a command', () => {
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
  ])('%j is %s', (ending, verdict, detail) => {
    expect(attemptOf(ending)).toMatchObject({ verdict, detail });
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
    'ACTIONS_ANYTHING_ELSE',
    'GITHUB_TOKEN',
    'RUNNER_TEMP',
    'GITHUB_STATE',
    'GITHUB_ENV',
    'GITHUB_PATH',
    'GITHUB_OUTPUT',
    'GITHUB_STEP_SUMMARY',
    'STATE_holder',
  ])('does not contain %s', name => {
    expect(commandEnvironment({ ...path, [name]: 'secret' }, { side: 'staged' })).toEqual({
      ...path,
      CUTOVER_SIDE: 'staged',
    });
  });

  it('contains everything else, the side and the URL', () => {
    const given = { ...path, KUBECONFIG: '/k', GITHUB_SHA: 'abc', CUTOVER_URL: 'stale' };
    expect(commandEnvironment(given, { side: 'public', url: 'http://127.0.0.1:1' })).toEqual({
      ...given,
      CUTOVER_SIDE: 'public',
      CUTOVER_URL: 'http://127.0.0.1:1',
    });
  });
});

describe('a command', () => {
  it('logs both outputs; the log makes them safe for the runner', async () => {
    const log = listLog();
    const trial = await attemptRun(check('echo "::add-mask::x"; echo "##[warning]y" >&2'), {
      ...{ environment: path, side: 'staged', log, signal: never() },
    });
    expect(trial.verdict).toBe('pass');
    expect([...log.lines].sort()).toEqual(['| ##[warning]y', '| ::add-mask::x']);
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

  it('reports its last line that is not blank', async () => {
    const ending = await runCommand('echo one; echo two; echo; exit 2', {
      ...{ environment: path, line: () => undefined, signal: never() },
    });
    expect(ending).toEqual({ kind: 'exit', status: 2, lastLine: 'two' });
  });

  it('ends with its child processes when the run is cancelled', async () => {
    const controller = new AbortController();
    const ending = await runCommand('sleep 300 & echo started; wait', {
      environment: path,
      line: () => controller.abort(),
      signal: controller.signal,
    });
    // The pipe only closes when the sleeping process is gone too: an answer at all proves the group is.
    expect(ending).toEqual({ kind: 'killed', by: 'SIGTERM', lastLine: 'started' });
  });

  it('that ignores SIGTERM is ended with SIGKILL', async () => {
    const controller = new AbortController();
    const ending = await runCommand("trap '' TERM; echo started; while true; do sleep 0.1; done", {
      environment: path,
      line: () => controller.abort(),
      signal: controller.signal,
    });
    expect(ending).toEqual({ kind: 'killed', by: 'SIGKILL', lastLine: 'started' });
  });

  it('does not wait for background processes', async () => {
    const ending = await runCommand('sleep 300 & echo done', {
      environment: path,
      line: () => undefined,
      signal: never(),
    });
    expect(ending).toEqual({ kind: 'exit', status: 0, lastLine: 'done' });
  });

  it('without a shell reports it', async () => {
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
