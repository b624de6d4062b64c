import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { acquireLock } from '../../src/release/lock.js';
import { openRecords } from '../../src/release/records.js';
import type { Operation, ReleaseState } from '../../src/release/state.js';
import { restoreInterrupted } from '../../src/strategies/restore-interrupted.js';
import type { Recovered } from '../../src/strategies/outcome/restored.js';
import { listLog } from '../support/log.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import {
  deployment,
  podsOf,
  publicRef,
  publicService,
  revision,
  run,
  selectedRole,
  staged,
} from '../support/strategies/shop.js';
import { runOf } from '../support/strategies/context.js';

const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'shop', name: 'cutover-web' };
const holderOf = (cluster: MemoryCluster): unknown =>
  (cluster.store.get(lease)?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity;
const operation = (kind: Operation['kind'], more: Partial<Operation> = {}): Operation => ({
  kind,
  revision: 2,
  role: 'green',
  run: runOf(1).url,
  ...more,
});
const configMap = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop', annotations: { 'cutover/release': 'web' } },
  data: { KEY: value },
});

/** A cluster as a killed run left it: its lock is held, and its operation is on record. */
async function killed(state: ReleaseState | undefined): Promise<{ cluster: MemoryCluster; holder: string }> {
  const cluster = memoryCluster();
  const { holder } = await acquireLock({ cluster, release: 'web', namespace: 'shop', run: runOf(1), log: listLog() });
  const records = openRecords({ cluster, release: 'web', namespace: 'shop' });
  await records.writeRevision(revision('blue'));
  await records.writeRevision(revision('green'));
  if (state !== undefined) await records.writeState(state);
  return { cluster, holder };
}

function post(cluster: MemoryCluster, holder: string, rollbackOnFailure = true): Promise<Recovered> {
  const records = openRecords({ cluster, release: 'web', namespace: 'shop' });
  const postState = { release: 'web', namespace: 'shop', lockHolder: holder };
  return restoreInterrupted({ cluster, records, run: runOf(1), log: listLog() }, { postState, rollbackOnFailure });
}

const stateIn = (cluster: MemoryCluster) => openRecords({ cluster, release: 'web', namespace: 'shop' }).readState();

describe('after a process was killed', () => {
  it.each([
    ['nothing was on record yet', undefined],
    ['no operation was on record', staged()],
    ['the operation is of another run', staged({ operation: operation('switch', { run: runOf(2).url }) })],
  ])('only its lock is released when %s', async (_what, state) => {
    const { cluster, holder } = await killed(state);
    cluster.calls.length = 0;
    expect(await post(cluster, holder)).toEqual({ kind: 'nothing-unfinished' });
    expect(cluster.writes()).toEqual(['REMOVE Lease shop/cutover-web']);
    expect(holderOf(cluster)).toBe('');
    expect(await stateIn(cluster)).toEqual(state);
  });

  it('everything stays as it is with `rollback-on-failure: false`', async () => {
    const state = staged({ operation: operation('stage') });
    const { cluster, holder } = await killed(state);
    expect(await post(cluster, holder, false)).toEqual({ kind: 'left', operation: state.operation });
    expect(await stateIn(cluster)).toEqual(state);
    expect(holderOf(cluster)).toBe('');
  });

  it.each(['deploy', 'stage'] as const)('a %s is restored from the record of its revision', async step => {
    const { staged: _none, ...unstaged } = staged({ operation: operation(step) });
    const { cluster, holder } = await killed(unstaged);
    await cluster.apply(configMap('before'));
    const before = cluster.store.get(refOf(configMap('')))!;
    const records = openRecords({ cluster, release: 'web', namespace: 'shop' });
    const made = { ref: refOf(deployment('green')) };
    await records.writeRevision(revision('green', { before: [{ ref: refOf(before), object: before }, made] }));
    await cluster.apply(configMap('after'));
    await cluster.apply(deployment('green'));

    expect(await post(cluster, holder)).toEqual({ kind: 'restored', operation: operation(step) });
    expect(cluster.store.get(refOf(before))).toMatchObject({ data: { KEY: 'before' } });
    expect(cluster.store.get(made.ref)).toBeUndefined();
    const { operation: _ended, ...rest } = unstaged;
    expect(await stateIn(cluster)).toEqual({
      ...rest,
      history: [expect.objectContaining({ revision: 2, outcome: 'failed', run: runOf(1).url })],
    });
    expect(holderOf(cluster)).toBe('');
  });

  it('what could not be restored is named, and the operation stays on record', async () => {
    const state = staged({ operation: operation('stage') });
    const { cluster, holder } = await killed(state);
    const records = openRecords({ cluster, release: 'web', namespace: 'shop' });
    await records.writeRevision(revision('green', { before: [{ ref: refOf(deployment('green')) }] }));
    await cluster.apply(deployment('green'));
    cluster.before = call => {
      if (call.startsWith('REMOVE')) throw new CutoverError('no right to', { code: 'forbidden' });
    };
    expect(await post(cluster, holder)).toEqual({ kind: 'incomplete', failed: [refOf(deployment('green'))] });
    expect(await stateIn(cluster)).toEqual(state);
    expect(holderOf(cluster)).toBe('');
  });

  it('its lock is released even when the record cannot be read', async () => {
    const { cluster, holder } = await killed(staged({ operation: operation('stage', { revision: 7 }) }));
    await expect(post(cluster, holder)).rejects.toMatchObject({ code: 'no-revision' });
    expect(holderOf(cluster)).toBe('');
  });

  it('nothing is written when another run has taken over the lock', async () => {
    const state = staged({ operation: operation('stage') });
    const { cluster, holder } = await killed(state);
    const live = cluster.store.get(lease)!;
    const spec = { ...(live['spec'] as object), holderIdentity: 'another run' };
    cluster.store.update({ ...live, spec });
    cluster.calls.length = 0;
    expect(await post(cluster, holder)).toEqual({ kind: 'lock-lost' });
    expect(cluster.writes()).toEqual([]);
  });
});

