import type { Position } from '../../log.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { FindingCode } from './rules.js';

/** A violation of a lint rule, located in the manifests: it drops requests sooner or later. */
export interface Finding {
  readonly code: FindingCode;
  /** One sentence: what it is. */
  readonly message: string;
  /** One sentence: what to do about it. */
  readonly remedy: string;
  readonly object: ObjectRef;
  /** As in `spec.replicas`; empty for the object as a whole. */
  readonly field: string;
  readonly at: Position;
  /** Reported, but never an error: the deploy itself may be the remedy. */
  readonly advice?: true;
}

/** A finding that the annotation {@link silenceAnnotation} of its object silences. */
export interface SilencedFinding {
  readonly code: FindingCode;
  readonly object: ObjectRef;
  /** The value of the annotation. */
  readonly reason: string;
}

/** The annotation by which an object silences a finding; its value is the reason. */
export function silenceAnnotation(code: FindingCode): string {
  return `cutover/ignore-${code}`;
}
