import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { Snapshot } from '../../src/plan/change.js';
import { heldLease } from '../../src/release/lock/lease.js';
import { openRecords } from '../../src/release/records.js';
import type { ReleaseState, RollingState } from '../../src/release/state.js';
import type {
  BlueGreenOperation,
  FinishOperation,
  StageOperation,
  SwitchOperation,
} from '../../src/release/operation.js';
import { newRolling } from '../../src/release/state.js';
import { restoreInterrupted } from '../../src/strategies/restore-interrupted.js';
import type { Recovered } from '../../src/strategies/outcome/restored.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import {
  deployment,
  followService,
  podsOf,
  publicRef,
  publicService,
  revision,
  run,
  selectedRole,
  staged,
} from '../support/strategies/shop.js';
import { fakeClock } from '../support/clock.js';
import { runOf, stepOn } from '../support/strategies/context.js';
import { listLog } from '../support/log.js';

const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'shop', name: 'cutover-web' };
/** Whether somebody holds the lock. */
const isHeld = (cluster: MemoryCluster): boolean => cluster.store.get(lease) !== undefined;
const dead = 'the process that was killed';
const begun = { run: runOf(1).url, holder: dead };
const staging = (more: Partial<StageOperation> = {}): StageOperation => ({
  ...{ ...begun, kind: 'stage', revision: 2, role: 'green' },
  ...more,
});
const switching = (more: Partial<SwitchOperation> = {}): SwitchOperation => ({
  ...{ ...begun, kind: 'switch', direction: 'promote', revision: 2, role: 'green' },
  services: [{ before: { ref: publicRef }, sent: true }],
  ...more,
});
const configMap = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  data: { KEY: value },
});

const recordsOf = (cluster: MemoryCluster) =>
  openRecords({ cluster, release: 'web', namespace: 'shop', log: listLog() }).writable(cluster.writer());

/** A cluster as a killed run left it: its lock is held, and its operation is on record. */
async function killed(state: ReleaseState | undefined): Promise<MemoryCluster> {
  const cluster = memoryCluster();
  await cluster.leases.create(heldLease(lease, { holder: dead, run: runOf(1).url }));
  const records = recordsOf(cluster);
  const nothing = newRolling('web');
  await records.writeRevision(revision('blue'), state ?? nothing);
  await records.writeRevision(revision('green'), state ?? nothing);
  if (state !== undefined) await records.writeState(state);
  return cluster;
}

/** Records what the killed run found, in its revision. */
async function recordFound(cluster: MemoryCluster, before: readonly Snapshot[]): Promise<void> {
  const records = recordsOf(cluster);
  // A revision that is not in the state that was read is another run's, and is not overwritten.
  const state = await records.readState();
  await records.writeRevision(revision('green', { before }), state ?? newRolling('web'));
}

const postState = { release: 'web', namespace: 'shop', lockHolder: dead, isWriting: false };

function post(cluster: MemoryCluster, rollbackOnFailure = true): Promise<Recovered> {
  const ctx = stepOn(cluster, { holder: 'the post step', after: dead });
  return restoreInterrupted(ctx, { postState, rollbackOnFailure });
}

const stateIn = (cluster: MemoryCluster) =>
  openRecords({ cluster, release: 'web', namespace: 'shop', log: listLog() }).readState();

