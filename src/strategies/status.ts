import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import type { ReleaseState } from '../release/state.js';
import type { Outcome } from './shared/outcome.js';
import { readActive, readRelease } from './blue-green/recheck.js';
import { isDeployment, replicasOf } from '../kubernetes/deployment.js';
import type { RunContext } from '../run/context.js';

/** Tells where users are, what runs where, how it is, and how it came about. Only reads. */
export async function status(ctx: RunContext): Promise<Outcome> {
  const { records, log } = ctx;
  const { release, namespace } = records;
  const state = await readRelease(ctx);
  const common = {
    outcome: 'status',
    release,
    namespace,
    strategy: state.strategy,
    changes: [],
    checks: [],
    history: state.history,
    ...(state.current !== undefined && { revision: state.current }),
  } as const;
  const unfinished =
    state.operation === undefined
      ? ''
      : ` Unfinished: ${state.operation.kind} of revision ${state.operation.revision} by ${state.operation.run}; run that step again to finish it.`;
  if (state.strategy === 'rolling') {
    const health = await rollingHealth(ctx, state);
    health.forEach(line => log.info(line));
    return {
      ...common,
      serving: `${state.current === undefined ? 'No revision is deployed.' : `Revision ${state.current} serves users.`} ${health.join('. ')}${unfinished}`,
    };
  }
  const { active } = await readActive(ctx, state);
  const roles = await Promise.all((state.roleNames ?? []).map(role => roleHealth(ctx, state, role)));
  roles.forEach(line => log.info(line));
  return {
    ...common,
    ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
    ...(state.staged !== undefined && { stagedRole: state.staged.role }),
    serving: `${active.kind === 'role' ? `Users are on ${active.role}.` : 'Nobody is served yet: there is no public Service.'} ${roles.join('. ')}.${unfinished}`,
  };
}

async function rollingHealth(ctx: RunContext, state: ReleaseState): Promise<readonly string[]> {
  if (state.current === undefined) return [];
  const revision = await ctx.records.readRevision(state.current);
  const found = await Promise.all(revision.objects.filter(isDeployment).map(object => ctx.cluster.get(refOf(object))));
  return found.flatMap(live => (live === undefined ? [] : health(live)));
}

async function roleHealth(ctx: RunContext, state: ReleaseState, role: string): Promise<string> {
  const record = state.roles?.[role];
  const found = await Promise.all((record?.deployments ?? []).map(ref => ctx.cluster.get(ref)));
  const lines = found.flatMap(live => (live === undefined ? [] : health(live)));
  const revision = record?.revision === undefined ? 'no revision' : `revision ${record.revision}`;
  const staged = state.staged?.role === role ? ', staged' : '';
  return `${role}: ${revision}${staged}, ${lines.length === 0 ? 'nothing runs' : lines.join(', ')}`;
}

function health(deployment: KubeObject): string {
  const { readyReplicas = 0 } = (deployment['status'] ?? {}) as { readyReplicas?: number };
  return `${describeRef(refOf(deployment))} ${readyReplicas} of ${replicasOf(deployment)} ready`;
}
