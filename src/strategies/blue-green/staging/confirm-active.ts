import { mainServiceOf } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { RunContext } from '../../../run/context.js';
import { waitUntilReady } from '../../shared/apply-and-wait.js';
import { checksOf, requireChecks } from '../../shared/checks.js';
import { changesOf } from '../../outcome/changes.js';
import { FailedStep, outcomeBase, type Outcome } from '../../outcome/outcome.js';
import { withUsersNow } from '../operation/users-now.js';
import type { BlueGreenDeploy } from './staging.js';

/** The active role, which already runs these manifests. */
export interface ConfirmActiveRequest {
  readonly deploy: BlueGreenDeploy;
  readonly role: string;
  readonly planned: readonly PlannedChange[];
}

/** Writes nothing; the outcome is `unchanged` only if the active role is ready and passes its checks. */
export async function confirmActive(ctx: RunContext, request: ConfirmActiveRequest): Promise<Outcome> {
  const { deploy, role, planned } = request;
  const { inputs, state, resources } = deploy;
  const revision = state.roles[role]?.revision;
  const base = {
    ...outcomeBase(ctx, 'blue-green'),
    activeRole: role,
    ...(revision !== undefined && { revision }),
    changes: changesOf(planned),
  };
  const serving = { kind: 'active-confirmed', role, ...(revision !== undefined && { revision }) } as const;
  try {
    const waitOptions = { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs, settled: true };
    const ready = await ctx.phase('Deploy', () => waitUntilReady(ctx, { planned, waitOptions }));
    const service = mainServiceOf(resources, role)?.object;
    const workloads = planned.map(({ resource }) => resource.object);
    const checks = await ctx.phase('Verify public', () =>
      requireChecks(ctx, { checks: inputs.verify, side: 'public', role, service, workloads, ready }),
    );
    return { ...base, outcome: 'unchanged', checks, serving: { ...serving, healthy: true } };
  } catch (error) {
    const failed = { ...base, checks: checksOf(error), serving: { ...serving, healthy: false } };
    throw new FailedStep(error, await withUsersNow(ctx, state, failed));
  }
}
