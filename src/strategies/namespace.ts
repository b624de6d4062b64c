import type { PlannedChange } from '../plan/change.js';
import type { Step } from './step.js';

/**
 * Makes the release's namespace if it is not there and the deploy may make it: the lock and the record live in it, so it
 * comes before everything else. It stays when the deploy fails.
 */
export async function ensureNamespace(
  step: Step,
  deploy: { readonly planned: readonly PlannedChange[]; readonly createNamespace: boolean },
): Promise<void> {
  const { cluster, log, records } = step;
  const name = records.namespace;
  const own = deploy.planned.find(
    ({ resource, change }) =>
      change === 'created' && resource.object.kind === 'Namespace' && resource.object.metadata.name === name,
  );
  if (own === undefined && !deploy.createNamespace) return;
  const object = own?.resource.object ?? { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  if (own === undefined && (await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name })) !== undefined) return;
  await cluster.apply(object);
  log.info(`Namespace ${name} created`);
}
