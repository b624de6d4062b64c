import { isDeployment, replicasOf } from '../kubernetes/deployment.js';
import { refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import type { Operation, ReleaseState } from '../release/state.js';
import type { RunContext } from '../run/context.js';
import { readActive } from './blue-green/live-traffic.js';
import { outcomeBase, type Outcome } from './outcome/outcome.js';
import { readRelease } from './shared/recorded-release.js';
import type { RoleHealth, Serving, WorkloadHealth } from './outcome/serving.js';

/** Which role or revision serves users, what runs where, how many pods are ready, and the history. Only reads. */
export async function status(ctx: RunContext): Promise<Outcome> {
  const state = await readRelease(ctx);
  const base = {
    ...outcomeBase(ctx, state.strategy),
    outcome: 'status',
    changes: [],
    checks: [],
    history: state.history,
    ...(state.current !== undefined && { revision: state.current }),
  } as const;
  if (state.strategy === 'rolling') return { ...base, serving: await rollingStatus(ctx, state) };
  const { active } = await readActive(ctx, state);
  const roles = await Promise.all((state.roleNames ?? []).map(role => roleHealth(ctx, state, role)));
  return {
    ...base,
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

async function rollingStatus(ctx: RunContext, state: ReleaseState): Promise<Serving> {
  const { current } = state;
  if (current === undefined) return { kind: 'rolling-status', workloads: [], ...unfinishedOf(state) };
  const { objects } = await ctx.records.readRevision(current);
  const workloads = await healthOf(ctx, objects.filter(isDeployment).map(refOf));
  return { kind: 'rolling-status', current, workloads, ...unfinishedOf(state) };
}

async function roleHealth(ctx: RunContext, state: ReleaseState, role: string): Promise<RoleHealth> {
  const record = state.roles?.[role];
  return {
    role,
    ...(record?.revision !== undefined && { revision: record.revision }),
    staged: state.staged?.role === role,
    workloads: await healthOf(ctx, record?.deployments ?? []),
  };
}

async function healthOf(ctx: RunContext, refs: readonly ObjectRef[]): Promise<readonly WorkloadHealth[]> {
  const found = await Promise.all(refs.map(ref => ctx.cluster.get(ref)));
  return found.filter(live => live !== undefined).map(workloadHealth);
}

function workloadHealth(deployment: KubeObject): WorkloadHealth {
  const { readyReplicas = 0 } = (deployment['status'] ?? {}) as { readyReplicas?: number };
  return { ref: refOf(deployment), ready: readyReplicas, replicas: replicasOf(deployment) };
}

function unfinishedOf({ operation }: ReleaseState): { readonly unfinished?: Operation } {
  return operation === undefined ? {} : { unfinished: operation };
}
