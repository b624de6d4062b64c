import { describe, expect, it } from '@jest/globals';
import { previousRevision } from '../../src/release/retention.js';
import type {
  BlueGreenState,
  HistoryEntry,
  ReleaseState,
  RoleRecord,
  RollingState,
  StagedRecord,
} from '../../src/release/state.js';
import type { BlueGreenOperation, Operation, RollingOperation, SwitchOperation } from '../../src/release/operation.js';
import { newBlueGreen, newRolling } from '../../src/release/state.js';
import {
  abandon,
  begin,
  completeFinish,
  completeReject,
  completeRollout,
  completeStage,
  completeSwitch,
  withHistory,
  withoutStaged,
  type InProgress,
} from '../../src/release/transitions.js';

const publicService = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const begun = { run: 'https://ci.example/7', holder: '7/1/deploy/abc' };
const entry = (revision: number, outcome: HistoryEntry['outcome']): HistoryEntry => ({
  ...{ revision, outcome, at: '2026-03-01T12:00:00.000Z', images: [] },
  ...{ run: begun.run, actor: 'alice', sha: 'abc' },
});
const role = (name: string, revision?: number): RoleRecord => ({
  podLabels: [{ role: name }],
  deployments: [],
  ...(revision !== undefined && { revision, contentHash: `hash of ${revision}` }),
});

const first = newRolling('web');
const rolling: RollingState = {
  ...first,
  ...{ latest: 2, revisions: [1, 2], current: 2, applied: { web: 'old' }, history: [entry(2, 'deployed')] },
};
const bare = newBlueGreen('web', { publicServices: [publicService], roleNames: ['blue', 'green'] });
/** Users are on blue; green ran revision 2 once. */
const served: BlueGreenState = {
  ...bare,
  ...{ latest: 2, revisions: [1, 2], current: 1, history: [entry(1, 'rolled-back')] },
  roles: { blue: role('blue', 1), green: role('green', 2) },
};
const staged: StagedRecord = { revision: 3, role: 'green', objects: [], previous: role('green', 2) };
/** Revision 3 is staged on green. */
const stagedOnGreen: BlueGreenState = {
  ...served,
  ...{ latest: 3, revisions: [1, 2, 3], staged, history: [entry(3, 'staged'), ...served.history] },
  roles: { blue: role('blue', 1), green: role('green', 3) },
};