describe('after a process was killed in a switch', () => {
  /** The Service was switched from blue to green; the record holds the Service of blue. */
  async function switched(options: { readonly blueIsReady: boolean }) {
    const first = memoryCluster();
    await first.apply(publicService('blue'));
    const before = first.store.get(publicRef)!;
    const state = staged({ operation: operation('switch', { previousService: { ref: publicRef, object: before } }) });
    const { cluster, holder } = await killed(state);
    await run(cluster, 'blue', { ready: options.blueIsReady });
    await cluster.apply(publicService('blue'));
    await cluster.apply(publicService('green'));
    return { cluster, holder, state };
  }

  it('users are sent back to the role that they left, and the staged revision stays staged', async () => {
    const { cluster, holder, state } = await switched({ blueIsReady: true });
    expect(await post(cluster, holder)).toEqual({ kind: 'restored', operation: state.operation });
    expect(selectedRole(cluster)).toBe('blue');
    const { operation: _ended, ...rest } = state;
    expect(await stateIn(cluster)).toEqual({
      ...rest,
      history: [expect.objectContaining({ revision: 2, outcome: 'failed', role: 'green' })],
    });
  });

  it('users stay where they are when the role that they left has no ready pod', async () => {
    const { cluster, holder, state } = await switched({ blueIsReady: false });
    expect(await post(cluster, holder)).toEqual({ kind: 'no-ready-pod' });
    expect(selectedRole(cluster)).toBe('green');
    expect(await stateIn(cluster)).toEqual(state);
    expect(holderOf(cluster)).toBe('');
  });

  it('users stay where they are when the role that they left has no pods', async () => {
    const { cluster, holder } = await switched({ blueIsReady: true });
    for (const name of podsOf('blue')) await cluster.remove({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name });
    expect(await post(cluster, holder)).toEqual({ kind: 'no-ready-pod' });
    expect(selectedRole(cluster)).toBe('green');
  });

  it('the Service of a first release is removed again', async () => {
    const { current: _none, ...first } = staged({
      operation: operation('switch', { previousService: { ref: publicRef } }),
    });
    const { cluster, holder } = await killed(first);
    await cluster.apply(publicService('green'));
    expect(await post(cluster, holder)).toEqual({ kind: 'restored', operation: first.operation });
    expect(cluster.store.get(publicRef)).toBeUndefined();
  });

  it('users stay on the new role when only the idle policy was left to apply', async () => {
    const state = staged({ current: 2, operation: operation('finish', { role: 'blue' }) });
    const { cluster, holder } = await killed(state);
    await cluster.apply(publicService('green'));
    expect(await post(cluster, holder)).toEqual({ kind: 'finish-left' });
    expect(selectedRole(cluster)).toBe('green');
    expect(await stateIn(cluster)).toEqual(state);
  });
});
