import { getState, saveState } from '@actions/core';
import { asCutoverError, CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { describePath } from '../kubernetes/fields.js';
import { checked, flag, shape, text, WrongField } from '../release/guards/guard.js';
import { dnsLabel } from '../release/guards/objects.js';
import { isHolderOf } from './holder.js';

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface PostState {
  readonly release: string;
  readonly namespace: string;
  /** Identity of the process that took the lock, or was about to. */
  readonly lockHolder: string;
  /** Whether a write had begun that had not ended: the API server may still carry it out. */
  readonly isWriting: boolean;
}

// The runner keeps these values for the post step of the same job step.
const postStateKey = 'postState';
const finishedKey = 'finished';

/** Saves what the post step must finish if this process is killed. The last call counts. Throws as {@link save}. */
export function savePostState(state: PostState): void {
  save(postStateKey, JSON.stringify(state));
}

/**
 * The main step ended by itself and left nothing for the post step. Where that cannot be saved, the post step reads the record
 * once more, and finds nothing to do.
 */
export function saveFinished(log: Log): void {
  try {
    save(finishedKey, 'true');
  } catch (error) {
    log.warning(asCutoverError(error).message);
  }
}

/** Throws `internal` when the runner cannot write it, such as on a full disk. */
function save(key: string, value: string): void {
  try {
    saveState(key, value);
  } catch (error) {
    const { message } = asCutoverError(error);
    throw new CutoverError(`The state for the post step could not be saved: ${message}`, {
      code: 'internal',
      hint: 'Free space on the disk of the runner, then run this step again.',
      cause: error,
    });
  }
}

/** What the main step left for the post step, as text for {@link parsePostState}; `undefined`: nothing. */
export function savedPostState(): string | undefined {
  const saved = getState(postStateKey);
  return saved === '' || getState(finishedKey) === 'true' ? undefined : saved;
}

/**
 * Parses what the main step saved. Steps before it can set the same variable through GITHUB_ENV, so only names are accepted,
 * and only a process of this run and job. Throws `input`.
 */
export function parsePostState(saved: string, run: CiRun): PostState {
  try {
    return guardOf(run)(JSON.parse(saved), []);
  } catch (error) {
    throw notOurs(
      error instanceof WrongField ? `${describePath(error.path)} must be ${error.expected}` : 'it is not JSON',
    );
  }
}

function guardOf(run: CiRun) {
  return shape({
    release: checked(dnsLabel, ({ length }) => length <= 40, { expected: 'a DNS label of at most 40 characters' }),
    namespace: dnsLabel,
    lockHolder: checked(text(), holder => isHolderOf(run, holder), { expected: 'a process of this run and job' }),
    isWriting: flag,
  });
}

function notOurs(problem: string): CutoverError {
  return new CutoverError(`The state that the runner keeps for the post step was not written by Cutover: ${problem}`, {
    code: 'input',
    hint: 'An earlier step of the job may have set STATE_postState, for example through GITHUB_ENV. If this step began something, run it again: it finishes what is on record.',
  });
}