describe('after a process was killed', () => {
  it.each([
    ['nothing was on record yet', undefined],
    ['no operation was on record', staged()],
    [
      'the operation is of another process, be it of the same run',
      staged({ operation: switching({ holder: 'another process' }) }),
    ],
  ])('only its lock is released when %s', async (_what, state) => {
    const cluster = await killed(state);
    cluster.calls.length = 0;
    expect(await post(cluster)).toEqual({ kind: 'nothing-unfinished' });
    expect(cluster.writes()).toEqual([
      'CREATE Lease shop/cutover-web',
      'REPLACE Lease shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
    expect(isHeld(cluster)).toBe(false);
    expect(await stateIn(cluster)).toEqual(state);
  });

  it.each([
    ['waits under the lock until the last write is over where one was under way', true, [30_000]],
    ['waits for nothing where none was', false, []],
  ])('the post step %s', async (_what, isWriting, waits) => {
    const cluster = await killed(staged());
    const clock = fakeClock();
    const held: boolean[] = [];
    const wait = clock.wait.bind(clock);
    clock.wait = (ms, signal) => {
      held.push(isHeld(cluster));
      cluster.calls.push(`wait ${ms}`);
      return wait(ms, signal);
    };
    const ctx = stepOn(cluster, { holder: 'the post step', after: dead, clock });
    cluster.calls.length = 0;
    await restoreInterrupted(ctx, { postState: { ...postState, isWriting }, rollbackOnFailure: true });
    expect(clock.waited).toEqual(waits);
    expect(held).toEqual(waits.map(() => true));
    // What is read before may be older than that write.
    expect(cluster.calls.slice(3)).toEqual([
      ...waits.map(ms => `wait ${ms}`),
      'GET Secret shop/cutover-web',
      'REMOVE Lease shop/cutover-web',
    ]);
  });

  it('nothing is restored when another run takes the lock over during that wait', async () => {
    const cluster = await killed(staged({ operation: staging() }));
    const clock = fakeClock();
    const lost = new AbortController();
    clock.wait = () => {
      lost.abort(new CutoverError('taken over', { code: 'locked' }));
      return Promise.resolve();
    };
    const ctx = stepOn(cluster, { holder: 'the post step', after: dead, clock, signal: lost.signal });
    const request = { postState: { ...postState, isWriting: true }, rollbackOnFailure: true };
    expect(await restoreInterrupted(ctx, request)).toEqual({ kind: 'lock-lost' });
    expect(cluster.calls).not.toContain('GET Secret shop/cutover-web.2');
  });

  it('everything stays as it is with `rollback-on-failure: false`', async () => {
    const state = staged({ operation: staging() });
    const cluster = await killed(state);
    expect(await post(cluster, false)).toEqual({ kind: 'left', operation: state.operation });
    expect(await stateIn(cluster)).toEqual(state);
    expect(isHeld(cluster)).toBe(false);
  });

  const { staged: _none, ...unstaged } = staged({ operation: staging() });
  const rolling: RollingState = {
    ...{ ...newRolling('web'), latest: 2, revisions: [1, 2], current: 1 },
    operation: { ...begun, kind: 'deploy', revision: 2 },
  };

  it.each<[string, ReleaseState]>([
    ['deploy', rolling],
    ['stage', unstaged],
  ])('a %s is restored from the record of its revision', async (_kind, state) => {
    const cluster = await killed(state);
    await cluster.apply(configMap('before'));
    const before = cluster.store.get(refOf(configMap('')))!;
    const made = { ref: refOf(deployment('green')) };
    await recordFound(cluster, [{ ref: refOf(before), object: before }, made]);
    await cluster.apply(configMap('after'));
    await cluster.apply(deployment('green'));

    expect(await post(cluster)).toEqual({ kind: 'restored', operation: state.operation, left: [] });
    expect(cluster.store.get(refOf(before))).toMatchObject({ data: { KEY: 'before' } });
    expect(cluster.store.get(made.ref)).toBeUndefined();
    const { operation: _ended, ...rest } = state;
    expect(await stateIn(cluster)).toEqual({
      ...rest,
      history: [expect.objectContaining({ revision: 2, outcome: 'failed', run: runOf(1).url })],
    });
    expect(isHeld(cluster)).toBe(false);
  });

  it('what could not be restored is named, and the operation stays on record', async () => {
    const state = staged({ operation: staging() });
    const cluster = await killed(state);
    await recordFound(cluster, [{ ref: refOf(deployment('green')) }]);
    await cluster.apply(deployment('green'));
    cluster.before = call => {
      if (call.startsWith('REMOVE Deployment')) throw new CutoverError('no right to', { code: 'forbidden' });
    };
    expect(await post(cluster)).toEqual({ kind: 'incomplete', failed: [refOf(deployment('green'))], except: [] });
    expect(await stateIn(cluster)).toEqual(state);
    expect(isHeld(cluster)).toBe(false);
  });

  it('its lock is released even when the record cannot be read', async () => {
    const cluster = await killed(staged({ operation: staging({ revision: 7 }) }));
    await expect(post(cluster)).rejects.toMatchObject({ code: 'no-revision' });
    expect(isHeld(cluster)).toBe(false);
  });

  it('nothing is written when another run has taken over the lock', async () => {
    const state = staged({ operation: staging() });
    const cluster = await killed(state);
    const live = cluster.store.get(lease)!;
    const spec = { ...(live['spec'] as object), holderIdentity: 'another run' };
    cluster.store.update({ ...live, spec });
    cluster.calls.length = 0;
    expect(await post(cluster)).toEqual({ kind: 'lock-lost' });
    expect(cluster.writes()).toEqual(['CREATE Lease shop/cutover-web']);
    expect(await stateIn(cluster)).toEqual(state);
  });
});

describe('after a process was killed in a switch', () => {
  /** The Service was switched from blue to green; the record holds the Service of blue. */
  async function switched(options: { readonly blueIsReady: boolean }) {
    const first = memoryCluster();
    await first.apply(publicService('blue'));
    const before = first.store.get(publicRef)!;
    const state = staged({
      operation: switching({ services: [{ before: { ref: publicRef, object: before }, sent: true }] }),
    });
    const cluster = await killed(state);
    followService(cluster);
    await run(cluster, 'blue', { ready: options.blueIsReady });
    await cluster.apply(publicService('blue'));
    await cluster.apply(publicService('green'));
    return { cluster, state };
  }

  it('users are sent back to the role that they left, and the staged revision stays staged', async () => {
    const { cluster, state } = await switched({ blueIsReady: true });
    expect(await post(cluster)).toEqual({ kind: 'restored', operation: state.operation, left: [] });
    expect(selectedRole(cluster)).toBe('blue');
    const { operation: _ended, ...rest } = state;
    expect(await stateIn(cluster)).toEqual({
      ...rest,
      history: [expect.objectContaining({ revision: 2, outcome: 'failed', role: 'green' })],
    });
  });

  it('users stay where they are when the role that they left has no ready pod', async () => {
    const { cluster, state } = await switched({ blueIsReady: false });
    expect(await post(cluster)).toEqual({ kind: 'no-ready-pod' });
    expect(selectedRole(cluster)).toBe('green');
    expect(await stateIn(cluster)).toEqual(state);
    expect(isHeld(cluster)).toBe(false);
  });

  it('users stay where they are when the role that they left has no pods', async () => {
    const { cluster } = await switched({ blueIsReady: true });
    for (const name of podsOf('blue')) cluster.store.remove({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name });
    expect(await post(cluster)).toEqual({ kind: 'no-ready-pod' });
    expect(selectedRole(cluster)).toBe('green');
  });

  it('the Service of a first release is removed again', async () => {
    const { current: _none, ...first } = staged({
      operation: switching({ services: [{ before: { ref: publicRef }, sent: true }] }),
    });
    const cluster = await killed(first);
    await cluster.apply(publicService('green'));
    expect(await post(cluster)).toEqual({ kind: 'restored', operation: first.operation, left: [] });
    expect(cluster.store.get(publicRef)).toBeUndefined();
  });

  it('users stay on the new role when only the idle policy was left to apply', async () => {
    const finishing: FinishOperation = {
      ...begun,
      kind: 'finish',
      direction: 'promote',
      revision: 2,
      leftRole: 'blue',
    };
    const state = staged({ current: 2, operation: finishing });
    const cluster = await killed(state);
    await cluster.apply(publicService('green'));
    expect(await post(cluster)).toEqual({ kind: 'finish-left' });
    expect(selectedRole(cluster)).toBe('green');
    expect(await stateIn(cluster)).toEqual(state);
  });

  it('users are not sent back to the version that a rollback left', async () => {
    const operation = switching({ direction: 'rollback', revision: 1, role: 'blue' });
    const cluster = await killed(staged({ current: 2, operation }));
    await run(cluster, 'green');
    await cluster.apply(publicService('blue'));
    cluster.calls.length = 0;
    expect(await post(cluster)).toEqual({ kind: 'rollback-left', operation });
    expect(selectedRole(cluster)).toBe('blue');
    expect(cluster.writes().filter(call => !call.includes('Lease'))).toEqual([]);
    expect(isHeld(cluster)).toBe(false);
  });

  it.each<[string, BlueGreenOperation]>([
    ['before it switched', { ...begun, kind: 'prepare', revision: 2, role: 'green' }],
  ])('a rollback that was killed %s leaves its role, which nobody uses', async (_when, operation) => {
    const cluster = await killed(staged({ operation }));
    await run(cluster, 'green');
    await cluster.apply(publicService('blue'));
    expect(await post(cluster)).toEqual({ kind: 'restored', operation, left: [] });
    expect(selectedRole(cluster)).toBe('blue');
    expect(cluster.store.get(refOf(deployment('green')))).toBeDefined();
    expect(await stateIn(cluster)).not.toHaveProperty('operation');
  });
});
