import { describe, expect, it } from '@jest/globals';
import {
  abandonAdopt,
  asBlueGreen,
  asRolling,
  begin,
  completeAdopt,
  completeFinish,
  completeLeave,
  hasRoles,
  type Adopting,
  type Leaving,
} from '../../src/release/transitions.js';
import { newBlueGreen, newRolling, type BlueGreenState, type HistoryEntry } from '../../src/release/state.js';
import type { AdoptOperation } from '../../src/release/operation.js';

const service = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
const names = { publicServices: [service], roleNames: ['blue', 'green'] as const } as const;
const deployment = { ref: { ...service, apiVersion: 'apps/v1', kind: 'Deployment' }, uid: 'u' };
const begun = { run: 'https://ci.example/7', holder: 'run 7' };
const entry = (revision: number, outcome: HistoryEntry['outcome']): HistoryEntry => ({
  ...{ revision, outcome, at: '2026-03-01T12:00:00Z', run: begun.run, actor: 'alice', sha: 'abc', images: [] },
});
const rolling = {
  ...newRolling('web'),
  ...{ latest: 4, revisions: [3, 4], current: 4, applied: { key: 'hash' }, history: [entry(4, 'deployed')] },
};
const record = { podLabels: [{ role: 'blue' }], deployments: [], revision: 5 };

function adopting(state: BlueGreenState, wasRolling: boolean): Adopting {
  const operation: AdoptOperation = {
    kind: 'adopt',
    revision: state.latest + 1,
    role: 'blue',
    deployments: [{ ...deployment, template: 't', imageIds: {} }],
    ...begun,
    ...(wasRolling && { wasRolling }),
  };
  return { ...begin(state, operation), operation };
}

describe('a rolling release that is adopted', () => {
  const state = adopting(asBlueGreen(rolling, names), true);

  it('goes on with its numbers, its revisions and its history', () => {
    expect(state).toMatchObject({ strategy: 'blue-green', latest: 5, revisions: [3, 4, 5], current: 4, roles: {} });
    expect(state.history).toEqual(rolling.history);
    expect(hasRoles(state)).toBe(false);
  });

  it('is what it was when the adoption is abandoned, but for the number', () => {
    const failed = entry(5, 'failed');
    const history = [failed, ...rolling.history];
    expect(abandonAdopt(state, failed)).toEqual({ ...rolling, latest: 5, revisions: [3, 4, 5], history });
  });

  it('has users on the role when it is complete, and the Deployment on record', () => {
    const done = completeAdopt(state, entry(5, 'adopted'), record);
    expect(done).toMatchObject({ current: 5, adopted: [deployment], roles: { blue: record } });
    expect(done).not.toHaveProperty('operation');
    expect(hasRoles(done)).toBe(true);
  });
});

describe('an application of others', () => {
  it('has no release when its adoption is abandoned', () => {
    const abandoned = abandonAdopt(adopting(newBlueGreen('web', names), false), entry(1, 'failed'));
    expect(abandoned).toMatchObject({ strategy: 'blue-green', latest: 1, roles: {} });
    expect(abandoned).not.toHaveProperty('current');
  });

  it.each([
    ['promote', false],
    ['rollback', true],
  ] as const)('is on record as adopted after the work of a %s: %s', (direction, isKept) => {
    const adopted = completeAdopt(adopting(newBlueGreen('web', names), false), entry(1, 'adopted'), record);
    const finished = completeFinish({ ...adopted, operation: { kind: 'finish', direction, revision: 2, ...begun } });
    expect('adopted' in finished).toBe(isKept);
    expect(finished).not.toHaveProperty('operation');
  });
});

describe('a release that leaves its roles', () => {
  const state: BlueGreenState = {
    ...newBlueGreen('web', names),
    ...{ latest: 6, revisions: [5, 6], current: 5, roles: { blue: record }, adopted: [deployment] },
  };
  const operation = { kind: 'leave', revision: 6, role: 'blue', ...begun } as const;

  it('is a rolling release of the new revision, and compares everything at the next deploy', () => {
    const leaving: Leaving = { ...state, applied: { key: 'hash' }, operation };
    const history = [entry(6, 'deployed')];
    expect(completeLeave(leaving, entry(6, 'deployed'))).toEqual({
      ...newRolling('web'),
      ...{ latest: 6, revisions: [5, 6], current: 6, history },
    });
  });

  it('has nothing of the roles left', () => {
    expect(asRolling(state)).toEqual({ ...newRolling('web'), latest: 6, revisions: [5, 6], current: 5 });
  });
});
