import { fieldManager } from '../../cluster/apply/field-manager.js';
import { templateOwners } from '../../cluster/apply/owned-fields.js';
import { CutoverError } from '../../errors.js';
import type { Check } from '../../inputs/inputs.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { BlueGreenState, StagedRecord } from '../../release/state.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import { waitForLive } from '../../rollout/wait/wait-for-live.js';
import type { RunContext } from '../../run/context.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { isOwnedBy } from '../../manifests/owner.js';
import { changesSinceVerified } from '../../traffic/identity.js';
import type { CheckResult } from '../../verify/verify.js';
import { ownedLive } from '../recorded/owned-objects.js';
import { requireChecks } from '../shared/checks.js';

/** A role that is ready to get the traffic. */
export interface VerifiedRole {
  /** Its workloads as they are live. */
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
  readonly stagedChecks: readonly CheckResult[];
  /** Until when pods that went missing or were added since the checks are waited for, in milliseconds of the context's clock. */
  readonly readyUntilMs: number;
}

/** What is staged, and how it is verified before it gets the traffic. */
export interface VerifyStagedRequest {
  readonly state: BlueGreenState;
  readonly staged: StagedRecord;
  readonly revision: Revision;
  readonly checks: readonly Check[];
  readonly timeoutMs: number;
}

/**
 * Verifies a staged role again before it is promoted, since time has passed: its objects must be the same that were
 * verified, its pods ready, and the checks must pass. Throws `changed` when they are not the same. Where others have only
 * added to a pod template (a restart, a controller that follows ConfigMaps), the new pods are verified instead.
 */
export async function verifyStaged(ctx: RunContext, request: VerifyStagedRequest): Promise<VerifiedRole> {
  const { state, staged, revision, checks, timeoutMs } = request;
  const workloads = await requireVerified(ctx, staged);
  const ready = await waitForLive(ctx, { targets: workloads, timeoutMs });
  if (!ready.some(({ pods }) => pods.length > 0)) throw scaledToZero();
  for (const { ref, templateHash } of ready) {
    const isThis = (object: ObjectRef): boolean => refKey(object) === refKey(ref);
    const verified = staged.objects.find(object => isThis(object.ref));
    if (verified?.templateHash === templateHash) continue;
    const owners = workloads.filter(live => isThis(refOf(live))).flatMap(live => templateOwners(live, fieldManager));
    ctx.log.warning(
      `${describeRef(ref)}: ${owners.join(', ') || 'somebody'} added to its pod template since it was staged; its new pods are verified now`,
    );
  }
  const stagedChecks = await checkStaged(ctx, { role: staged.role, state, revision, workloads, ready, checks });
  return { workloads, ready, stagedChecks, readyUntilMs: ctx.clock.now() + timeoutMs };
}

/** The live Deployments of a staged role. Throws `changed` when any of its objects is not the one that was verified. */
export async function requireVerified(ctx: RunContext, staged: StagedRecord): Promise<readonly KubeObject[]> {
  const found = await Promise.all(
    staged.objects.map(async verified => ({ verified, live: await ctx.cluster.get(verified.ref) })),
  );
  const reasons = found.flatMap(({ verified, live }) =>
    live !== undefined && !isOwnedBy(live, ctx.records)
      ? [`${describeRef(verified.ref)} does not belong to release ${ctx.records.release}`]
      : changesSinceVerified(verified, live),
  );
  if (reasons.length > 0) throw notAsVerified(staged, reasons);
  return found.flatMap(({ live }) => (live !== undefined && isDeployment(live) ? [live] : []));
}

/** Runs the staged checks of a revision against the role's test Service and every pod. */
export async function checkStaged(
  ctx: RunContext,
  request: {
    readonly role: string;
    readonly state: BlueGreenState;
    readonly revision: Revision;
    readonly workloads: readonly KubeObject[];
    readonly ready: readonly ReadyWorkload[];
    readonly checks: readonly Check[];
  },
): Promise<readonly CheckResult[]> {
  const { role, state, revision, workloads, ready, checks } = request;
  const name = state.roles[role]?.testService;
  const recorded = revision.objects.find(object => object.kind === 'Service' && object.metadata.name === name);
  // The checks send requests to it with the rights of this step.
  const service = recorded && (await ownedLive(ctx, refOf(recorded)));
  return requireChecks(ctx, { checks, side: 'staged', role, service, workloads, ready });
}

function notAsVerified(staged: StagedRecord, reasons: readonly string[]): CutoverError {
  return new CutoverError(`What is staged on ${staged.role} is not what was verified: ${reasons.join('; ')}`, {
    code: 'changed',
    hint: `Stage again (\`action: deploy\`), so that what goes live is what was tested, or use \`action: reject\` to restore ${staged.role}.`,
  });
}

function scaledToZero(): CutoverError {
  return new CutoverError('There is no pod that could serve: the staged role is scaled to zero', {
    code: 'switch',
    hint: 'Set replicas to at least 1 and stage again.',
  });
}
