import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Roles } from '../../src/inputs/inputs.js';
import { openRecords } from '../../src/release/records.js';
import { newBlueGreen, newRolling, type BlueGreenState, type HistoryEntry } from '../../src/release/state.js';
import type { FinishOperation, StageOperation, SwitchOperation } from '../../src/release/operation.js';
import { roleToLeave } from '../../src/strategies/blue-green/live-traffic.js';
import { roleToRollBackTo } from '../../src/strategies/blue-green/rollback/rollback-target.js';
import { readBlueGreen, readRelease } from '../../src/strategies/shared/recorded-release.js';
import { otherRole, type Active } from '../../src/traffic/active-role.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { operationOn, stepOn } from '../support/strategies/context.js';
import { denied } from '../support/strategies/web-release.js';
import { listLog } from '../support/log.js';

const roles: Roles = ['blue', 'green'];
const labelsOf = (role: string) => ({ app: 'web', role });
const podLabels = { blue: [labelsOf('blue')], green: [labelsOf('green')] };
const errorOf = (work: () => unknown): CutoverError => {
  try {
    work();
  } catch (error) {
    return error as CutoverError;
  }
  throw new Error('it did not fail');
};

const publicService = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const state = (more: Partial<BlueGreenState> = {}): BlueGreenState => ({
  ...newBlueGreen('web', { publicServices: [publicService], roleNames: roles }),
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
const begun = { run: 'x', holder: 'y' };
const switching = (role: string, revision: number, direction: SwitchOperation['direction']): SwitchOperation => ({
  ...{ ...begun, kind: 'switch', direction, role, revision },
  services: [{ before: { ref: publicService }, sent: true }],
});
const finishing: FinishOperation = { ...begun, kind: 'finish', direction: 'promote', leftRole: 'blue', revision: 2 };

describe('the role that users leave when green is promoted', () => {
  const none: Active = { kind: 'none' };

  it.each<[string, BlueGreenState, Active, string | undefined]>([
    ['is none before the first release', state(), none, undefined],
    ['is blue, as the record says', state({ current: 1 }), on('blue'), 'blue'],
    ['is blue, which was live before the first release', state(), on('blue'), 'blue'],
    [
      'is blue after a killed run that had switched already',
      state({ current: 1, operation: switching('green', 2, 'promote') }),
      on('green'),
      'blue',
    ],
    [
      'is none after a killed run that had created the first Service',
      state({ operation: switching('green', 2, 'promote') }),
      on('green'),
      undefined,
    ],
    [
      'still on blue: a killed run had not switched yet',
      state({ current: 1, operation: switching('green', 2, 'promote') }),
      on('blue'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToLeave(recorded, active, 'green')).toBe(expected);
  });

  it.each<[string, BlueGreenState, Active, string]>([
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
      state({ current: 2, roles: { blue: { podLabels: [], deployments: [] } } }),
      on('blue'),
      'Service shop/web selects blue (revision unknown), but revision 2 should be serving',
    ],
  ])('is an error when %s', (_what, ...[recorded, active, message]) => {
    const error = errorOf(() => roleToLeave(recorded, active, 'green'));
    expect(error).toMatchObject({ code: 'changed', message });
    expect(error.hint).toContain(active.kind === 'none' ? 'Apply it again' : '`action: rollback`');
  });
});

describe('the role that a rollback goes to', () => {
  const staged = (revision: number) => ({ revision, role: 'green', objects: [] });
  const staging = (role: string): StageOperation => ({ ...begun, kind: 'stage', role, revision: 3 });
  const neverServed = { blue: state().roles['blue']!, green: { podLabels: podLabels.green, deployments: [] } };
  const rolledBack: HistoryEntry = {
    ...{ revision: 1, outcome: 'rolled-back', role: 'blue', at: '2026-03-01T12:00:00Z' },
    ...{ run: 'x', actor: 'alice', sha: '0', images: [] },
  };

  it.each([
    ['to the idle role', state({ current: 2 }), on('green'), 'blue'],
    [
      'to the idle role while a step of another kind is unfinished',
      state({ operation: finishing }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has switched',
      state({ staged: staged(2), operation: switching('green', 2, 'promote') }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has not switched',
      state({ staged: staged(2), operation: switching('green', 2, 'promote') }),
      on('blue'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has not switched',
      state({ operation: switching('blue', 1, 'rollback') }),
      on('green'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has switched',
      state({ operation: switching('blue', 1, 'rollback') }),
      on('blue'),
      'blue',
    ],
    ['to where users are, once somebody has led them back', state({ current: 2 }), on('blue'), 'blue'],
    [
      'to where users are, also if an unfinished staging was to replace what the role ran',
      state({ current: 2, operation: staging('blue') }),
      on('blue'),
      'blue',
    ],
    [
      'to the idle role, from an unfinished staging on a role that never served',
      state({ current: 1, roles: neverServed, operation: staging('green') }),
      on('green'),
      'blue',
    ],
    [
      'to the idle role, from an unfinished staging on the role that an earlier rollback left',
      state({ current: 1, history: [rolledBack], operation: staging('green') }),
      on('green'),
      'blue',
    ],
    [
      'nowhere, from an unfinished staging on the role that an earlier rollback restored',
      state({ current: 1, history: [rolledBack], operation: staging('blue') }),
      on('blue'),
      'blue',
    ],
    [
      'to the idle role, from the role that an earlier rollback left, also if the next one was killed',
      state({ current: 1, history: [rolledBack], operation: { ...begun, kind: 'prepare', role: 'blue', revision: 1 } }),
      on('green'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToRollBackTo(recorded, active.role)).toBe(expected);
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

  it('is missed with the names of those that exist', async () => {
    const cluster = memoryCluster();
    const other = openRecords({ cluster, release: 'shop', namespace: 'shop', log: listLog() }).writable(cluster);
    await other.writeState(newRolling('shop'));
    const message = 'There is no release web in namespace shop, only shop';
    await expect(readRelease(stepOn(cluster))).rejects.toMatchObject({ message });
    // The right to list them is optional.
    cluster.before = call => {
      if (call === 'LIST Secret') throw denied;
    };
    await expect(readRelease(stepOn(cluster))).rejects.toMatchObject({
      message: 'There is no release web in namespace shop',
    });
  });

  it('must be of a blue/green release where only that can be promoted or rejected', async () => {
    const ctx = operationOn(memoryCluster());
    await ctx.records.writeState(newRolling('web'));
    await expect(readBlueGreen(ctx, 'promote')).rejects.toMatchObject({
      code: 'input',
      message: 'Release web is deployed by rolling updates, so there is nothing to promote',
    });
    expect(await readRelease(ctx)).toEqual(newRolling('web'));
  });
});
