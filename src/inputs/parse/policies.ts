import { duration } from './durations.js';
import type { IdlePolicy } from '../inputs.js';
import { Refusal, type Parse } from '../refusal.js';

const acceptedIdle = 'keep | scale-down | scale-down: N, N being the pods that stay';

/** `keep`, `scale-down` (to none) or `scale-down: N`. */
export const idlePolicy: Parse<IdlePolicy> = text => {
  if (text === 'keep') return { policy: 'keep' };
  if (text === 'hot-backup') throw Refusal.later(acceptedIdle);
  const [, replicas] = /^scale-down(?:\s*:\s*(\d{1,6}))?$/.exec(text) ?? [];
  if (!text.startsWith('scale-down') || (text !== 'scale-down' && replicas === undefined)) {
    throw Refusal.accepting(acceptedIdle);
  }
  return { policy: 'scale-down', replicas: Number(replicas ?? 0) };
};

/** The native preStop sleep: how many seconds, and whether somebody asked for just that number. */
export interface PreStop {
  /** Absent: off. */
  readonly seconds?: number;
  readonly explicit: boolean;
}

/** What kube-proxy may take to hear of an ended pod, with a margin: measured with 1 s, requests were lost. */
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
