import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CutoverError } from '../../src/errors.js';
import { newHolder } from '../../src/run/holder.js';
import { parsePostState, savedPostState, savePostState, type PostState } from '../../src/run/post-state.js';
import { runOf } from '../support/strategies/context.js';

const run = runOf(7);
const state: PostState = { release: 'web', namespace: 'shop', lockHolder: newHolder(run), isWriting: true };

function errorOf(saved: string): CutoverError {
  try {
    parsePostState(saved, run);
  } catch (error) {
    return error as CutoverError;
  }
  throw new Error(`it was accepted: ${saved}`);
}

describe('the state of the post step', () => {
  beforeEach(() => {
    delete process.env.STATE_postState;
    delete process.env.STATE_finished;
  });
  afterEach(() => {
    delete process.env.STATE_postState;
    delete process.env.STATE_finished;
  });

  it('that a full disk cannot take is an error with its remedy', () => {
    process.env.GITHUB_STATE = '/dev/full';
    try {
      expect(() => savePostState(state)).toThrow(/^The state for the post step could not be saved: .*ENOSPC/);
    } finally {
      delete process.env.GITHUB_STATE;
    }
  });

  it('is absent when the step saved none, and when it finished', () => {
    expect(savedPostState()).toBeUndefined();
    process.env.STATE_postState = 'saved';
    expect(savedPostState()).toBe('saved');
    process.env.STATE_finished = 'true';
    expect(savedPostState()).toBeUndefined();
  });

  it('is what the step saved, without any other field', () => {
    expect(parsePostState(JSON.stringify({ ...state, more: 'x' }), run)).toEqual(state);
  });

  it.each([
    ['no JSON', '{', 'it is not JSON'],
    ['a list', '[]', ' must be a map'],
    ['null', 'null', ' must be a map'],
    ['a text', '"web"', ' must be a map'],
    ...(
      [
        ['release', undefined, 'a DNS label'],
        ['release', 7, 'a DNS label'],
        ['release', '', 'a DNS label'],
        ['release', 'Web', 'a DNS label'],
        ['release', '../web', 'a DNS label'],
        ['release', 'web\n', 'a DNS label'],
        ['release', 'a'.repeat(41), 'a DNS label of at most 40 characters'],
        ['release', 'a'.repeat(2_000_000), 'a DNS label'],
        ['namespace', ['shop'], 'a DNS label'],
        ['namespace', 'shop/pods', 'a DNS label'],
        ['namespace', 'a'.repeat(64), 'a DNS label'],
        ['lockHolder', {}, 'a text'],
        ['lockHolder', newHolder(runOf(8)), 'a process of this run and job'],
        ['lockHolder', newHolder({ ...run, job: 'other' }), 'a process of this run and job'],
        ['lockHolder', `${state.lockHolder}0`, 'a process of this run and job'],
        ['lockHolder', `${state.lockHolder}\n`, 'a process of this run and job'],
        ['isWriting', 'true', 'true or false'],
        ['isWriting', undefined, 'true or false'],
      ] as const
    ).map(([field, value, expected]) => [
      `${field} ${JSON.stringify(value ?? null).slice(0, 60)}`,
      JSON.stringify({ ...state, [field]: value }),
      `${field} must be ${expected}`,
    ]),
  ])('is refused with a message that names the field and quotes no value: %s', (_what, saved, problem) => {
    const error = errorOf(saved);
    expect(error).toMatchObject({ code: 'input' });
    expect(error.message).toContain('The state that the runner keeps for the post step was not written by Cutover: ');
    expect(error.message).toContain(problem);
    expect(error.message.length).toBeLessThan(200);
    expect(error.hint).toContain('GITHUB_ENV');
  });

  it.each([
    '::add-mask::o',
    'web\n::stop-commands::x',
    '##[group]web',
    'web\u001B[31m',
    '$(id)',
    '../../kube-system',
    'web?x=y',
    'wéb',
    '__proto__',
  ])('is refused where a name is %j', hostile => {
    for (const field of ['release', 'namespace', 'lockHolder'])
      expect(errorOf(JSON.stringify({ ...state, [field]: hostile })).message).not.toContain(hostile);
    expect(errorOf(hostile).message).not.toContain(hostile);
  });
});
