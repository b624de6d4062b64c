import { Refusal } from '../refusal.js';
import { readTiming, timingKeys, type CheckKind, type CheckTiming } from './check.js';

/** A command; exit status 0 passes. `CUTOVER_URL` points at the endpoint under test. */
export interface RunCheck extends CheckTiming {
  readonly kind: 'run';
  readonly command: string;
}

/** The kind `run`. */
export const runKind: CheckKind<RunCheck> = {
  kind: 'run',
  keys: ['run', ...timingKeys],
  read: fields => ({ kind: 'run', command: fields.text('run', command) ?? '', ...readTiming(fields) }),
};

function command(text: string): string {
  if (text.trim() === '') throw Refusal.accepting('a command for the shell');
  return text;
}
