import { CutoverError } from '../../errors.js';
import type { Check, Roles } from '../../inputs/inputs.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { ReleaseState, StagedRecord } from '../../release/state.js';
import { observe, type ReadyWorkload } from '../../rollout/observer.js';
import { assertPassed, runChecks } from '../shared/checks.js';
import { changesSinceVerified, decideActive, type Active } from '../../traffic/active-role.js';
import type { RunContext } from '../../run/context.js';

/** The record of a release. Throws `no-revision` when it was never deployed. */
export async function readRelease(ctx: RunContext): Promise<ReleaseState> {
  const { release, namespace } = ctx.records;
  const state = await ctx.records.readState();
  if (state !== undefined) return state;
  throw new CutoverError(`There is no release ${release} in namespace ${namespace}`, {
    code: 'no-revision',
    hint: 'Check the inputs `release` and `namespace`: the record of a release is ConfigMap `cutover-<release>` in its namespace. `action: deploy` makes one.',
  });
}

/** The record of a blue/green release. Throws `no-revision` when there is none, `input` when it is of another kind. */
export async function readBlueGreen(ctx: RunContext, action: string): Promise<ReleaseState> {
  const state = await readRelease(ctx);
  if (state.strategy === 'blue-green') return state;
  throw new CutoverError(`Release ${state.release} is deployed by rolling updates, so there is nothing to ${action}`, {
    code: 'input',
    hint: 'Rolling releases go live with `action: deploy` and back with `action: rollback`.',
  });
}

/** The active role of a release on record, as its live public Service says. */
export async function readActive(
  ctx: RunContext,
  state: ReleaseState,
): Promise<{ readonly active: Active; readonly service: KubeObject | undefined }> {
  const service = await ctx.cluster.get(publicServiceOf(state));
  const podLabels = Object.fromEntries(
    Object.entries(state.roles ?? {}).map(([role, { podLabels }]) => [role, podLabels]),
  );
  return { service, active: decideActive({ service, roles: rolesOf(state), podLabels }) };
}

/** The public Service of a blue/green release; it need not exist yet. */
export function publicServiceOf(state: ReleaseState): ObjectRef {
  if (state.publicService !== undefined) return state.publicService;
  throw new CutoverError(`The record of release ${state.release} does not say which Service is the public one`, {
    code: 'record',
    hint: 'Deploy it again with `strategy: blue-green`.',
  });
}

/** The active role, which must run the revision on record. Throws `changed` when somebody moved the users by hand. */
export async function activeOnRecord(
  ctx: RunContext,
  state: ReleaseState,
): Promise<{ readonly role: string; readonly idle: string }> {
  const { active } = await readActive(ctx, state);
  if (active.kind === 'role' && state.roles?.[active.role]?.revision === state.current) return active;
  const where =
    active.kind === 'none'
      ? 'is gone'
      : `selects ${active.role}, revision ${state.roles?.[active.role]?.revision ?? 'unknown'}`;
  throw new CutoverError(
    `${describeRef(publicServiceOf(state))} ${where}, but revision ${state.current ?? 'none'} should be serving`,
    {
      code: 'changed',
      hint: 'Somebody changed it outside of Cutover. Make sure where users should be and set its selector accordingly; `action: status` shows what runs where.',
    },
  );
}

/** The two role names of a blue/green release. */
export function rolesOf(state: ReleaseState): Roles {
  if (state.roleNames !== undefined) return state.roleNames;
  throw new CutoverError(`The record of release ${state.release} does not say which roles it has`, {
    code: 'record',
    hint: 'Deploy it again with `strategy: blue-green`.',
  });
}

/**
 * The role that users leave when `role` gets the traffic; `undefined` for the first release. Throws `changed` when the
 * public Service is not where the record says: somebody moved it, and a switch would act on a picture that is wrong.
 */
