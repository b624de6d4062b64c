import type { BlueGreenState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { Outcome } from '../outcome/outcome.js';
import type { RoleHealth } from '../outcome/serving.js';
import { healthOf, statusBase, unfinishedOf } from '../shared/release-status.js';
import { readActive } from './live-traffic.js';

/** Which role serves users, what each role runs, how many pods are ready, and the history. Only reads. */
export async function blueGreenStatus(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const { active } = await readActive(ctx, state);
  const roles = await Promise.all(state.roleNames.map(role => roleHealth(ctx, state, role)));
  return {
    ...statusBase(ctx, state),
    ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
    ...(state.staged !== undefined && { stagedRole: state.staged.role }),
    serving: {
      kind: 'blue-green-status',
      ...(active.kind === 'role' && { active: active.role }),
      roles,
      ...unfinishedOf(state),
    },
  };
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
