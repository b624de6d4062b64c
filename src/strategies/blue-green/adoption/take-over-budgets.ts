import { coversPods } from '../../../kubernetes/budget.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { hashOf } from '../../../kubernetes/canonical.js';
import type { Revision } from '../../../release/revision.js';
import type { OperationContext } from '../../../run/context.js';
import { ownedObjects } from '../../recorded/owned-objects.js';
import { removeFound } from '../operation/remove-found.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';
import { budgetsOf } from './find/scaling.js';

/**
 * Puts the budgets of the role in the place of those of the live Deployments. A Deployment of the role whose pods another budget
 * covers by now gets none, in its revision either: two budgets for one pod would forbid every eviction. Returns the revision.
 */
export async function takeOverBudgets(ctx: OperationContext, { revision, state }: BegunAdoption): Promise<Revision> {
  const { twins, budgets, liveBudgets } = partsOf(revision);
  // The old ones select the pods of the role, too.
  for (const object of liveBudgets) await removeFound(ctx, { ref: refOf(object), uid: object.metadata.uid });
  if (budgets.length === 0) return revision;
  const own = new Set(budgets.map(object => refKey(refOf(object))));
  const covered = new Set<KubeObject>();
  for (const twin of twins) {
    const covering = await budgetsOf(ctx, twin);
    const other = covering.find(
      object => !own.has(refKey(refOf(object))) && object.metadata.deletionTimestamp === undefined,
    );
    if (other === undefined) continue;
    const needless = budgets.filter(object => coversPods(object, templateLabels(twin)));
    for (const object of needless) covered.add(object);
    if (needless.length === 0) continue;
    ctx.log.warning(
      `${describeRef(refOf(other))} covers the pods of ${describeRef(refOf(twin))} already: the role gets no budget of its own for them`,
    );
  }
  for (const object of await ownedObjects(
    ctx,
    budgets.filter(one => !covered.has(one)),
  )) {
    await ctx.writer.apply(object, { force: revision.force });
    ctx.log.info(`${describeRef(refOf(object))} applied, now that its role has the traffic`);
  }
  if (covered.size === 0) return revision;
  const objects = revision.objects.filter(object => !covered.has(object));
  const without: Revision = { ...revision, objects, contentHash: hashOf(objects) };
  await ctx.records.writeRevision(without, state);
  return without;
}
