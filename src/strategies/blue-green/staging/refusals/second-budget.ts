import { asCutoverError, CutoverError, type Problem } from '../../../../errors.js';
import { isDeployment } from '../../../../kubernetes/deployment.js';
import { coversPods, isBudget } from '../../../../kubernetes/budget.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { releaseOf } from '../../../../manifests/owner.js';
import type { Resource } from '../../../../manifests/resource.js';
import type { RunContext } from '../../../../run/context.js';
import type { AdoptedRole } from '../../adoption/adoption.js';
import { budgetsOf } from '../../adoption/find/scaling.js';

/** A role that is about to be staged. */
export interface BudgetRequest {
  /** The objects of the role, and the shared ones. */
  readonly resources: readonly Resource[];
  /** What would be adopted before: its budgets are deleted. */
  readonly adoption?: AdoptedRole;
}

/**
 * Why a role must not be staged: a live budget that the manifests do not have covers its pods beside one of the manifests, and
 * two budgets for one pod forbid every eviction of it. `undefined`: there is none, or the budgets may not be listed.
 */
export async function secondBudgetRefusal(ctx: RunContext, request: BudgetRequest): Promise<CutoverError | undefined> {
  const { resources, adoption } = request;
  const budgets = resources.filter(({ object }) => isBudget(object));
  const known = [...budgets.map(({ object }) => object), ...(adoption?.budgets.live ?? [])];
  const keys = new Set(known.map(object => refKey(refOf(object))));
  const covered = resources.flatMap(({ object: deployment }) => {
    const budget = isDeployment(deployment) ? budgets.find(({ object }) => covers(object, deployment)) : undefined;
    return budget === undefined ? [] : [{ deployment, budget }];
  });
  try {
    const problems = await Promise.all(
      covered.map(async ({ deployment, budget }): Promise<readonly Problem[]> => {
        const others = (await budgetsOf(ctx, deployment)).filter(
          other => !keys.has(refKey(refOf(other))) && other.metadata.deletionTimestamp === undefined,
        );
        return others.map(other => ({
          message: twoBudgets({ deployment, budget: budget.object, other }),
          at: budget.at,
        }));
      }),
    );
    return problems.flat().length === 0 ? undefined : refusalOf(problems.flat());
  } catch (error) {
    const { code, message } = asCutoverError(error);
    if (code !== 'forbidden') throw error;
    ctx.log.warning(`It is not known whether another budget covers the pods of this release: ${message}`);
    return undefined;
  }
}

function covers(budget: KubeObject, deployment: KubeObject): boolean {
  const isHere = budget.metadata.namespace === deployment.metadata.namespace;
  return isHere && coversPods(budget, templateLabels(deployment));
}

function twoBudgets(named: Readonly<Record<'deployment' | 'budget' | 'other', KubeObject>>): string {
  const [deployment, budget, other] = [named.deployment, named.budget, named.other].map(object =>
    describeRef(refOf(object)),
  );
  const owner = releaseOf(named.other);
  return `${budget} and ${other}${owner === undefined ? '' : ` of release ${owner}`} would both cover the pods of ${deployment}`;
}

function refusalOf(problems: readonly Problem[]): CutoverError {
  return new CutoverError('Pods would have two disruption budgets, which forbid every eviction; nothing was changed', {
    code: 'rejected-plan',
    problems,
    hint: 'Delete the live budget or narrow its selector, or take the budget out of the manifests.',
  });
}
