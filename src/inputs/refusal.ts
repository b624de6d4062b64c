import { shortened } from '../log.js';

/**
 * Thrown by the parsers of this layer for a value that they do not accept. It never leaves the layer: `ReceivedInputs`
 * turns it into lines that name the input, the value received and the values accepted.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  private constructor(
    /** The values accepted. Absent: see `reasons`. */
    readonly accepted: string | undefined,
    /** What is wrong, one line each, for values with several parts. */
    readonly reasons: readonly string[],
  ) {
    super(accepted ?? reasons.join('; '));
  }

  /** The value as a whole is not one of those accepted. */
  static accepting(accepted: string): Refusal {
    return new Refusal(accepted, []);
  }

  /** Parts of the value are wrong. */
  static because(reasons: readonly string[]): Refusal {
    return new Refusal(undefined, reasons);
  }
}

/** A parser: text in, value out, {@link Refusal} thrown. */
export type Parse<T> = (text: string) => T;

/** A refusal as lines that begin with `name`. `received` absent: the value is secret and not shown. */
export function describeRefusal(refusal: Refusal, name: string, received?: string): readonly string[] {
  if (refusal.accepted === undefined) return refusal.reasons.map(reason => `${name}: ${reason}`);
  return [`${name}: received ${quoted(received)}, accepted: ${refusal.accepted}`];
}

/** Longer values are cut in messages; the user knows what they wrote. */
const maxShownLength = 80;

/** A received value on one line, quoted and cut. `undefined`: it is secret, and `a hidden value` is shown instead. */
export function quoted(received: string | undefined): string {
  if (received === undefined) return 'a hidden value';
  return JSON.stringify(shortened(received, maxShownLength));
}
