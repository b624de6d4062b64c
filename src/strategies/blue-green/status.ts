import { asCutoverError, type CutoverError } from '../../errors.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { BlueGreenState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import type { Active } from '../../traffic/active-role.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import type { RoleHealth } from '../outcome/serving.js';
import { readLive, servingObjects } from '../status/live-state.js';
import { healthOf, statusBase, unfinishedOf } from '../status/release-status.js';
import { isNarrowed } from './adoption/narrow.js';
import { readActive } from './live-traffic.js';

/**
 * Which role serves users, what each role runs, how many pods and endpoints are ready, what differs from the record, and the
 * history. Only reads. Throws `FailedStep` with all of that when nobody can tell which role is active.
 */
export async function blueGreenStatus(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const toAdopt = await deploymentToAdopt(ctx, state);
  const isWithoutRoles = state.current === undefined && !hasRoles(state);
  const { active, undecided }: Reading =
    toAdopt === undefined && !isWithoutRoles ? await tryReadActive(ctx, state) : { active: { kind: 'none' } };
  const service = isWithoutRoles && toAdopt === undefined ? await ctx.cluster.get(state.publicService) : undefined;
  const roles = await Promise.all(state.roleNames.map(role => roleHealth(ctx, state, role)));
  const live = state.current === undefined && undecided === undefined ? undefined : await liveState(ctx, state);
  const staged = roles.find(role => role.staged);
  const outcome: Outcome = {
    ...statusBase(ctx, state),
    ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
    ...(staged !== undefined && { stagedRole: staged.role }),
    serving: {
      kind: 'blue-green-status',
      ...(active.kind === 'role' && { active: active.role }),
      roles,
      ...(state.adopted !== undefined && { adopted: state.adopted.ref }),
      ...(toAdopt !== undefined && { toAdopt }),
      ...(service !== undefined && { toAdopt: state.publicService }),
      ...expectedOf(state, active),
      ...(live !== undefined && { live: { ...live, ...(undecided && { undecided: undecided.message }) } }),
      ...unfinishedOf(state),
    },
  };
  if (undecided !== undefined) throw new FailedStep(undecided, outcome);
  return outcome;
}

/** The active role, or why nobody can tell. */
interface Reading {
  readonly active: Active;
  readonly undecided?: CutoverError;
}

async function tryReadActive(ctx: RunContext, state: BlueGreenState): Promise<Reading> {
  try {
    return { active: (await readActive(ctx, state)).active };
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (error.code !== 'roles') throw error;
    return { active: { kind: 'none' }, undecided: error };
  }
}

/** The current revision, if the active role runs another one, and no switch is under way. */
function expectedOf({ current, roles, operation }: BlueGreenState, active: Active): { readonly expected?: number } {
  if (operation !== undefined || current === undefined || active.kind === 'none') return {};
  return roles[active.role]?.revision === current ? {} : { expected: current };
}

/** Of what an operation has begun to change, nobody knows how it should be. */
async function liveState(ctx: RunContext, { publicService, current, staged, operation }: BlueGreenState) {
  const read = (number: number | undefined): Promise<Revision> | undefined =>
    operation === undefined && number !== undefined ? ctx.records.readRevision(number) : undefined;
  const [serving, waiting] = await Promise.all([read(current), read(staged?.revision)]);
  const recorded = [
    ...(serving === undefined ? [] : servingObjects(serving)),
    // Staging has applied the shared objects of its revision.
    ...(waiting === undefined ? [] : [...waiting.objects, ...waiting.shared]),
  ];
  return readLive(ctx, { services: [publicService], recorded: recorded.filter(({ kind }) => kind !== 'Job') });
}

/** The live Deployment of an adoption that did not come so far that users are on the role. */
async function deploymentToAdopt(ctx: RunContext, { operation }: BlueGreenState): Promise<ObjectRef | undefined> {
  if (operation?.kind !== 'adopt') return undefined;
  const revision = await ctx.records.readRevision(operation.revision);
  return (await isNarrowed(ctx, revision)) ? undefined : operation.deployment.ref;
}

async function roleHealth(ctx: RunContext, state: BlueGreenState, role: string): Promise<RoleHealth> {
  const record = state.roles[role];
  const { operation, staged } = state;
  const isHalfDone = (operation?.kind === 'stage' || operation?.kind === 'reject') && operation.role === role;
  return {
    role,
    ...(record?.revision !== undefined && { revision: record.revision }),
    staged: staged?.role === role && !isHalfDone,
    ...(isHalfDone && { halfDone: true as const }),
    workloads: await healthOf(ctx, record?.deployments ?? []),
  };
}
