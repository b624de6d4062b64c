import type { KubeObject } from '../kubernetes/object.js';

/**
 * The Secret that a state was read from. A state that is made from another one has the same base, so that each write is
 * conditional on what its decision was made from. A write moves the base on; the write that ends an operation ends it: what
 * is decided after that must start from another read. It is no part of the record.
 */
export class RecordBase {
  #secret: KubeObject | undefined;
  #isEnded = false;

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

  moveTo(secret: KubeObject): void {
    this.#secret = secret;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** Leaves the base out of the JSON of a state. */
  toJSON(): undefined {
    return undefined;
  }
}
