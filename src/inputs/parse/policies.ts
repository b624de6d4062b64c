import { Refusal, type Parse } from '../refusal.js';
import { duration } from './durations.js';
import { integer } from './scalars.js';

/**
 * What happens to the old role after the switch; `replicas`: the pods that stay. `hot-backup`: it runs the new version too. For a
 * step that stages: what a later promotion needs for that is recorded.
 */
export type IdlePolicy =
  { readonly policy: 'keep' | 'hot-backup' } | { readonly policy: 'scale-down'; readonly replicas: number };

/** The input `idle-policy`. */
export const idlePolicy: Parse<IdlePolicy['policy']> = text => {
  if (text === 'keep' || text === 'scale-down' || text === 'hot-backup') return text;
  const replicas = text.startsWith('scale-down:') ? ' (the number of pods that stay is the input "idle-replicas")' : '';
  throw Refusal.accepting(`keep | scale-down | hot-backup${replicas}`);
};

/** The input `idle-replicas`. */
export const idleReplicas = integer({ min: 0, max: 999_999 });

/** The native preStop sleep, and whether the user set its length. */
export interface PreStop {
  /** Absent: off. */
  readonly seconds?: number;
  readonly explicit: boolean;
}

/** The time that kube-proxy may need to stop routing to a pod that ends, with a margin: with 1 s, requests were lost. */
const automaticSeconds = 5;
const toMilliseconds = duration({ atLeastMs: 1000 });

/** `auto`, `off`, or a duration of whole seconds. */
export const preStop: Parse<PreStop> = text => {
  if (text === 'auto') return { seconds: automaticSeconds, explicit: false };
  if (text === 'off') return { explicit: true };
  const ms = /^\d/.test(text) ? toMilliseconds(text) : undefined;
  if (ms === undefined || ms % 1000 !== 0) {
    throw Refusal.accepting('auto | off | a duration of whole seconds such as 5s, at least 1s');
  }
  return { seconds: ms / 1000, explicit: true };
};
