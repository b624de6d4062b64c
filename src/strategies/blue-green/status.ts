import type { ObjectRef } from '../../kubernetes/object.js';
import type { BlueGreenState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import type { Active } from '../../traffic/active-role.js';
import type { Outcome } from '../outcome/outcome.js';
import type { RoleHealth } from '../outcome/serving.js';
import { healthOf, statusBase, unfinishedOf } from '../shared/release-status.js';
import { isNarrowed } from './adoption/narrow.js';
import { readActive } from './live-traffic.js';

/** Which role serves users, what each role runs, how many pods are ready, and the history. Only reads. */
export async function blueGreenStatus(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const toAdopt = await deploymentToAdopt(ctx, state);
  const isWithoutRoles = state.current === undefined && !hasRoles(state);
  const active: Active =
    toAdopt === undefined && !isWithoutRoles ? (await readActive(ctx, state)).active : { kind: 'none' };
  const service = isWithoutRoles && toAdopt === undefined ? await ctx.cluster.get(state.publicService) : undefined;
  const roles = await Promise.all(state.roleNames.map(role => roleHealth(ctx, state, role)));
  return {
    ...statusBase(ctx, state),
    ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
    ...(state.staged !== undefined && { stagedRole: state.staged.role }),
    serving: {
      kind: 'blue-green-status',
      ...(active.kind === 'role' && { active: active.role }),
      roles,
      ...(state.adopted !== undefined && { adopted: state.adopted.ref }),
      ...(toAdopt !== undefined && { toAdopt }),
      ...(service !== undefined && { toAdopt: state.publicService }),
      ...unfinishedOf(state),
    },
  };
}

/** The live Deployment of an adoption that did not come so far that users are on the role. */
async function deploymentToAdopt(ctx: RunContext, { operation }: BlueGreenState): Promise<ObjectRef | undefined> {
  if (operation?.kind !== 'adopt') return undefined;
  const revision = await ctx.records.readRevision(operation.revision);
  return (await isNarrowed(ctx, revision)) ? undefined : operation.deployment.ref;
}

async function roleHealth(ctx: RunContext, state: BlueGreenState, role: string): Promise<RoleHealth> {
  const record = state.roles[role];
  return {
    role,
    ...(record?.revision !== undefined && { revision: record.revision }),
    staged: state.staged?.role === role,
    workloads: await healthOf(ctx, record?.deployments ?? []),
  };
}
