import { getState, saveState } from '@actions/core';

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface PostState {
  readonly release: string;
  readonly namespace: string;
  /** Identity of the process that took the lock, or was about to. */
  readonly lockHolder: string;
}

// The runner keeps these values for the post step of the same job step.
const postStateKey = 'postState';
const finishedKey = 'finished';

/** Saves what the post step must finish if this process is killed. */
export function savePostState(state: PostState): void {
  saveState(postStateKey, JSON.stringify(state));
}

/** The main step ended by itself and left nothing for the post step. */
export function saveFinished(): void {
  saveState(finishedKey, 'true');
}

/** What the main step left for the post step; `undefined`: nothing. */
export function readPostState(): PostState | undefined {
  const saved = getState(postStateKey);
  if (saved === '' || getState(finishedKey) === 'true') return undefined;
  return JSON.parse(saved) as PostState;
}
