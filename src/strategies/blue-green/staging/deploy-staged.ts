import type { ReadyWorkload } from '../../../rollout/observer.js';
import type { RunContext } from '../../../run/context.js';
import type { CheckResult } from '../../../verify/verify.js';
import { applyAndWait } from '../../shared/apply-and-wait.js';
import { requireChecks, type VerifiedWorkloads } from '../../shared/checks.js';
import type { Staging } from './staging.js';

/** Applies what changes, waits for it, and runs the staged checks against the new pods and the role's test Service. */
export async function deployAndVerify(
  ctx: RunContext,
  staging: Staging,
): Promise<{ readonly ready: readonly ReadyWorkload[]; readonly checks: readonly CheckResult[] }> {
  const { planned, deploy } = staging;
  const { timeoutMs, stableForMs, forceConflicts: force, verify } = deploy.inputs;
  const waitOptions = { timeoutMs, stableForMs };
  const ready = await ctx.phase('Deploy', () => applyAndWait(ctx, { planned, waitOptions, force }));
  const checks = await ctx.phase('Verify staged', () =>
    requireChecks(ctx, { checks: verify, side: 'staged', ...stagedWorkloads(staging, ready) }),
  );
  return { ready, checks };
}

/** What the staged checks go to: the role's test Service and the pods of its workloads. */
export function stagedWorkloads(staging: Staging, ready: readonly ReadyWorkload[]): VerifiedWorkloads {
  const { deploy, planned, role } = staging;
  const workloads = planned.map(({ resource }) => resource.object);
  const name = deploy.resources.testService[role];
  const service = workloads.find(object => object.kind === 'Service' && object.metadata.name === name);
  return { workloads, ready, service };
}
