import { isDeployment } from '../../../kubernetes/deployment.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { isCounterpart } from '../../../manifests/roles/counterparts.js';
import type { RunContext } from '../../../run/context.js';

/** One role and names of its objects. */
export interface RoleDeployments {
  readonly role: string;
  readonly deployments: readonly ObjectRef[];
}

/**
 * The live Deployments of the other role, by the key of the Deployment among `objects` that has the same name but for the
 * role. A Deployment without a live counterpart is left out.
 */
export async function liveCounterparts(
  ctx: Pick<RunContext, 'cluster'>,
  own: { readonly role: string; readonly objects: readonly KubeObject[] },
  other: RoleDeployments,
): Promise<ReadonlyMap<string, KubeObject>> {
  const found = await Promise.all(
    own.objects.filter(isDeployment).map(async object => {
      const ref = other.deployments.find(({ name }) =>
        isCounterpart({ name: object.metadata.name, role: own.role }, { name, role: other.role }),
      );
      const live = ref && (await ctx.cluster.get(ref));
      return live === undefined ? [] : [[refKey(refOf(object)), live] as const];
    }),
  );
  return new Map(found.flat());
}
