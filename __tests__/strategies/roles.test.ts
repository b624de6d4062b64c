import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Roles } from '../../src/inputs/inputs.js';
import { newState, type ReleaseState } from '../../src/release/state.js';
import { rolesOf, roleToLeave } from '../../src/strategies/blue-green/live-traffic.js';
import { roleToRollBackTo } from '../../src/strategies/blue-green/rollback.js';
import { readBlueGreen, readRelease } from '../../src/strategies/shared/recorded-release.js';
import { otherRole, type Active } from '../../src/traffic/active-role.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { stepOn } from '../support/strategies/context.js';

const roles: Roles = ['blue', 'green'];
const labelsOf = (role: string) => ({ app: 'web', role });
const podLabels = { blue: labelsOf('blue'), green: labelsOf('green') };
const errorOf = (work: () => unknown): CutoverError => {
  try {
    work();
  } catch (error) {
    return error as CutoverError;
  }
  throw new Error('it did not fail');
};

const publicService = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const state = (more: Partial<ReleaseState> = {}): ReleaseState => ({
  ...newState('web', 'blue-green'),
  publicService,
  roleNames: roles,
  roles: {
    blue: { podLabels: podLabels.blue, deployments: [], revision: 1 },
    green: { podLabels: podLabels.green, deployments: [], revision: 2 },
  },
  ...more,
});
const on = (role: 'blue' | 'green'): Extract<Active, { kind: 'role' }> => ({
  kind: 'role',
  role,
  idle: otherRole(roles, role),
});
const switching = (role: string, revision: number) => ({ kind: 'switch', role, revision, run: 'x' }) as const;

describe('the role that users leave when green is promoted', () => {
  const none: Active = { kind: 'none' };

  it.each<[string, ReleaseState, Active, string | undefined]>([
    ['is none before the first release', state(), none, undefined],
    ['is blue, as the record says', state({ current: 1 }), on('blue'), 'blue'],
    ['is blue, which was live before the first release', state(), on('blue'), 'blue'],
    [
      'is blue after a killed run that had switched already',
      state({ current: 1, operation: switching('green', 2) }),
      on('green'),
      'blue',
    ],
    [
      'is none after a killed run that had created the first Service',
      state({ operation: switching('green', 2) }),
      on('green'),
      undefined,
    ],
    [
      'still on blue: a killed run had not switched yet',
      state({ current: 1, operation: switching('green', 2) }),
      on('blue'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToLeave(recorded, active, 'green')).toBe(expected);
  });

  it.each<[string, ReleaseState, Active, string]>([
    [
      'the Service is gone',
      state({ current: 1 }),
      none,
      'Service shop/web is gone, but revision 1 should be serving through it',
    ],
    [
      'somebody else switched',
      state({ current: 1 }),
      on('green'),
      'Service shop/web selects green already, though nothing was promoted there',
    ],
    [
      'the Service selects a role with another revision',
      state({ current: 7 }),
      on('blue'),
      'Service shop/web selects blue (revision 1), but revision 7 should be serving',
    ],
    [
      'the Service selects a role that never got a revision',
      state({ current: 2, roles: { blue: { podLabels: {}, deployments: [] } } }),
      on('blue'),
      'Service shop/web selects blue (revision unknown), but revision 2 should be serving',
    ],
  ])('is an error when %s', (_what, ...[recorded, active, message]) => {
    const error = errorOf(() => roleToLeave(recorded, active, 'green'));
    expect(error).toMatchObject({ code: 'changed', message });
    expect(error.hint).toContain('stage again');
  });
});

describe('the role that a rollback goes to', () => {
  const staged = (revision: number) => ({ revision, role: 'green', workloads: [] });

  it.each([
    ['to the idle role', state({ current: 2 }), on('green'), 'blue'],
    [
      'to the idle role while a step of another kind is unfinished',
      state({ operation: { ...switching('green', 2), kind: 'finish' } }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has switched',
      state({ staged: staged(2), operation: switching('green', 2) }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has not switched',
      state({ staged: staged(2), operation: switching('green', 2) }),
      on('blue'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has not switched',
      state({ operation: switching('blue', 1) }),
      on('green'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has switched',
      state({ operation: switching('blue', 1) }),
      on('blue'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToRollBackTo(recorded, active)).toBe(expected);
  });
});

describe('the record that an action starts from', () => {
  it('must exist', async () => {
    await expect(readRelease(stepOn(memoryCluster()))).rejects.toMatchObject({
      code: 'no-revision',
      message: 'There is no release web in namespace shop',
      hint: expect.stringContaining('`cutover-<release>`') as unknown,
    });
  });

  it('must be of a blue/green release where only that can be promoted or rejected', async () => {
    const ctx = stepOn(memoryCluster());
    await ctx.records.writeState(newState('web', 'rolling'));
    await expect(readBlueGreen(ctx, 'promote')).rejects.toMatchObject({
      code: 'input',
      message: 'Release web is deployed by rolling updates, so there is nothing to promote',
    });
    expect(await readRelease(ctx)).toEqual(newState('web', 'rolling'));
  });

  it('must name its roles and its public Service', () => {
    expect(rolesOf(state())).toEqual(roles);
    const bare = newState('web', 'blue-green');
    expect(errorOf(() => rolesOf(bare))).toMatchObject({
      code: 'record',
      message: 'The record of release web does not say which roles it has',
    });
    expect(errorOf(() => roleToLeave(bare, on('blue'), 'green'))).toMatchObject({
      code: 'record',
      message: 'The record of release web does not say which Service is the public one',
    });
  });
});
