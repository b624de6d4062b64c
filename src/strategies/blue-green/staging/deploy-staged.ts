import type { Observer, ReadyWorkload } from '../../../rollout/observer.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import type { CheckResult } from '../../../verify/verify.js';
import { applyAndWait, waitUntilReady, type AppliedSet } from '../../shared/apply-and-wait.js';
import { requireChecks, type VerifiedWorkloads } from '../../shared/checks.js';
import type { Staging } from './staging.js';
import { own } from '../../../own.js';

/** A role that is up and passed its checks. */
export interface DeployedStaging extends AppliedSet {
  readonly checks: readonly CheckResult[];
}

/**
 * Applies what changes, waits for it, and runs the staged checks against the new pods and the role's test Service. `observer`: the
 * open watches of the set.
 */
export async function deployAndVerify(
  ctx: OperationContext,
  staging: Staging,
  observer: Observer,
): Promise<DeployedStaging> {
  const { planned, deploy } = staging;
  const { timeoutMs, stableForMs, forceConflicts: force } = deploy.inputs;
  const waitOptions = { timeoutMs, stableForMs };
  const set = await ctx.phase('Deploy', () => applyAndWait(ctx, { planned, waitOptions, force, observer }));
  return { ...set, checks: await verify(ctx, staging, set.ready) };
}

/** The same for a role on which nothing changes. Writes nothing. */
export async function verifyUnchanged(ctx: RunContext, staging: Staging): Promise<readonly CheckResult[]> {
  const { planned, deploy } = staging;
  const { timeoutMs, stableForMs } = deploy.inputs;
  const waitOptions = { timeoutMs, stableForMs, settled: true };
  return verify(ctx, staging, await ctx.phase('Deploy', () => waitUntilReady(ctx, { planned, waitOptions })));
}

function verify(ctx: RunContext, staging: Staging, ready: readonly ReadyWorkload[]): Promise<readonly CheckResult[]> {
  const { verify: checks } = staging.deploy.inputs;
  return ctx.phase('Verify staged', () =>
    requireChecks(ctx, { checks, side: 'staged', role: staging.role, ...stagedWorkloads(staging, ready) }),
  );
}

/** What the staged checks go to: the role's test Service and the pods of its workloads. */
export function stagedWorkloads(staging: Staging, ready: readonly ReadyWorkload[]): VerifiedWorkloads {
  const { deploy, planned, role } = staging;
  const workloads = planned.map(({ resource }) => resource.object);
  const name = own(deploy.resources.testService, role);
  const service = workloads.find(object => object.kind === 'Service' && object.metadata.name === name);
  return { workloads, ready, service };
}
