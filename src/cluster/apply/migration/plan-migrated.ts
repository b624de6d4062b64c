import { asCutoverError } from '../../../errors.js';
import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { Cluster } from '../../cluster.js';
import type { Resource } from '../../../manifests/resource.js';
import { fieldManager } from '../field-manager.js';
import { ownsReplicas } from '../owned-fields.js';
import { planOwnershipMigration } from '../ownership-migration.js';
import { declaredReplicas, resourceWithReplicas } from './declared-replicas.js';
import { stateAfter } from './migrated-state.js';

/** Controllers write the status frequently, and each write changes the resourceVersion. */
const maxAttempts = 5;

/** The change after a migration, which no dry run of an apply can include; `undefined`: there is nothing to migrate. */
export async function planMigrated(
  request: { readonly cluster: Cluster; readonly resource: Resource },
  live: KubeObject,
  attempt = 1,
): Promise<PlannedChange | undefined> {
  const { cluster } = request;
  const keepsReplicas = declaredReplicas(request.resource.object) === undefined && ownsReplicas(live, fieldManager);
  const resource = keepsReplicas ? resourceWithReplicas(request.resource, declaredReplicas(live)) : request.resource;
  const { object } = resource;
  const migration = planOwnershipMigration({ live, desired: object, manager: fieldManager, claims: true });
  if (migration === undefined) return undefined;
  const { managers, managedFields } = migration;
  let after: KubeObject;
  try {
    after = await cluster.dryRunReplace(stateAfter(live, object, managedFields));
  } catch (thrown) {
    if (asCutoverError(thrown).code !== 'moved' || attempt >= maxAttempts) throw thrown;
    const now = await cluster.get(refOf(object));
    return now && planMigrated(request, now, attempt + 1);
  }
  return { resource, change: 'changed', claims: true, live, after, ...(managers.length > 0 && { from: managers }) };
}
