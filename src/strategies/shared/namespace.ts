import { isNamespace, type Namespace } from '../../kubernetes/kinds.js';
import { refOf } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import type { RunContext } from '../../run/context.js';

/**
 * Creates the release's namespace if it does not exist and the deploy may create it. The lock and the record are in it, so
 * it comes before everything else. It stays when the deploy fails.
 */
export async function ensureNamespace(
  ctx: RunContext,
  deploy: { readonly planned: readonly PlannedChange[]; readonly createNamespace: boolean },
): Promise<void> {
  const object = await comingNamespace(ctx, deploy);
  if (object === undefined) return;
  await ctx.namespaces.create(object);
  ctx.log.info(`Namespace ${ctx.records.namespace} created`);
}

/** The release's namespace as the deploy would create it; `undefined`: it exists, or the deploy may not create it. */
export async function comingNamespace(
  ctx: RunContext,
  deploy: { readonly planned: readonly PlannedChange[]; readonly createNamespace: boolean },
): Promise<Namespace | undefined> {
  const { cluster, records } = ctx;
  const name = records.namespace;
  const created = deploy.planned.filter(({ change }) => change === 'created').map(({ resource }) => resource.object);
  const own = created.filter(isNamespace).find(({ metadata }) => metadata.name === name);
  if (own !== undefined) return own;
  if (!deploy.createNamespace) return undefined;
  const object: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  return (await cluster.get(refOf(object))) === undefined ? object : undefined;
}
