import { CutoverError } from '../../../errors.js';
import { describeRef, refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { Roles } from '../../../inputs/inputs.js';
import type { RoleResources } from '../../../manifests/resource.js';
import type { RunContext } from '../../../run/context.js';
import type { Active } from '../../../traffic/active-role.js';
import { readActive, withLabelsOf } from '../live-traffic.js';
import { unfinishedOn } from '../operation/rollback-target.js';
import { describeUnfinished, unfinishedHint } from '../operation/users-on-unfinished.js';
import type { Staging, StagingTarget } from './staging.js';

/** Throws `changed` when users are on another role than the plan was made for; read again under the lock, before the first write. */
export async function refuseMovedUsers(ctx: RunContext, { deploy, active, records }: Staging): Promise<void> {
  const now = await findActive(ctx, { deploy, records });
  if (now.kind === active.kind && (now.kind === 'none' || active.kind === 'none' || now.role === active.role)) return;
  throw switchedMeanwhile();
}

/** Reads the active role from the live public Service of the manifests. */
export async function findActive(
  ctx: RunContext,
  { deploy, records }: Pick<StagingTarget, 'deploy' | 'records'>,
): Promise<Active> {
  const { inputs, state, resources } = deploy;
  const { roles } = inputs;
  const service = publicServiceOf(resources, roles);
  if (state.roleNames.join() !== roles.join())
    throw otherRoleNames(state.release, { recorded: state.roleNames, roles });
  if (refKey(state.publicService) !== refKey(service))
    throw otherPublicService(state.release, { recorded: state.publicService, service });
  const { active } = await readActive(ctx, withLabelsOf(state, records));
  if (active.kind === 'none' && state.current !== undefined) throw serviceGone(state, service);
  refuseUsersOnUnfinished(state, active);
  ctx.log.info(
    active.kind === 'role'
      ? `${describeRef(service)} selects ${active.role}: users are there, ${active.idle} is idle`
      : `${describeRef(service)} does not exist yet: this is the first release, ${roles[0]} comes first`,
  );
  return active;
}

/** The public Service of the manifests. Throws `manifest` when they have none. */
export function publicServiceOf(resources: RoleResources, [role]: Roles): ObjectRef {
  const publicService = resources.publicService[role];
  if (publicService === undefined) throw noPublicService();
  return refOf(publicService.object);
}

function noPublicService(): CutoverError {
  return new CutoverError('The manifests have no public Service', {
    code: 'manifest',
    hint: 'Add the Service that users reach; its selector or the pods that it selects must belong to one role.',
  });
}

function otherRoleNames(
  release: string,
  { recorded, roles }: { readonly recorded: readonly string[]; readonly roles: readonly string[] },
): CutoverError {
  return new CutoverError(`Release ${release} has the roles ${recorded.join(' and ')}, not ${roles.join(' and ')}`, {
    code: 'input',
    hint: 'Set the input `roles` as before, or give the new roles a release of their own.',
  });
}

function otherPublicService(
  release: string,
  { recorded, service }: { readonly recorded: ObjectRef; readonly service: ObjectRef },
): CutoverError {
  return new CutoverError(
    `The public Service of release ${release} is ${describeRef(recorded)}, and the manifests name ${describeRef(service)}`,
    {
      code: 'changed',
      hint: 'Users are on the recorded one, and a new one would not know their role. Keep its name, or give the new Service a release of its own.',
    },
  );
}

function serviceGone({ current = 0 }: BlueGreenState, service: ObjectRef): CutoverError {
  return new CutoverError(`${describeRef(service)} is gone, but revision ${current} should be serving through it`, {
    code: 'changed',
    hint: 'Somebody deleted it. Create it again with the selector of the role that should serve, then run this step again.',
  });
}

/** Throws `changed` if users are on a role where a staging was never finished: one on the other role would take that off the record. */
function refuseUsersOnUnfinished(state: BlueGreenState, active: Active): void {
  // Before the first promotion there is no other version to lead users back to.
  if (active.kind === 'none' || state.current === undefined) return;
  const operation = unfinishedOn(state, active.role);
  if (operation === undefined) return;
  const service = describeRef(state.publicService);
  throw new CutoverError(
    `${service} leads users to ${active.role}, where ${describeUnfinished(operation)}; nothing was written`,
    { code: 'changed', hint: `Somebody has switched the Service. ${unfinishedHint(state, operation)}` },
  );
}

function switchedMeanwhile(): CutoverError {
  return new CutoverError('The public Service was switched while this step was planning; nothing was written', {
    code: 'changed',
    hint: 'Run this step again: it plans for the role that is idle now.',
  });
}
