import { CutoverError } from '../errors.js';
import type { KubeObject } from '../kubernetes/object.js';

/**
 * The Secret that a state was read from. A state that is made from another one has the same base, so that each write is
 * conditional on what its decision was made from. A write moves the base on; the write that ends an operation ends it: what
 * is decided after that must start from another read. It is no part of the record.
 */
export class RecordBase {
  #secret: KubeObject | undefined;
  #isEnded = false;
  #failure: CutoverError | undefined;

  /** `secret`: as it was read; absent: there was none. */
  constructor(secret?: KubeObject) {
    this.#secret = secret;
  }

  /** As it was read, or as it was written since; `undefined`: there was none. */
  get secret(): KubeObject | undefined {
    return this.#secret;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Why the live record is unknown: the answer to a write of it was lost. `undefined`: it is known. */
  get failure(): CutoverError | undefined {
    return this.#failure;
  }

  moveTo(secret: KubeObject): void {
    this.#secret = secret;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** Nothing can be written any more on this base: nobody knows what became of a write. Returns the error that says so. */
  fail(cause: CutoverError, object: string): CutoverError {
    this.#failure = new CutoverError(`Nobody knows whether the end of this step is on record: ${cause.message}`, {
      code: 'record-unknown',
      object,
      cause,
      hint: 'Run this step again once the API server answers: it goes on from what is on record.',
    });
    return this.#failure;
  }

  /** Leaves the base out of the JSON of a state. */
  toJSON(): undefined {
    return undefined;
  }
}
