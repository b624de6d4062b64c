import { configReferences } from '../../../kubernetes/pods/config-references.js';
import { CutoverError } from '../../../errors.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { BlueGreenDeploy, Staging } from './staging.js';

/**
 * Why a plan must not be applied: a shared ConfigMap or Secret reaches the live pods as soon as it is written. An image
 * pull Secret may change: no container sees it, and the live pods pull with new credentials too. `undefined`: no such change
 * is planned. `live`: the Deployments of the active role.
 */
export function sharedConfigRefusal(
  planned: readonly PlannedChange[],
  { resources }: BlueGreenDeploy,
  live: Staging['counterparts'],
): CutoverError | undefined {
  const shared = new Set(resources.shared);
  const rendered = Object.values(resources.of)
    .flat()
    .map(({ object }) => object);
  // An adopted role reads what it read before it had a role.
  const readers = [...rendered, ...live.values()];
  const used = new Set(
    readers
      .flatMap(configReferences)
      .filter(({ pullOnly }) => pullOnly !== true)
      .map(({ kind, name }) => `${kind}/${name}`),
  );
  const problems = planned
    .filter(({ resource, change }) => shared.has(resource) && change === 'changed')
    .filter(({ resource }) => used.has(`${resource.object.kind}/${resource.object.metadata.name}`))
    .map(({ resource }) => ({
      message: `${describeRef(refOf(resource.object))} is shared by both roles and would change under the pods that serve users`,
      at: resource.at,
    }));
  if (problems.length === 0) return undefined;
  return new CutoverError('Staging would change configuration that the active role reads; nothing was changed', {
    code: 'rejected-plan',
    problems,
    hint: 'Give each role its own: put ${TARGET_ROLE} into its name and into every reference to it.',
  });
}
