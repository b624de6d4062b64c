import type { StrategyName } from '../../inputs/actions.js';
import type { Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import type { PlannedChange } from '../change.js';

/** What a rule found, before annotations are asked whether it is silenced. */
export interface Violation {
  readonly resource: Resource;
  /** The field to annotate. */
  readonly path: Path;
  /** One sentence: what is wrong. */
  readonly message: string;
  /** One sentence: what to do about it. */
  readonly remedy: string;
  /** Reported, but never an error: the deploy itself may be the remedy. */
  readonly advice?: true;
}

/** Everything that a rule may look at. */
export interface LintContext {
  readonly strategy: StrategyName;
  /** The objects as they would be applied; blue/green: of the role that is deployed to, and the shared ones. */
  readonly resources: readonly Resource[];
  /** Answers of the dry run; without objects that were rejected or not sent. */
  readonly planned: readonly PlannedChange[];
  /** Blue/green: those of `resources` that belong to a role, and so are never updated while they serve users. Rolling: empty. */
  readonly idle: ReadonlySet<Resource>;
  /** Blue/green: the public Services, among `resources`. Rolling: empty. */
  readonly publicServices: readonly Resource[];
  /** Blue/green: the live Deployments of the active role. Rolling: empty. */
  readonly active: readonly KubeObject[];
}

/** Finds the violations of one kind. Pure; one file may hold several rules. */
export type Rule = (context: LintContext) => readonly Violation[];
