import type { CutoverError } from '../../errors.js';
import { refOf } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import type { PreviewedObject } from '../../plan/preview.js';
import type { FormerObject, ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import type { PlannedDeploy, PlanNote } from '../outcome/plan-note.js';
import { isTold } from '../recorded/left-objects.js';
import { comingNamespace } from './namespace.js';
import { combined } from './refusals.js';

/** The outcome of a plan. Throws where a deploy would be refused. */
export function planOutcome(plan: {
  readonly base: Omit<Outcome, 'outcome' | 'changes' | 'checks' | 'preview'>;
  readonly preview: PlannedDeploy;
  readonly unchanged: boolean;
  readonly refusals: readonly CutoverError[];
}): Outcome {
  const { preview, unchanged, refusals } = plan;
  const changes = preview.objects.map(({ ref, change }) => ({ ref, change }));
  const outcome = { ...plan.base, preview, changes, checks: [] };
  const error = combined(refusals);
  if (error !== undefined) throw new FailedStep(error, outcome);
  return { ...outcome, outcome: unchanged ? 'unchanged' : 'planned' };
}

/** An interrupted operation decides what a deploy starts from. */
export function unfinishedNote({ operation }: ReleaseState): readonly PlanNote[] {
  return operation === undefined ? [] : [{ kind: 'unfinished', operation }];
}

/** The objects that left the manifests, if there are any. */
export function leftNote(left: readonly FormerObject[]): readonly PlanNote[] {
  const objects = left.filter(isTold);
  return objects.length === 0 ? [] : [{ kind: 'left', objects }];
}

/** The release's namespace as an object of the plan, if the deploy would create it and the manifests do not have it. */
export async function namespaceToCreate(
  ctx: RunContext,
  deploy: { readonly planned: readonly PlannedChange[]; readonly createNamespace: boolean },
): Promise<readonly PreviewedObject[]> {
  const object = await comingNamespace(ctx, deploy);
  const isListed = deploy.planned.some(({ resource }) => resource.object === object);
  return object === undefined || isListed
    ? []
    : [{ ref: refOf(object), when: 'deploy', change: 'created', fields: [] }];
}
