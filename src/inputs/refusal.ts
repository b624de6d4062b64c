import { shortened } from '../log.js';

/**
 * Thrown by the parsers of this room when a value cannot be used. It never leaves the room: `Answers` turns it into lines
 * that name the input, what was received and what is accepted.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  private constructor(
    /** What would be accepted. Absent: see `reasons`. */
    readonly accepted: string | undefined,
    /** What is wrong, one line each, for values that hold several things. */
    readonly reasons: readonly string[],
    /** The value is right, but its work is not available yet. */
    readonly pending: boolean,
  ) {
    super(accepted ?? reasons.join('; '));
  }

  /** The value as a whole is not one of those accepted. */
  static accepting(accepted: string): Refusal {
    return new Refusal(accepted, [], false);
  }

  /** The value asks for something that is not available yet. */
  static later(accepted: string): Refusal {
    return new Refusal(accepted, [], true);
  }

  /** Parts of the value are wrong. */
  static because(reasons: readonly string[]): Refusal {
    return new Refusal(undefined, reasons, false);
  }
}

/** What a parser of this room is: text in, value out, {@link Refusal} thrown. */
export type Parse<T> = (text: string) => T;

/** A refusal as lines that begin with `name`. `received` absent: the value is secret and not shown. */
export function describeRefusal(refusal: Refusal, name: string, received?: string): readonly string[] {
  if (refusal.accepted === undefined) return refusal.reasons.map(reason => `${name}: ${reason}`);
  const later = refusal.pending ? 'not available yet, ' : '';
  return [`${name}: received ${shown(received)}, ${later}accepted: ${refusal.accepted}`];
}

/** Values longer than this are cut in messages; the reader knows what was written. */
const longest = 80;

/** A received value on one line, quoted and cut; `a hidden value` where there must be none. */
export function shown(received: string | undefined): string {
  if (received === undefined) return 'a hidden value';
  return JSON.stringify(shortened(received, longest));
}
