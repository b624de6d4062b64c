import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf } from '../../src/kubernetes/object.js';
import { historyEntry } from '../../src/release/revision.js';
import { RecordBase } from '../../src/release/record-base.js';
import { newRolling, type ReleaseState } from '../../src/release/state.js';
import { promote, type PromoteRequest } from '../../src/strategies/blue-green/promote.js';
import { reject } from '../../src/strategies/blue-green/reject.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { deployment, publicRef, publicService, revision, selectedRole, staged } from '../support/strategies/shop.js';
import { operationOn, runOf, stepOn } from '../support/strategies/context.js';

const promotion: PromoteRequest = {
  timeoutMs: 1000,
  lockTimeoutMs: 0,
  policy: {
    idlePolicy: { policy: 'keep' },
    drainMs: 0,
    closeConnections: 'off',
    timeoutMs: 60_000,
    stableForMs: 0,
    rollbackOnFailure: true,
    historyLimit: 10,
  },
};

/** A context on a cluster where blue is active and the record is `state`. */
async function stepWith(given: ReleaseState) {
  const state = { ...given, base: new RecordBase() };
  const cluster = memoryCluster();
  await cluster.apply(publicService('blue'));
  const ctx = stepOn(cluster);
  const { records } = operationOn(cluster);
  await records.writeRevision(revision('blue'), state);
  await records.writeRevision(revision('green', { before: [{ ref: refOf(deployment('green')) }] }), state);
  await records.writeState(state);
  cluster.calls.length = 0;
  return { cluster, ctx };
}

const { staged: _none, ...unstaged } = staged();
const last = (outcome: 'switched' | 'rejected' | 'rolled-back' | 'staged') => [
  historyEntry(runOf(1), revision('green'), outcome),
];

describe('a promotion', () => {
  it.each<[string, ReleaseState, number | undefined, string]>([
    ['nothing was ever staged', unstaged, undefined, 'Nothing is staged for release web'],
    [
      'what was staged was rejected',
      { ...unstaged, history: last('rejected') },
      undefined,
      'Nothing is staged for release web',
    ],
    [
      'the last operation was a rollback',
      { ...unstaged, history: last('rolled-back') },
      undefined,
      'Nothing is staged for release web',
    ],
    [
      'another revision is requested than is staged',
      staged(),
      7,
      'Revision 7 is not what is staged: that is revision 2 on green',
    ],
    ['nothing is staged and another revision is requested', unstaged, 7, 'Nothing is staged for release web'],
  ])('is refused, and nothing is written, when %s', async (_what, ...[state, requested, message]) => {
    const { cluster, ctx } = await stepWith(state);
    const promoting = promote(ctx, { ...promotion, ...(requested !== undefined && { revision: requested }) });
    await expect(promoting).rejects.toMatchObject({ code: 'nothing-staged', message });
    expect(cluster.writes()).toEqual([]);
  });

  it.each([undefined, 2])(
    'of what was promoted before changes nothing and reports it (revision: %s)',
    async requested => {
      const { cluster, ctx } = await stepWith({ ...unstaged, current: 2, history: last('switched') });
      await cluster.apply(publicService('green'));
      cluster.calls.length = 0;
      const outcome = await promote(ctx, { ...promotion, ...(requested !== undefined && { revision: requested }) });
      expect(outcome).toMatchObject({
        outcome: 'unchanged',
        revision: 2,
        activeRole: 'green',
        idleRole: 'blue',
        serving: { kind: 'promoted-before', role: 'green', revision: 2 },
      });
      expect(cluster.writes()).toEqual([]);
    },
  );

  it('without the required approval takes no lock and writes nothing', async () => {
    const { cluster, ctx } = await stepWith(staged());
    const refused = new Error('not approved');
    await expect(promote(ctx, { ...promotion, approve: () => Promise.reject(refused) })).rejects.toBe(refused);
    expect(cluster.writes()).toEqual([]);
  });

  it('of a role that was changed since it was verified is refused, and users stay', async () => {
    const objects = [{ ref: refOf(deployment('green')), uid: 'u1', hash: 'x', templateHash: 'abc' }];
    const { cluster, ctx } = await stepWith(staged({ staged: { revision: 2, role: 'green', objects } }));
    await cluster.apply(deployment('green'));
    const failed = await promote(ctx, promotion).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(FailedStep);
    expect(failed).toMatchObject({
      error: {
        code: 'changed',
        message:
          'What is staged on green is not what was verified: Deployment shop/web-green was deleted and recreated',
        hint: expect.stringContaining('Stage again') as unknown,
      },
      outcome: { serving: { kind: 'not-switched', active: 'blue' }, activeRole: 'blue' },
    });
    expect(selectedRole(cluster)).toBe('blue');
    expect(ctx.savedPostStates).toMatchObject([{ release: 'web', namespace: 'shop' }]);
    expect(ctx.clearedPostStates).toEqual(ctx.savedPostStates);
  });

  it('leaves its lock to the post step when it cannot release it', async () => {
    const { cluster, ctx } = await stepWith(staged());
    await cluster.apply(publicService('green'));
    const cause = new CutoverError('no right to delete leases', { code: 'forbidden' });
    cluster.before = call => {
      if (call === 'REMOVE Lease shop/cutover-web') throw cause;
    };
    await expect(promote(ctx, promotion)).rejects.toMatchObject({ code: 'changed' });
    expect(ctx.clearedPostStates).toEqual([]);
    expect(ctx.log.lines).toContain(
      'The lock of web could not be released yet: Lease shop/cutover-web could not be deleted: no right to delete leases',
    );
  });

  it('is refused when somebody has switched already', async () => {
    const { cluster, ctx } = await stepWith(staged());
    await cluster.apply(publicService('green'));
    await expect(promote(ctx, promotion)).rejects.toMatchObject({
      code: 'changed',
      message: 'Service shop/web selects green already, though nothing was promoted there',
    });
  });
});

