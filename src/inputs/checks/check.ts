import { duration } from '../parse/durations.js';
import { oneOf } from '../parse/scalars.js';
import { Refusal, type Parse } from '../refusal.js';
import type { Fields } from './check-fields.js';

/**
 * When a check runs: against the staged side before the switch, the public side after it and in each round of a bake, both, or only in
 * each round of a bake.
 */
export const checkTimes = ['staged', 'public', 'both', 'bake'] as const;

/** What checks of every kind have in common. */
export interface CheckTiming {
  readonly when: (typeof checkTimes)[number];
  /** Milliseconds during which a failing check is retried. Default 0: the first response counts. */
  readonly retryMs: number;
  /** Milliseconds between attempts. Default 5 000. */
  readonly intervalMs: number;
}

/** A kind of check. An item of `verify` is of this kind if it has a key with the name of the kind. */
export interface CheckKind<C extends CheckTiming & { readonly kind: string }> {
  readonly kind: C['kind'];
  /** Every key that an item may have, in the order of the docs. */
  readonly keys: readonly string[];
  /** Parses an item that has no other keys; problems are added to `fields`. */
  readonly read: (fields: Fields) => C;
}

/** The keys that {@link readTiming} reads. */
export const timingKeys: readonly string[] = ['when', 'retry', 'interval'];

/** Parses the keys that every kind has; problems are added to `fields`. */
export function readTiming(fields: Fields): CheckTiming {
  return {
    when: fields.text('when', checkTime) ?? 'both',
    retryMs: fields.text('retry', duration()) ?? 0,
    intervalMs: fields.text('interval', duration({ atLeastMs: 100 })) ?? 5000,
  };
}

const checkTime: Parse<CheckTiming['when']> = text => {
  if (text !== 'each-step') return oneOf(...checkTimes)(text);
  throw Refusal.accepting(`${checkTimes.join(' | ')} (each-step is not available: users are not moved in steps yet)`);
};