const on = { ...begun, role: 'green' };
const adopted = { ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' }, uid: 'u' };
const blueGreen: readonly BlueGreenOperation[] = [
  { ...on, kind: 'adopt', revision: 3, deployments: [{ ...adopted, template: 'abc', imageIds: {} }] },
  { ...on, kind: 'stage', revision: 3 },
  { ...on, kind: 'reject', revision: 3 },
  { ...on, kind: 'prepare', revision: 2 },
  { ...on, kind: 'switch', direction: 'promote', revision: 3, services: [{ before: { ref: publicService } }] },
  { ...on, kind: 'switch', direction: 'rollback', revision: 2, services: [{ before: { ref: publicService } }] },
  { ...begun, kind: 'finish', direction: 'promote', revision: 3, leftRole: 'blue' },
];
const named = (operation: Operation): string =>
  'direction' in operation ? `${operation.kind} (${operation.direction})` : operation.kind;
const states: readonly (readonly [string, BlueGreenState])[] = [
  ['was never deployed', bare],
  ['serves', served],
  ['has a staged revision', stagedOnGreen],
  ...blueGreen.map(operation => [`has an unfinished ${named(operation)}`, { ...stagedOnGreen, operation }] as const),
];
const rows = states.flatMap(([name, state]) =>
  blueGreen.map(operation => [named(operation), name, operation, state] as const),
);

describe('beginning an operation', () => {
  it.each(rows)(
    '%s, of a release that %s: only the operation is new, and its revision',
    (...[, , operation, state]) => {
      const { operation: _earlier, ...rest } = state;
      const revisions = new Set([...state.revisions, operation.revision]);
      expect(begin(state, operation)).toEqual({
        ...rest,
        latest: Math.max(state.latest, operation.revision),
        revisions: [...revisions],
        operation,
      });
    },
  );

  it.each<[string, RollingState, RollingOperation, Pick<RollingState, 'latest' | 'revisions'>]>([
    ['a first deploy', first, { ...begun, kind: 'deploy', revision: 1 }, { latest: 1, revisions: [1] }],
    ['a deploy', rolling, { ...begun, kind: 'deploy', revision: 3 }, { latest: 3, revisions: [1, 2, 3] }],
    [
      'a rollback, whose revision is on record',
      rolling,
      { ...begun, kind: 'rollback', revision: 1 },
      { latest: 2, revisions: [1, 2] },
    ],
    [
      'a deploy after one that was interrupted',
      { ...rolling, operation: { ...begun, kind: 'deploy', revision: 2 } },
      { ...begun, kind: 'deploy', revision: 3 },
      { latest: 3, revisions: [1, 2, 3] },
    ],
  ])('%s: the current revision stays', (_what, ...[state, operation, counted]) => {
    expect(begin(state, operation)).toEqual({ ...state, operation, ...counted });
  });

  it('leaves the state that it was given as it is', () => {
    const before = structuredClone(stagedOnGreen);
    for (const operation of blueGreen) begin(stagedOnGreen, operation);
    expect(stagedOnGreen).toEqual(before);
  });
});

describe('abandoning an operation', () => {
  const inProgress: readonly (readonly [string, ReleaseState])[] = [
    ...(['deploy', 'rollback'] as const).map(
      kind => [kind, { ...rolling, operation: { ...begun, kind, revision: 2 } }] as const,
    ),
    ...blueGreen.map(operation => [named(operation), { ...stagedOnGreen, operation }] as const),
  ];

  it.each(inProgress)('%s: the rest stays, and the failure is in the history', (_kind, state) => {
    const { operation: _ended, ...rest } = state;
    const failed = entry(3, 'failed');
    expect(abandon(state, failed)).toEqual({ ...rest, history: [failed, ...state.history] });
    expect(abandon(state)).toEqual(rest);
  });

  it.each(inProgress)('%s: a state without it is left as it is', (_kind, state) => {
    const ended = abandon(state);
    expect(abandon(ended)).toEqual(ended);
  });
});

/** A switch that is verified, the role that users left, and what stays staged. */
interface Switched {
  readonly state: InProgress<BlueGreenState>;
  readonly left: string | undefined;
  readonly stays?: StagedRecord;
}

describe('completing an operation', () => {
  it.each(['deploy', 'rollback'] as const)('%s: its revision is current, with what was applied', kind => {
    const state: RollingState = { ...rolling, operation: { ...begun, kind, revision: 1 } };
    const done = entry(1, kind === 'deploy' ? 'deployed' : 'rolled-back');
    expect(completeRollout(state, done, { web: 'new' })).toEqual({
      ...rolling,
      ...{ current: 1, applied: { web: 'new' }, history: [done, ...rolling.history] },
    });
  });

  it.each([
    ['over nothing', begin(served, blueGreen[1]!)],
    ['over an earlier staging', begin(stagedOnGreen, { ...on, kind: 'stage', revision: 4 })],
    ['before the first release', begin(bare, { ...on, kind: 'stage', revision: 1 })],
  ] as const)('stage, %s: it is staged, and users stay', (_what, state) => {
    const { operation, ...rest } = state;
    const record = role('green', operation.revision);
    const now = { revision: operation.revision, role: 'green', objects: [] };
    const done = entry(operation.revision, 'staged');
    expect(completeStage(state, { entry: done, staged: now, record, applied: { web: 'x' }, left: [] })).toEqual({
      ...rest,
      ...{ staged: now, applied: { web: 'x' }, history: [done, ...state.history] },
      roles: { ...state.roles, green: record },
    });
  });

  it('reject: nothing is staged, and the role is what it was before', () => {
    const { staged: _none, ...rest } = stagedOnGreen;
    const done = entry(3, 'rejected');
    expect(completeReject(begin(stagedOnGreen, blueGreen[2]!), done)).toEqual({
      ...rest,
      ...{ roles: served.roles, history: [done, ...stagedOnGreen.history] },
    });
  });

  it('reject, of a role that had never been used: it has no revision', () => {
    const { previous: _none, ...firstOnGreen } = staged;
    const { roles } = completeReject({ ...stagedOnGreen, staged: firstOnGreen }, entry(3, 'rejected'));
    expect(roles['green']).toEqual(role('green'));
  });

  it('reject, of what an interrupted staging left: the role stays as it is on record', () => {
    const interrupted = begin(served, blueGreen[2]!);
    expect(completeReject(interrupted, entry(3, 'rejected'))).toMatchObject({ roles: served.roles, current: 1 });
  });

  const promoting = begin(stagedOnGreen, blueGreen[4]! as SwitchOperation);
  const rollingBack = begin(stagedOnGreen, blueGreen[5]! as SwitchOperation);

  it.each<[string, Switched, number]>([
    ['promote', { state: promoting, left: 'blue' }, 3],
    ['promote, of a first release', { state: promoting, left: undefined }, 3],
    // What is staged stays staged: users have left for another revision.
    ['rollback', { state: rollingBack, left: 'blue', stays: staged }, 2],
  ])(
    'switch (%s): users are on its revision, and the work after it is begun',
    (_direction, ...[{ state, left, stays }, current]) => {
      const { operation, staged: _staged, ...rest } = state;
      const done = entry(current, 'switched');
      const leaving = left === undefined ? {} : { leftRole: left, leftPods: ['a', 'b'] };
      expect(completeSwitch(state, done, leaving)).toEqual({
        ...rest,
        ...{ current, history: [done, ...state.history] },
        ...(stays !== undefined && { staged: stays }),
        operation: {
          ...{ ...begun, kind: 'finish', direction: (operation as SwitchOperation).direction, revision: current },
          ...leaving,
        },
      });
    },
  );

  it('switch: there must be one', () => {
    for (const operation of blueGreen.filter(({ kind }) => kind !== 'switch'))
      expect(() => completeSwitch({ ...stagedOnGreen, operation }, entry(3, 'switched'), { leftRole: 'blue' })).toThrow(
        'no switch is in progress',
      );
    expect(() => completeSwitch(stagedOnGreen, entry(3, 'switched'), { leftRole: 'blue' })).toThrow(
      'no switch is in progress',
    );
  });

  it('finish: nothing is left to do', () => {
    expect(completeFinish(begin(stagedOnGreen, blueGreen[6]!))).toEqual(stagedOnGreen);
  });
});

describe('a state without what is staged', () => {
  it('is the same where nothing is staged', () => {
    expect(withoutStaged(served)).toBe(served);
  });

  it('does not invent a role that is not on record', () => {
    expect(withoutStaged({ ...bare, staged: { revision: 1, role: 'green', objects: [] } }).roles).toEqual({
      green: { podLabels: [], deployments: [] },
    });
  });
});

describe('the history', () => {
  it('has the newest entry first, and at most fifty', () => {
    const long = Array.from({ length: 60 }, (_, index) => index + 1).reduce<RollingState>(
      (state, number) => withHistory(state, entry(number, 'deployed')),
      first,
    );
    expect(long.history).toHaveLength(50);
    expect(long.history[0]?.revision).toBe(60);
  });

  it('keeps what a rollback goes to, however many deploys have failed since', () => {
    const failures = Array.from({ length: 60 }, (_, index) => entry(index + 3, 'failed'));
    const served = [entry(1, 'deployed'), entry(2, 'deployed')];
    const state = { ...first, current: 2, revisions: [1, 2] };
    const long = [...served, ...failures].reduce<RollingState>(withHistory, state);
    expect(long.history).toHaveLength(52);
    expect(previousRevision(long)).toBe(1);
  });
});
