import type { Position } from '../../log.js';
import type { Path } from '../../kubernetes/fields.js';
import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import type { PlannedChange } from '../change.js';
import type { FindingCode } from './rules.js';

/** Something in the manifests, or in how they meet what is live, that drops requests sooner or later. */
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
  /** It is told, but never stops a step: the deploy itself may be the remedy. */
  readonly advice?: true;
}

/** What a rule found, before anybody asked whether it is silenced. */
export interface Violation extends Pick<Finding, 'message' | 'remedy' | 'advice'> {
  readonly resource: Resource;
  readonly path: Path;
}

/** Everything that the rules may look at. */
export interface LintContext {
  readonly strategy: 'rolling' | 'blue-green';
  /** The objects as they would be applied; blue/green: of the role that is deployed to, and the shared ones. */
  readonly resources: readonly Resource[];
  /** What the dry run said of them; what it refused, or was not asked about, is not there. */
  readonly planned: readonly PlannedChange[];
  /** Blue/green: those of `resources` that belong to a role, and so are never updated under users. */
  readonly idle: ReadonlySet<Resource>;
  /** Blue/green: the public Service, one of `resources`. */
  readonly publicService?: Resource;
  /** Blue/green: the live Deployments of the role that users are on. */
  readonly active: readonly KubeObject[];
}

export type Rule = (context: LintContext) => readonly Violation[];