export function whereUsersAre(state: ReleaseState, active: Active, role: string): string | undefined {
  const moved = (message: string): CutoverError =>
    new CutoverError(message, {
      code: 'changed',
      hint: 'Somebody or something changed it outside of Cutover. Make sure where users should be, set the selector accordingly, and stage again.',
    });
  const name = describeRef(publicServiceOf(state));
  if (active.kind === 'none') {
    if (state.current === undefined) return undefined;
    throw moved(`${name} is gone, but revision ${state.current} should be serving through it`);
  }
  if (active.role === role) {
    // A run that was killed after the switch left just this; the same step finishes its work.
    if (state.operation?.kind === 'switch') return state.current === undefined ? undefined : active.idle;
    throw moved(`${name} selects ${role} already, though nothing was promoted there`);
  }
  const recorded = state.roles?.[active.role]?.revision;
  if (state.current !== undefined && recorded !== state.current) {
    throw moved(
      `${name} selects ${active.role} (revision ${recorded ?? 'unknown'}), but revision ${state.current} should be serving`,
    );
  }
  return active.role;
}

export interface StagedSide {
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
  readonly stagedChecks: Awaited<ReturnType<typeof runChecks>>;
}

/** Time has passed since staging: the staged side must be the very thing that was verified, ready, and pass again. */
export async function recheck(
  ctx: RunContext,
  patience: { readonly timeoutMs: number },
  wanted: {
    readonly state: ReleaseState;
    readonly staged: StagedRecord;
    readonly revision: Revision;
    readonly checks: readonly Check[];
  },
): Promise<StagedSide> {
  const { state, staged, revision, checks } = wanted;
  const found = await Promise.all(
    staged.workloads.map(async verified => ({ verified, live: await ctx.cluster.get(verified.ref) })),
  );
  refuseChanges(
    staged,
    found.flatMap(({ verified, live }) => changesSinceVerified(verified, live)),
  );
  const workloads = found.flatMap(({ live }) => live ?? []);
  const ready = await waitFor(ctx, workloads, patience);
  refuseChanges(
    staged,
    ready
      .filter(({ ref, templateHash }) =>
        staged.workloads.some(verified => verified.ref.name === ref.name && verified.templateHash !== templateHash),
      )
      .map(({ ref }) => `${describeRef(ref)} runs another template than was verified`),
  );
  const stagedChecks = await checkStaged(ctx, { role: staged.role, state, revision, workloads, ready, checks });
  return { workloads, ready, stagedChecks };
}

/** Waits until live workloads are ready, in the version that they have now. Throws `switch` when there is no pod at all. */
export async function waitFor(
  ctx: RunContext,
  workloads: readonly KubeObject[],
  patience: { readonly timeoutMs: number },
): Promise<readonly ReadyWorkload[]> {
  const { cluster, log, clock, signal } = ctx;
  const observer = observe({ cluster, log, clock, signal, targets: workloads.map(refOf) });
  try {
    await observer.synced;
    const ready = await observer.until({ targets: workloads, timeoutMs: patience.timeoutMs, stableForMs: 0 });
    if (ready.some(({ pods }) => pods.length > 0)) return ready;
    throw new CutoverError('There is no pod that could serve: the staged side is scaled to zero', {
      code: 'switch',
      hint: 'Set replicas to at least 1 and stage again.',
    });
  } finally {
    observer.close();
  }
}

/** Runs the staged checks of a revision against the role's test Service and every pod. */
export async function checkStaged(
  ctx: RunContext,
  side: {
    readonly role: string;
    readonly state: ReleaseState;
    readonly revision: Revision;
    readonly workloads: readonly KubeObject[];
    readonly ready: readonly ReadyWorkload[];
    readonly checks: readonly Check[];
  },
) {
  const { role, state, revision, workloads, ready, checks } = side;
  const name = state.roles?.[role]?.testService;
  const service = revision.objects.find(object => object.kind === 'Service' && object.metadata.name === name);
  const namespace = service?.metadata.namespace ?? ctx.records.namespace;
  const results = await runChecks({
    ctx,
    checks,
    side: 'staged',
    subject: { namespace, workloads, ready, ...(service !== undefined && { service }) },
  });
  assertPassed(results);
  return results;
}

function refuseChanges(staged: StagedRecord, reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  throw new CutoverError(`What is staged on ${staged.role} is not what was verified: ${reasons.join('; ')}`, {
    code: 'changed',
    hint: `Stage again (\`action: deploy\`), so that what goes live is what was tested, or \`action: reject\` to put ${staged.role} back.`,
  });
}