describe('a rejection', () => {
  const inputs = {
    action: 'reject',
    timeoutMs: 1000,
    lockTimeoutMs: 0,
    historyLimit: 10,
    run: runOf(1),
    environment: {},
  } as const;

  it('deletes what staging created and restores the record of the role', async () => {
    const previous = { podLabels: [{ app: 'web', role: 'green' }], deployments: [] };
    const { cluster, ctx } = await stepWith(staged({ staged: { revision: 2, role: 'green', objects: [], previous } }));
    await cluster.apply(deployment('green'));
    cluster.calls.length = 0;
    expect(await reject(ctx, inputs)).toMatchObject({
      outcome: 'rejected',
      revision: 2,
      activeRole: 'blue',
      idleRole: 'green',
      changes: [{ ref: refOf(deployment('green')), change: 'deleted' }],
      serving: {
        kind: 'rejected',
        users: { kind: 'role', role: 'blue', revision: 1 },
        revision: 2,
        role: 'green',
        restored: { kind: 'complete', ready: false, withheld: [], kept: [], left: [] },
      },
    });
    expect(cluster.store.get(refOf(deployment('green')))).toBeUndefined();
    expect(cluster.writes().filter(call => call.includes('Service'))).toEqual([]);
    expect(await ctx.records.readState()).toEqual({
      ...unstaged,
      roles: { ...unstaged.roles, green: previous },
      history: [expect.objectContaining({ revision: 2, outcome: 'rejected' })],
    });
  });

  it('is refused when nothing is staged', async () => {
    const { cluster, ctx } = await stepWith(unstaged);
    await expect(reject(ctx, inputs)).rejects.toMatchObject({
      code: 'nothing-staged',
      message: 'Nothing is staged for release web',
    });
    expect(cluster.writes()).toEqual([]);
  });

  it('is refused when users are already on the staged role', async () => {
    const { cluster, ctx } = await stepWith(staged());
    await cluster.apply(publicService('green'));
    await cluster.apply(deployment('green'));
    await expect(reject(ctx, inputs)).rejects.toMatchObject({
      code: 'changed',
      message: 'Users are on green, which holds the staged revision 2; nothing was changed',
      hint: expect.stringContaining('action: rollback') as unknown,
    });
    expect(cluster.store.get(refOf(deployment('green')))).toBeDefined();
    expect(cluster.store.get(publicRef)).toBeDefined();
  });

  it('is refused for a release that is deployed by rolling updates', async () => {
    const { ctx } = await stepWith(newRolling('web'));
    await expect(reject(ctx, inputs)).rejects.toMatchObject({ code: 'input' });
  });
});
