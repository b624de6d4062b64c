import { Refusal } from '../refusal.js';
import { readSideUrl, type SideUrl } from './side-url.js';
import { readTiming, timingKeys, type CheckKind, type CheckTiming } from './check.js';

/** A command; exit status 0 passes. `CUTOVER_URL` points at the endpoint under test. */
export interface RunCheck extends CheckTiming, SideUrl {
  readonly kind: 'run';
  readonly command: string;
}

/** The kind `run`. */
export const runKind: CheckKind<RunCheck> = {
  kind: 'run',
  keys: ['run', 'url', ...timingKeys],
  read: fields => ({
    kind: 'run',
    command: fields.text('run', command) ?? '',
    ...readSideUrl(fields),
    ...readTiming(fields),
  }),
};

function command(text: string): string {
  if (text.trim() === '') throw Refusal.accepting('a command for the shell');
  return text;
}
