import { randomUUID } from 'node:crypto';
import type { CiRun } from '../inputs/inputs.js';

/** A new identity of this process as the holder of a lock. */
export function newHolder(run: CiRun): string {
  return `${prefixOf(run)}${randomUUID().slice(0, 8)}`;
}

/** Whether a process of this run and job has this identity. */
export function isHolderOf(run: CiRun, holder: string): boolean {
  const prefix = prefixOf(run);
  return holder.startsWith(prefix) && /^[0-9a-f]{8}$/.test(holder.slice(prefix.length));
}

function prefixOf({ runId, runAttempt, job }: CiRun): string {
  return `${runId}/${runAttempt}/${job}/`;
}
