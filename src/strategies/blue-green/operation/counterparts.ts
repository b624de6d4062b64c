import { isDeployment } from '../../../kubernetes/deployment.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
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

interface NamedForRole {
  readonly name: string;
  readonly role: string;
}

/** Whether two names differ in nothing but the role. A name may contain the name of a role by chance too (`bluebird-blue`). */
function isCounterpart(one: NamedForRole, other: NamedForRole): boolean {
  const either = `(?:${escaped(one.role)}|${escaped(other.role)})`;
  const pattern = one.name.split(one.role).map(escaped).join(either);
  return new RegExp(`^${pattern}$`).test(other.name);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
