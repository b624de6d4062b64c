import { refKey, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { hashOf } from '../../kubernetes/canonical.js';
import type { Clock } from '../clock.js';
import { applyBody } from './apply-body.js';
import { fieldManager } from './field-manager.js';

/**
 * The identity of an apply, `<hash of the manifest>.<hash of the entry>`: the manifest as sent, and our entry of
 * `managedFields` in `answer`, as an opaque value, with uid and generation of the object. An apply that changes nothing keeps the entry
 * with its time; any other apply replaces it. `answer` is the answer to the apply, or the live object where a comparison has shown that the manifest changes
 * nothing. `undefined`: there is no such entry, or its time is missing, so it proves nothing.
 */
export function appliedHash(sent: KubeObject, answer: KubeObject): string | undefined {
  const managedFields: readonly unknown[] = answer.metadata.managedFields ?? [];
  const entries = managedFields.filter(isOurApply);
  if (entries.length === 0 || !entries.every(hasTime)) return undefined;
  return `${hashOfManifest(sent)}.${shortHashOf({ uid: answer.metadata.uid, generation: answer.metadata.generation, entries })}`;
}

/** Whether `hash` is the identity of an apply of this manifest. */
export function isHashOf(hash: string, sent: KubeObject): boolean {
  return hash.startsWith(`${hashOfManifest(sent)}.`);
}

/**
 * The objects that this process has applied a moment ago. Times in `managedFields` have whole seconds, and two API servers of
 * one control plane may differ a little: within that time, a dry run that changes an object can answer with the same entry.
 */
export class RecentApplies {
  readonly #clock: Clock;
  readonly #answeredAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An apply of the object was answered now. */
  note(ref: ObjectRef): void {
    this.#answeredAt.set(refKey(ref), this.#clock.now());
  }

  /** Whether the last apply of the object was answered at most two seconds ago. */
  has(ref: ObjectRef): boolean {
    const answeredAt = this.#answeredAt.get(refKey(ref));
    return answeredAt !== undefined && this.#clock.now() - answeredAt <= recentMs;
  }
}

const recentMs = 2_000;

function hashOfManifest(sent: KubeObject): string {
  return shortHashOf(applyBody(sent));
}

/** 128 bits of the hash, in hex: the record keeps two for each object. */
function shortHashOf(value: unknown): string {
  return hashOf(value).slice(0, 32);
}

function isOurApply(entry: unknown): entry is Readonly<Record<string, unknown>> {
  if (entry === null || typeof entry !== 'object') return false;
  const { manager, operation, subresource } = entry as Readonly<Record<string, unknown>>;
  return manager === fieldManager && operation === 'Apply' && !subresource;
}

function hasTime({ time }: Readonly<Record<string, unknown>>): boolean {
  return typeof time === 'string' && time !== '';
}
