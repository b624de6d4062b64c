import { CutoverError } from '../../errors.js';
import { fieldAt } from '../../kubernetes/fields.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { isReady } from '../../kubernetes/pods/pod.js';
import { labelSelectorOf, selectorMatches, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { PlannedChange } from '../../plan/change.js';
import { lostServices } from '../../plan/lost-services.js';
import type { RunContext } from '../../run/context.js';
import { selectedPods } from '../../traffic/selected-pods.js';

/**
 * Why a deploy must stop before its first write: a Service leads users to the release now, and would lead them to no pod at all.
 * `undefined`: none would, or pods of others take over. A restore could only end the outage.
 */
export async function lostServicesError(
  ctx: Pick<RunContext, 'cluster'>,
  planned: readonly PlannedChange[],
): Promise<CutoverError | undefined> {
  const lost: PlannedChange[] = [];
  for (const change of lostServices(planned)) {
    const service = change.after ?? change.resource.object;
    // Without a selector, somebody else writes its endpoints.
    if (Object.keys(selectorOf(service)).length === 0) continue;
    const pods = await selectedPods(ctx.cluster, service);
    if (!pods.some(pod => isReady(pod) && !isOwn(pod, planned))) lost.push(change);
  }
  const [first] = lost;
  if (first === undefined) return undefined;
  const problems = lost.map(({ resource, after }) => {
    const { object } = resource;
    const message = `${describeRef(refOf(object))} leads users to this release now. With the selector ${labelSelectorOf(after ?? object)} it would select no pod template of the manifests and no pod: users would get no answer`;
    return { message, at: resource.positionOf(['spec', 'selector']) };
  });
  return new CutoverError(problems[0]?.message ?? '', {
    code: 'manifest',
    object: describeRef(refOf(first.resource.object)),
    problems,
    hint: 'Correct the selector, or the labels of the pod template. If nobody needs the Service, remove it from the manifests.',
  });
}

/** Whether a workload of the plan runs the pod now, which is replaced. */
function isOwn({ metadata: { namespace, labels = {} } }: KubeObject, planned: readonly PlannedChange[]): boolean {
  return planned.some(({ resource: { object }, live, after }) => {
    const isHere = isServingWorkload(object) && object.metadata.namespace === namespace;
    return isHere && selectorMatches(fieldAt(live ?? after ?? object, ['spec', 'selector']), labels);
  });
}
