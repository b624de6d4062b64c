import { CutoverError } from '../../errors.js';
import { describeRef } from '../../kubernetes/object.js';
import type { BlueGreenState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { Active, PodLabels } from '../../traffic/active-role.js';
import type { LiveTraffic } from '../../traffic/router.js';
import { routerOf } from '../../traffic/routers.js';
import type { Users } from '../outcome/serving.js';

/** Which role users of a recorded release reach, as its live public Service says. */
export function readActive(
  ctx: RunContext,
  state: Pick<BlueGreenState, 'publicService' | 'roleNames' | 'roles'>,
): Promise<LiveTraffic> {
  return routerOf(ctx, state.publicService).read({ roles: state.roleNames, podLabels: podLabelsOf(state) });
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

/** Whom the public Service serves. The revision is that of the role: the current one is another after somebody has led users back. */
export function usersOf({ roles, adopted }: BlueGreenState, active: Active): Users {
  if (active.kind === 'none') return { kind: 'none' };
  const revision = roles[active.role]?.revision;
  return {
    kind: 'role',
    role: active.role,
    ...(revision !== undefined && { revision }),
    ...(adopted !== undefined && { adopted: adopted.ref }),
  };
}

/**
 * The role that users leave when `role` gets the traffic; `undefined` for the first release. Throws `changed` when the
 * public Service is not what the record says: somebody moved it, and a switch would start from the wrong role.
 */
export function roleToLeave(state: BlueGreenState, active: Active, role: string): string | undefined {
  const name = describeRef(state.publicService);
  if (active.kind === 'none') {
    if (state.current === undefined) return undefined;
    throw serviceMoved(
      `${name} is gone, but revision ${state.current} should be serving through it`,
      'Apply it again as it was, then run this step again.',
    );
  }
  if (active.role === role) {
    // A run that was killed after the switch left just this; the same step finishes its work.
    if (state.operation?.kind === 'switch') return state.current === undefined ? undefined : active.idle;
    throw serviceMoved(`${name} selects ${role} already, though nothing was promoted there`);
  }
  const recorded = state.roles[active.role]?.revision;
  if (state.current !== undefined && recorded !== state.current) {
    throw serviceMoved(
      `${name} selects ${active.role} (revision ${recorded ?? 'unknown'}), but revision ${state.current} should be serving`,
    );
  }
  return active.role;
}

function podLabelsOf({ roles }: Pick<BlueGreenState, 'roles'>): PodLabels {
  return Object.fromEntries(Object.entries(roles).map(([role, { podLabels }]) => [role, podLabels]));
}

const wayOn =
  'Run `action: rollback`: if users are back on the previous version already, it records that; otherwise it sends them there. Or restore the selector and run this step again.';

function activeNotOnRecord(state: BlueGreenState, active: Active): CutoverError {
  const found =
    active.kind === 'none'
      ? 'is gone'
      : `selects ${active.role}, revision ${state.roles[active.role]?.revision ?? 'unknown'}`;
  return new CutoverError(
    `${describeRef(state.publicService)} ${found}, but revision ${state.current ?? 'none'} should be serving`,
    {
      code: 'changed',
      hint: `Somebody changed it outside of Cutover. ${wayOn}`,
    },
  );
}

function serviceMoved(message: string, hint = wayOn): CutoverError {
  return new CutoverError(message, {
    code: 'changed',
    hint: `Somebody or something changed it outside of Cutover. ${hint}`,
  });
}
