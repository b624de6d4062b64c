import { CutoverError } from '../../../errors.js';
import { describeRefs, refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { BlueGreenState, PublicServices } from '../../../release/state.js';
import type { Roles } from '../../../inputs/inputs.js';
import type { RoleResources } from '../../../manifests/resource.js';
import type { RunContext } from '../../../run/context.js';
import type { Active } from '../../../traffic/active-role.js';
import { readActive, withLabelsOf } from '../live-traffic.js';
import { unfinishedOn } from '../rollback/rollback-target.js';
import { describeUnfinished, unfinishedHint, usersAreLed } from '../operation/users-on-unfinished.js';
import type { Staging, StagingTarget } from './staging.js';

/** Throws `changed` when users are on another role than the plan was made for; read again under the lock, before the first write. */
export async function refuseMovedUsers(ctx: RunContext, { deploy, active, records }: Staging): Promise<void> {
  const now = await findActive(ctx, { deploy, records });
  if (now.kind === active.kind && (now.kind === 'none' || active.kind === 'none' || now.role === active.role)) return;
  throw switchedMeanwhile(deploy.state.publicServices);
}

/** Reads the active role from the live public Services of the manifests. */
export async function findActive(
  ctx: RunContext,
  { deploy, records }: Pick<StagingTarget, 'deploy' | 'records'>,
): Promise<Active> {
  const { inputs, state, resources } = deploy;
  const { roles } = inputs;
  const services = publicServicesOf(resources, roles);
  if (state.roleNames.join() !== roles.join())
    throw otherRoleNames(state.release, { recorded: state.roleNames, roles });
  if (!areSame(state.publicServices, services))
    throw otherPublicServices(state.release, { recorded: state.publicServices, services });
  const { active } = await readActive(ctx, withLabelsOf(state, records));
  if (active.kind === 'none' && state.current !== undefined) throw servicesGone(state, services);
  refuseUsersOnUnfinished(state, active);
  ctx.log.info(
    active.kind === 'role'
      ? `${describeRefs(services)} ${verb(services, 'selects', 'select')} ${active.role}: users are there, ${active.idle} is idle`
      : `${describeRefs(services)} ${verb(services, 'does', 'do')} not exist yet: this is the first release, ${roles[0]} comes first`,
  );
  return active;
}

/** The public Services of the manifests. Throws `manifest` when they have none. */
export function publicServicesOf(resources: RoleResources, [role]: Roles): PublicServices {
  const [main, ...others] = (resources.publicServices[role] ?? []).map(({ object }) => refOf(object));
  if (main === undefined) throw noPublicService();
  return [main, ...others];
}

/** Whether they are the same Services, in any order. */
function areSame(ones: readonly ObjectRef[], others: readonly ObjectRef[]): boolean {
  const keys = new Set(ones.map(refKey));
  return ones.length === others.length && others.every(ref => keys.has(refKey(ref)));
}

function verb(services: readonly ObjectRef[], one: string, several: string): string {
  return services.length === 1 ? one : several;
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

function otherPublicServices(
  release: string,
  { recorded, services }: { readonly recorded: PublicServices; readonly services: PublicServices },
): CutoverError {
  const isOne = recorded.length === 1 && services.length === 1;
  return new CutoverError(
    `The public ${verb(recorded, 'Service', 'Services')} of release ${release} ${verb(recorded, 'is', 'are')} ${describeRefs(recorded)}, and the manifests name ${describeRefs(services)}`,
    {
      code: 'changed',
      hint: isOne
        ? 'Users are on the recorded one, and a new one would not know their role. Keep its name, or give the new Service a release of its own.'
        : 'Users are on the recorded ones, and a new one would not know their role. Keep them, annotate a Service that is to stay as it is cutover/shared: "true", or give a new one a release of its own.',
    },
  );
}

function servicesGone({ current = 0 }: BlueGreenState, services: PublicServices): CutoverError {
  const [is, it] = services.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return new CutoverError(
    `${describeRefs(services)} ${is} gone, but revision ${current} should be serving through ${it}`,
    {
      code: 'changed',
      hint: `Somebody deleted ${it}. Create ${it} again with the selector of the role that should serve, then run this step again.`,
    },
  );
}

/** Throws `changed` if users are on a role where a staging or a rejection was never finished: the record has room for one unfinished operation. */
function refuseUsersOnUnfinished(state: BlueGreenState, active: Active): void {
  // Before the first promotion there is no other version to lead users back to.
  if (active.kind === 'none' || state.current === undefined) return;
  const operation = unfinishedOn(state, active.role);
  if (operation === undefined) return;
  const services = state.publicServices;
  throw new CutoverError(
    `${usersAreLed(services, active.role)}, where ${describeUnfinished(operation)}; nothing was written`,
    {
      code: 'changed',
      hint: `Somebody has switched ${verb(services, 'the Service', 'the Services')}. ${unfinishedHint(state, operation)}`,
    },
  );
}

function switchedMeanwhile(services: PublicServices): CutoverError {
  return new CutoverError(
    `The public ${verb(services, 'Service was', 'Services were')} switched while this step was planning; nothing was written`,
    {
      code: 'changed',
      hint: 'Run this step again: it plans for the role that is idle now.',
    },
  );
}
