import { CutoverError } from '../../../errors.js';
import { replicasOf } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { routesTo } from '../../../kubernetes/selectors.js';
import type { PlannedChange, Snapshot } from '../../../plan/change.js';
import { mayTakeAll } from '../../../plan/lint/replicas.js';
import { replacementOf } from '../../../plan/preview.js';
import { repeatable, type Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { findReadableRevision } from '../../recorded/find-revision.js';
import { unfinishedOn } from './rollback-target.js';

/** A role that is restored while users are on it. */
export interface RestoredInPlace {
  readonly state: BlueGreenState;
  readonly role: string;
  /** The role that users could be led to meanwhile. */
  readonly from: string;
  /** What the role is restored to. */
  readonly revision: Revision;
  /** The public Services as they lead to the role. */
  readonly liveBefore: readonly Snapshot[];
}

/**
 * Throws `changed` where users are on the role that is to be restored, and it cannot be restored under them: a workload behind the public
 * Services would lose all its pods before it has new ones, or one of the unfinished revision alone would go on serving them.
 */
export async function refuseOutage(
  ctx: RunContext,
  planned: readonly PlannedChange[],
  request: RestoredInPlace,
): Promise<void> {
  const { role, from, revision, liveBefore } = request;
  const services = liveBefore.flatMap(({ object }) => object ?? []);
  const isReached = (workload: KubeObject | undefined): boolean =>
    workload !== undefined && services.some(service => routesTo(service, workload));
  const refuse = (workload: KubeObject, what: string, why: string): never => {
    const object = describeRef(refOf(workload));
    throw new CutoverError(
      `Users are on ${role}, and restoring revision ${revision.number} there ${what.replace('$', object)}; no pod was replaced`,
      { code: 'changed', object, hint: `${why} ${wayOut({ role, from })}` },
    );
  };
  for (const change of planned) {
    const why = outageOf(change);
    if (why !== undefined && isReached(change.live))
      refuse(change.resource.object, 'would take all pods of $ from them at once', why);
  }
  const extra = (await onlyUnfinished(ctx, request)).find(isReached);
  if (extra !== undefined)
    refuse(extra, 'would leave them on pods of $', 'It is of the unfinished revision alone, and they reach its pods.');
}

/** Why a workload would lose all its pods at once; `undefined`: it would not. */
function outageOf(change: PlannedChange): string | undefined {
  const { resource, after = resource.object } = change;
  switch (replacementOf(change)) {
    case 'all':
      return change.change === 'recreated'
        ? 'It has to be deleted and created again.'
        : 'Its update strategy replaces all pods at once.';
    case 'few':
      return mayTakeAll(after, replicasOf(after))
        ? 'Its update strategy allows all pods to be unavailable.'
        : undefined;
    default:
      return undefined;
  }
}

/** The live objects that only the unfinished revision of the role has. */
async function onlyUnfinished(
  ctx: RunContext,
  { state, role, revision }: RestoredInPlace,
): Promise<readonly KubeObject[]> {
  const unfinished = unfinishedOn(state, role);
  const found = unfinished && (await findReadableRevision(ctx, unfinished.revision));
  const restored = new Set(repeatable(revision.objects).map(object => refKey(refOf(object))));
  const others = (found?.objects ?? []).map(refOf).filter(ref => !restored.has(refKey(ref)));
  const live = await Promise.all(others.map(ref => ctx.cluster.get(ref)));
  return live.filter(object => object !== undefined);
}

function wayOut({ role, from }: { readonly role: string; readonly from: string }): string {
  return `If ${from} has ready pods (\`action: status\` tells), point the public Service at ${from} with the tool that switched it. Then \`action: reject\` restores ${role}. After that, point the Service at ${role} again, and \`action: rollback\` records that users are there.`;
}
