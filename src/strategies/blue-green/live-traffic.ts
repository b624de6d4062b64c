import { CutoverError } from '../../errors.js';
import { describeRef, describeRefs } from '../../kubernetes/object.js';
import type { BlueGreenState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { otherRole, type Active, type PodLabels } from '../../traffic/active-role.js';
import type { LiveTraffic } from '../../traffic/router.js';
import { routerOf } from '../../traffic/routers.js';
import type { Snapshot } from '../../plan/change.js';
import type { Users } from '../outcome/serving.js';

/** What says which roles users of a recorded release reach. */
export type Led = Pick<BlueGreenState, 'publicServices' | 'roleNames' | 'roles'>;

/** Where the public Services lead users. */
export type LedBy =
  | Active
  /** To different roles, or some of them to none: they do not exist. `error` says so. */
  | { readonly kind: 'mixed'; readonly error: CutoverError };

/** Where users of a recorded release are, as its live public Services say. */
export interface LiveUsers {
  readonly active: Active;
  /** The Services as they were read: what a switch is conditional on, and what it is restored to. */
  readonly before: readonly Snapshot[];
}

/** Which role users of a recorded release reach. Throws `roles` when nobody can tell, or when its public Services disagree. */
export async function readActive(ctx: RunContext, state: Led): Promise<LiveUsers> {
  const { active, before } = await readServices(ctx, state);
  if (active.kind === 'mixed') throw active.error;
  return { active, before };
}

/** The same for a step that goes on with a switch, which may have been made in part: then the public Services may disagree. */
export async function readServices(
  ctx: RunContext,
  state: Led,
): Promise<Pick<LiveUsers, 'before'> & { readonly active: LedBy }> {
  const { publicServices, roleNames: roles } = state;
  const rolePods = { roles, podLabels: podLabelsOf(state) };
  const found = await Promise.all(publicServices.map(ref => routerOf(ctx).read(ref, rolePods)));
  return { active: together(found), before: found.map(({ before }) => before) };
}

function together(found: readonly LiveTraffic[]): LedBy {
  const [first, ...others] = found.map(({ active }) => active);
  if (first === undefined) return { kind: 'none' };
  const isSame = (other: Active): boolean =>
    other.kind === 'none' ? first.kind === 'none' : first.kind === 'role' && other.role === first.role;
  return others.every(isSame) ? first : { kind: 'mixed', error: disagreeing(found) };
}

/** The state, in which a role that is not on record has the labels of the manifests. What is live carries those on record. */
export function withLabelsOf(state: BlueGreenState, records: BlueGreenState['roles']): BlueGreenState {
  return { ...state, roles: { ...records, ...state.roles } };
}

/** The active role, which must run the revision on record. Throws `changed` when somebody moved the users by hand. */
export async function readActiveOnRecord(
  ctx: RunContext,
  state: BlueGreenState,
): Promise<{ readonly role: string; readonly idle: string }> {
  const { active } = await readActive(ctx, state);
  if (active.kind === 'role' && state.roles[active.role]?.revision === state.current) return active;
  throw activeNotOnRecord(state, active);
}

/** Whom the public Services serve. The revision is that of the role: the current one is another after somebody has led users back. */
export function usersOf({ roles, adopted }: BlueGreenState, active: Active): Users {
  if (active.kind === 'none') return { kind: 'none' };
  const revision = roles[active.role]?.revision;
  return {
    kind: 'role',
    role: active.role,
    ...(revision !== undefined && { revision }),
    ...(adopted !== undefined && { adopted: adopted.map(({ ref }) => ref) }),
  };
}

/**
 * The role that users leave when `role` gets the traffic; `undefined` for the first release. Throws `changed` when the
 * public Services are not what the record says: somebody moved them, and a switch would start from the wrong role.
 */
export function roleToLeave(state: BlueGreenState, active: LedBy, role: string): string | undefined {
  const name = namesOf(state);
  if (active.kind === 'mixed') {
    // A run that was killed during the switch left just this; the same step finishes its work.
    if (state.operation?.kind !== 'switch' || state.operation.role !== role) throw active.error;
    return state.current === undefined ? undefined : otherRole(state.roleNames, role);
  }
  if (active.kind === 'none') {
    if (state.current === undefined) return undefined;
    throw serviceMoved(
      `${name} ${are(state, 'is gone', 'are gone')}, but revision ${state.current} should be serving through ${are(state, 'it', 'them')}`,
      `Apply ${are(state, 'it', 'them')} again as ${are(state, 'it was', 'they were')}, then run this step again.`,
    );
  }
  if (active.role === role) {
    // A run that was killed after the switch left just this; the same step finishes its work.
    if (state.operation?.kind === 'switch') return state.current === undefined ? undefined : active.idle;
    throw serviceMoved(`${name} ${are(state, 'selects', 'select')} ${role} already, though nothing was promoted there`);
  }
  const recorded = state.roles[active.role]?.revision;
  if (state.current !== undefined && recorded !== state.current) {
    throw serviceMoved(
      `${name} ${are(state, 'selects', 'select')} ${active.role} (revision ${recorded ?? 'unknown'}), but revision ${state.current} should be serving`,
    );
  }
  return active.role;
}

/** `Service shop/web and Service shop/api`. */
function namesOf({ publicServices }: Pick<BlueGreenState, 'publicServices'>): string {
  return describeRefs(publicServices);
}

function are({ publicServices }: BlueGreenState, one: string, several: string): string {
  return publicServices.length === 1 ? one : several;
}

function podLabelsOf({ roles }: Pick<BlueGreenState, 'roles'>): PodLabels {
  return Object.fromEntries(Object.entries(roles).map(([role, { podLabels }]) => [role, podLabels]));
}

const wayOn =
  'Run `action: rollback`: if users are back on the previous version already, it records that; otherwise it sends them there. Or restore the selector and run this step again.';

function activeNotOnRecord(state: BlueGreenState, active: Active): CutoverError {
  const found =
    active.kind === 'none'
      ? are(state, 'is gone', 'are gone')
      : `${are(state, 'selects', 'select')} ${active.role}, revision ${state.roles[active.role]?.revision ?? 'unknown'}`;
  return new CutoverError(`${namesOf(state)} ${found}, but revision ${state.current ?? 'none'} should be serving`, {
    code: 'changed',
    hint: `Somebody changed it outside of Cutover. ${wayOn}`,
  });
}

function disagreeing(found: readonly LiveTraffic[]): CutoverError {
  const positions = found.map(({ active, before }) =>
    active.kind === 'none'
      ? `${describeRef(before.ref)} is gone`
      : `${describeRef(before.ref)} leads to ${active.role}`,
  );
  return new CutoverError(`The public Services do not lead users to the same role: ${positions.join(', ')}`, {
    code: 'roles',
    hint: 'If a switch was interrupted, run its step again: it finishes the switch. Otherwise somebody moved one of them: lead all of them to the role that should serve, then run this step again.',
  });
}

function serviceMoved(message: string, hint = wayOn): CutoverError {
  return new CutoverError(message, {
    code: 'changed',
    hint: `Somebody or something changed it outside of Cutover. ${hint}`,
  });
}
