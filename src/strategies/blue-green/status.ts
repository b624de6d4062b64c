import { asCutoverError, type CutoverError } from '../../errors.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { BlueGreenState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import type { Active } from '../../traffic/active-role.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import type { LiveState } from '../outcome/live-state.js';
import type { RoleHealth } from '../outcome/status-serving.js';
import { findRevision, findRevisionOfRole } from '../recorded/find-revision.js';
import { readLive, servingObjects, stagedObjects } from '../status/live-state.js';
import { healthOf, statusBase, unfinishedOf } from '../status/release-status.js';
import { notNarrowed } from './adoption/users-on-twins.js';
import { readActive } from './live-traffic.js';

/**
 * Which role serves users, what each role runs, how many pods and endpoints are ready, what differs from the record, and the
 * history. Only reads. Throws `FailedStep` with all of that when nobody can tell which role is active.
 */
export async function blueGreenStatus(ctx: RunContext, state: BlueGreenState): Promise<Outcome> {
  const toAdopt = await deploymentsToAdopt(ctx, state);
  const isWithoutRoles = state.current === undefined && !hasRoles(state);
  const { active, undecided }: Reading =
    toAdopt === undefined && !isWithoutRoles ? await tryReadActive(ctx, state) : { active: { kind: 'none' } };
  const [main] = state.publicServices;
  const service = isWithoutRoles && toAdopt === undefined ? await ctx.cluster.get(main) : undefined;
  const roles = await Promise.all(state.roleNames.map(role => roleHealth(ctx, state, role)));
  const isServed = state.current !== undefined || undecided !== undefined;
  const live = await liveState(ctx, state, isServed ? state.publicServices : []);
  const staged = roles.find(role => role.staged);
  const outcome: Outcome = {
    ...statusBase(ctx, state),
    ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
    ...(staged !== undefined && { stagedRole: staged.role }),
    serving: {
      kind: 'blue-green-status',
      ...(active.kind === 'role' && { active: active.role }),
      roles,
      ...(state.adopted !== undefined && { adopted: state.adopted.map(({ ref }) => ref) }),
      ...(toAdopt !== undefined && { toAdopt }),
      ...(service !== undefined && { toAdopt: [main] }),
      ...expectedOf(state, active),
      live: { ...live, ...(undecided && { undecided: undecided.message }) },
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
async function liveState(ctx: RunContext, state: BlueGreenState, services: readonly ObjectRef[]): Promise<LiveState> {
  const { current, staged, operation, roles } = state;
  const numbers = operation === undefined ? [current, staged?.revision] : [];
  const wanted = numbers.filter(number => number !== undefined);
  const found = await Promise.all(wanted.map(number => findRevision(ctx, number)));
  const objectsOf = (revision: Revision) =>
    revision.number === staged?.revision ? stagedObjects(revision) : servingObjects(revision);
  const backups = Object.entries(roles).filter(([, { previous }]) => previous !== undefined && operation === undefined);
  const onBackups = await Promise.all(backups.map(([role, record]) => findRevisionOfRole(ctx, record, role)));
  return readLive(ctx, {
    services,
    recorded: [
      ...found.flatMap(revision => (revision === undefined ? [] : objectsOf(revision))),
      ...onBackups.flatMap(revision => (revision === undefined ? [] : stagedObjects(revision))),
    ],
    alsoOwn: Object.values(roles).flatMap(({ deployments }) => deployments),
    lost: wanted.filter((_number, index) => found[index] === undefined),
  });
}

/** The live Deployments of an adoption that did not come so far that all users are on the role. */
async function deploymentsToAdopt(
  ctx: RunContext,
  { operation }: BlueGreenState,
): Promise<readonly ObjectRef[] | undefined> {
  if (operation?.kind !== 'adopt') return undefined;
  const revision = await findRevision(ctx, operation.revision);
  if (revision === undefined || (await notNarrowed(ctx, revision)).length === 0) return undefined;
  return operation.deployments.map(({ ref }) => ref);
}

async function roleHealth(ctx: RunContext, state: BlueGreenState, role: string): Promise<RoleHealth> {
  const record = state.roles[role];
  const { operation, staged } = state;
  const isBackupBegun = operation?.kind === 'finish' && operation.backup === true && operation.leftRole === role;
  const isHalfDone =
    isBackupBegun || ((operation?.kind === 'stage' || operation?.kind === 'reject') && operation.role === role);
  const { previous } = record ?? {};
  return {
    role,
    ...(record?.revision !== undefined && { revision: record.revision }),
    staged: staged?.role === role && !isHalfDone,
    ...(previous !== undefined && {
      backup: previous.revision === undefined ? {} : { previous: previous.revision },
    }),
    ...(isHalfDone && { halfDone: true as const }),
    workloads: await healthOf(ctx, record?.deployments ?? []),
  };
}
