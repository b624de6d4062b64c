import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { onlyRelease } from '../../src/release/only-release.js';
import { recordFailure } from '../../src/release/record-failure.js';
import { openRecords, type RecordWriter } from '../../src/release/records.js';
import { equalRevisions, neededRevisions, previousRevision } from '../../src/release/retention.js';
import { authorOf, type Revision } from '../../src/release/revision.js';
import {
  newBlueGreen,
  newRolling,
  type BlueGreenState,
  type HistoryEntry,
  type ReleaseState,
  type RollingState,
} from '../../src/release/state.js';
import { withHistory } from '../../src/release/transitions.js';
import { memoryCluster, type MemoryCluster } from '../support/cluster/memory-cluster.js';
import { publicRef, publicService } from '../support/strategies/shop.js';
import { runOf } from '../support/strategies/context.js';
import { listLog } from '../support/log.js';

const revision = (number: number): Revision => ({
  ...authorOf(runOf(1)),
  number,
  strategy: 'rolling',
  objects: [],
  secrets: [],
  publicServices: [],
  shared: [],
  applyAfterSwitch: [],
  before: [],
  checks: [],
  force: false,
  contentHash: '',
  images: [],
  at: '2026-03-01T12:00:00.000Z',
});
const record = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'cutover-web' };
const open = (cluster: MemoryCluster, release = 'web', log = listLog()): RecordWriter =>
  openRecords({ cluster, release, namespace: 'shop', log }).writable(cluster);
const state = (more: Partial<RollingState> = {}): RollingState => ({ ...newRolling('web'), ...more });
const begunBy = { run: 'x', holder: 'y' };
const operation = { ...begunBy, kind: 'deploy', revision: 1 } as const;
/** The state on record, as a run reads it. */
const readIn = async (cluster: MemoryCluster): Promise<RollingState> =>
  (await open(cluster).readState()) as RollingState;
const blueGreen = (more: Partial<BlueGreenState>): BlueGreenState => ({
  ...newBlueGreen('web', { publicServices: [publicRef], roleNames: ['blue', 'green'] }),
  ...more,
});
const entry = (number: number, outcome: HistoryEntry['outcome']): HistoryEntry => ({
  ...authorOf(runOf(1)),
  revision: number,
  outcome,
  at: '2026-03-01T12:00:00.000Z',
  images: [],
});
const errorOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the record of a release', () => {
  it('does not exist before the first deploy', async () => {
    expect(await open(memoryCluster()).readState()).toBeUndefined();
  });

  it('can be written only through a port', () => {
    const reading = openRecords({ cluster: memoryCluster(), release: 'web', namespace: 'shop', log: listLog() });
    expect(reading).not.toHaveProperty('writeState');
    expect(reading.writable(memoryCluster())).toHaveProperty('writeState');
  });

  it('can be read by the next run as it was written last', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    const begun = state({ latest: 1, operation });
    await records.writeState(begun);
    await records.writeState({ ...begun, latest: 2 });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2, operation }));
  });

  it('hides what the public Service before a switch has of the environment', async () => {
    const cluster = memoryCluster();
    const service = publicService('blue');
    const annotations = { 'cutover/from-environment': '[["spec","externalName"]]' };
    const object = {
      ...service,
      metadata: { ...service.metadata, annotations },
      spec: { externalName: 'value-of-the-environment' },
    };
    const switching = { ...begunBy, kind: 'switch', direction: 'promote', revision: 1, role: 'green' } as const;
    const [writer, reader] = [listLog(), listLog()];
    const written = blueGreen({ operation: { ...switching, services: [{ before: { ref: publicRef, object } }] } });
    await open(cluster, 'web', writer).writeState(written);
    await open(cluster, 'web', reader).readState();
    for (const { text } of [writer, reader]) expect(text.safe('a value-of-the-environment')).toBe('a ***');
  });

  it('is not written when another run has changed it', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1 }));
    const slow = await readIn(cluster);
    await open(cluster).writeState({ ...(await readIn(cluster)), latest: 2 });
    expect(await errorOf(open(cluster).writeState({ ...slow, latest: 3 }))).toMatchObject({ code: 'changed' });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2 }));
  });

  it('is not written from a state that was read earlier, though it was read again since', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    await records.writeState(state({ latest: 1 }));
    const read = (await records.readState()) as RollingState;
    await open(cluster).writeState({ ...(await readIn(cluster)), latest: 2 });
    await records.readState();
    expect(await errorOf(records.writeState({ ...read, latest: 3 }))).toMatchObject({ code: 'changed' });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2 }));
  });

  it('is not written from a state of before an operation that has ended, of the same run either', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    await records.writeState(state({ latest: 1 }));
    const read = (await records.readState()) as RollingState;
    await records.writeState({ ...read, latest: 2, operation });
    await records.writeState({ ...read, latest: 2, current: 2 });
    expect(await errorOf(records.writeState({ ...read, latest: 2, operation }))).toMatchObject({ code: 'changed' });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2, current: 2 }));
  });

  it('is not written from a state without a record once there is one', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1 }));
    expect(await errorOf(open(cluster).writeState(state({ latest: 1, operation })))).toMatchObject({ code: 'changed' });
    expect(await open(cluster).readState()).toEqual(state({ latest: 1 }));
  });

  it('does not contain what it was read from', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1 }));
    await open(cluster).writeState({ ...(await readIn(cluster)), latest: 2 });
    const { data } = cluster.store.get(record) as unknown as { readonly data: { readonly state: string } };
    expect(JSON.parse(Buffer.from(data.state, 'base64').toString())).not.toHaveProperty('base');
  });

  it('is not created twice by two concurrent runs', async () => {
    const cluster = memoryCluster();
    const [one, other] = [open(cluster), open(cluster)];
    await one.readState();
    await other.readState();
    await one.writeState(state({ latest: 1 }));
    expect(await errorOf(other.writeState(state({ latest: 9 })))).toMatchObject({ code: 'changed' });
    expect(await open(cluster).readState()).toEqual(state({ latest: 1 }));
  });
});

describe('a record that another client changes', () => {
  let touches = 0;
  const touch = (cluster: MemoryCluster): void => {
    const object = cluster.store.get(record)!;
    cluster.store.update({
      ...object,
      metadata: { ...object.metadata, annotations: { somebody: `was here ${(touches += 1)} times` } },
    });
  };

  it('is still written when its state is the last seen one', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    const begun = state({ latest: 1, operation });
    await records.writeState(begun);
    touch(cluster);
    await records.writeState({ ...begun, latest: 2 });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2, operation }));
  });

  it('is not written when it changes at each attempt', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    const begun = state({ latest: 1, operation });
    await records.writeState(begun);
    cluster.before = call => {
      if (call.startsWith('REPLACE')) touch(cluster);
    };
    expect(await errorOf(records.writeState({ ...begun, latest: 2 }))).toMatchObject({ code: 'moved' });
    expect(cluster.calls.filter(call => call.startsWith('REPLACE'))).toHaveLength(3);
  });
});

describe('a record whose first write has no answer', () => {
  const silence = new CutoverError('no answer', { code: 'unreachable' });

  it('counts as written when it exists', async () => {
    const cluster = memoryCluster();
    const create = cluster.create.bind(cluster);
    cluster.create = object => create(object).then(() => Promise.reject(silence));
    const records = open(cluster);
    const begun = state({ latest: 1, operation });
    await records.writeState(begun);
    await records.writeState({ ...begun, latest: 2 });
    expect(await open(cluster).readState()).toEqual(state({ latest: 2, operation }));
  });

  it('is not written twice when it does not exist', async () => {
    const cluster = memoryCluster();
    cluster.before = call => {
      if (call.startsWith('CREATE')) throw silence;
    };
    expect(await errorOf(open(cluster).writeState(state()))).toBe(silence);
    expect(cluster.writes()).toHaveLength(1);
  });
});

describe('a record whose later write has no answer', () => {
  const silence = new CutoverError('no answer', { code: 'unreachable' });

  async function begunOn(cluster: MemoryCluster): Promise<{ records: RecordWriter; begun: RollingState }> {
    const records = open(cluster);
    const begun = state({ latest: 1, operation });
    await records.writeState(begun);
    return { records, begun };
  }

  it('counts as written when it is', async () => {
    const cluster = memoryCluster();
    const { records, begun } = await begunOn(cluster);
    const replace = cluster.replace.bind(cluster);
    cluster.replace = object => replace(object).then(() => Promise.reject(silence));
    await records.writeState({ ...begun, latest: 2 });
    expect(await readIn(cluster)).toMatchObject({ latest: 2 });
  });

  it('is not written when the live record is as before', async () => {
    const cluster = memoryCluster();
    const { records, begun } = await begunOn(cluster);
    cluster.replace = () => Promise.reject(silence);
    expect(await errorOf(records.writeState({ ...begun, latest: 2 }))).toBe(silence);
    expect(await readIn(cluster)).toMatchObject({ latest: 1 });
  });

  it('is unknown when it cannot be read, and nothing is written over it', async () => {
    const cluster = memoryCluster();
    const { records, begun } = await begunOn(cluster);
    const replace = cluster.replace.bind(cluster);
    cluster.replace = object => replace(object).then(() => Promise.reject(silence));
    cluster.before = call => {
      if (call.startsWith('GET')) throw silence;
    };
    expect(await errorOf(records.writeState({ ...begun, latest: 2 }))).toMatchObject({
      code: 'record-unknown',
      object: 'Secret shop/cutover-web',
      message: 'Nobody knows whether the end of this step is on record: no answer',
    });
    cluster.before = () => undefined;
    cluster.replace = replace;
    expect(await recordFailure(records, { ...begun, latest: 3 })).toEqual({});
    expect(await readIn(cluster)).toMatchObject({ latest: 2 });
  });
});

describe('the record of a revision', () => {
  it('can be read by its number, and written again', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    await records.writeRevision(revision(1), state());
    await records.writeRevision({ ...revision(1), actor: 'bob' }, state());
    expect(await records.readRevision(1)).toEqual({ ...revision(1), actor: 'bob' });
  });

  const secretOf = (number: number) => `Secret shop/cutover-web.${number}`;

  it('is created when it is new, and applied when it is on record', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1, revisions: [1] }));
    const records = open(cluster);
    const read = await readIn(cluster);
    cluster.calls.length = 0;
    await records.writeRevision(revision(2), read);
    await records.writeRevision(revision(1), read);
    expect(cluster.writes()).toEqual([`CREATE ${secretOf(2)}`, `APPLY ${secretOf(1)}`]);
  });

  it('is written over what a killed run left under its number', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1, revisions: [1] }));
    await open(cluster).writeRevision({ ...revision(2), actor: 'bob' }, await readIn(cluster));
    const records = open(cluster);
    await records.writeRevision(revision(2), await readIn(cluster));
    expect(await records.readRevision(2)).toEqual(revision(2));
  });

  it('is not written over the revision of a run that changed the record', async () => {
    const cluster = memoryCluster();
    await open(cluster).writeState(state({ latest: 1, revisions: [1] }));
    const [slow, fast] = [await readIn(cluster), await readIn(cluster)];
    const records = open(cluster);
    await records.writeRevision({ ...revision(2), actor: 'bob' }, fast);
    await records.writeState({ ...fast, latest: 2, revisions: [1, 2] });
    await records.readState();
    expect(await errorOf(records.writeRevision(revision(2), slow))).toMatchObject({
      code: 'changed',
      object: 'Secret shop/cutover-web',
      message: 'Another run changed the record of release web during this step',
    });
    expect(await records.readRevision(2)).toMatchObject({ actor: 'bob' });
  });

  it('is written though the answer to its create is lost', async () => {
    const cluster = memoryCluster();
    const create = cluster.create.bind(cluster);
    const noAnswer = new CutoverError('no answer', { code: 'unreachable' });
    cluster.create = object => create(object).then(() => Promise.reject(noAnswer));
    const records = open(cluster);
    await records.writeRevision(revision(1), state());
    expect(await records.readRevision(1)).toEqual(revision(1));
    expect(cluster.writes()).toEqual([`CREATE ${secretOf(1)}`, `APPLY ${secretOf(1)}`]);
  });

  it('is not written when the create is refused', async () => {
    const cluster = memoryCluster();
    const forbidden = new CutoverError('no right to create secrets', { code: 'forbidden' });
    cluster.before = call => {
      if (call.startsWith('CREATE')) throw forbidden;
    };
    expect(await errorOf(open(cluster).writeRevision(revision(1), state()))).toBe(forbidden);
    expect(cluster.writes()).toEqual([`CREATE ${secretOf(1)}`]);
  });

  it('is never the record of a release whose name ends in its number', async () => {
    const cluster = memoryCluster();
    await open(cluster, 'web-1').writeState({ ...state(), release: 'web-1' });
    await open(cluster).writeRevision(revision(1), state());
    expect(await open(cluster, 'web-1').readState()).toEqual({ ...state(), release: 'web-1' });
    expect(await open(cluster).readRevision(1)).toEqual(revision(1));
  });

  it('is not written over a Secret of others', async () => {
    const cluster = memoryCluster();
    const metadata = { name: 'cutover-web.1', namespace: 'shop' };
    cluster.given({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { password: 'x' } });
    expect(await errorOf(open(cluster).writeRevision(revision(1), state()))).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web.1',
      message: 'Secret shop/cutover-web.1 is not a revision of this release, so the record cannot be written',
    });
    expect(cluster.writes()).toEqual([`CREATE ${secretOf(1)}`]);
  });

  it('that does not exist is an error with its name', async () => {
    expect(await errorOf(open(memoryCluster()).readRevision(4))).toMatchObject({
      code: 'no-revision',
      object: 'Secret shop/cutover-web.4',
      message: 'Revision 4 of web is not in the record',
      hint: expect.stringContaining('action: status') as unknown,
    });
  });
});

describe('revisions to keep', () => {
  const roles = {
    blue: { podLabels: [], deployments: [], revision: 2 },
    green: { podLabels: [], deployments: [], revision: 9 },
  };
  const staged = { revision: 9, role: 'green', objects: [] };

  it.each<[string, ReleaseState, number, readonly number[]]>([
    ['the newest ones', state({ latest: 9, current: 9 }), 3, [7, 8, 9]],
    ['all of them while there are few', state({ latest: 2, current: 2 }), 10, [1, 2]],
    ['none before the first', state(), 10, []],
    ['the one that serves, however old', state({ latest: 9, current: 1 }), 2, [1, 8, 9]],
    ['the one that is staged', blueGreen({ latest: 12, staged }), 2, [9, 11, 12]],
    [
      'the one that a step works on',
      state({ latest: 9, operation: { kind: 'deploy', revision: 3, run: 'x', holder: 'y' } }),
      2,
      [3, 8, 9],
    ],
    ['those that the roles run', blueGreen({ latest: 12, roles }), 2, [2, 9, 11, 12]],
    [
      'the one that the staged role ran before, which a reject brings back',
      blueGreen({ latest: 12, roles, staged: { ...staged, previous: { ...roles.green, revision: 5 } } }),
      2,
      [2, 5, 9, 11, 12],
    ],
    [
      'the one to go back to, though newer ones failed',
      state({
        latest: 5,
        current: 5,
        revisions: [1, 2, 3, 4, 5],
        history: [
          entry(5, 'deployed'),
          entry(4, 'failed'),
          entry(3, 'failed'),
          entry(2, 'deployed'),
          entry(1, 'deployed'),
        ],
      }),
      2,
      [2, 4, 5],
    ],
  ])('are %s', (_which, ...[given, history, needed]) => {
    expect([...neededRevisions(given, history)].sort((a, b) => a - b)).toEqual(needed);
  });

  it('and the others are deleted, from the cluster and from the state', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    for (const number of [1, 2, 3, 4]) await records.writeRevision(revision(number), state());
    const before = state({ latest: 4, current: 1, revisions: [1, 2, 3, 4], history: [entry(1, 'deployed')] });
    cluster.calls.length = 0;
    await records.finish(before, 2);
    expect(await open(cluster).readState()).toEqual({ ...before, revisions: [1, 3, 4] });
    expect(cluster.calls.filter(call => call.startsWith('REMOVE'))).toEqual(['REMOVE Secret shop/cutover-web.2']);
    expect(await errorOf(records.readRevision(2))).toMatchObject({ code: 'no-revision' });
    expect(await records.readRevision(1)).toEqual(revision(1));
  });
});

describe('expired revisions', () => {
  const done = () => state({ latest: 4, current: 4, revisions: [2, 4], history: [entry(4, 'deployed')] });
  const forbidden = new CutoverError('no right to delete', { code: 'forbidden' });

  it('stay on record when they cannot be deleted, and the step still succeeds', async () => {
    const cluster = memoryCluster();
    const log = listLog();
    await open(cluster).writeRevision(revision(2), state());
    cluster.before = call => {
      if (call.startsWith('REMOVE')) throw forbidden;
    };
    await open(cluster, 'web', log).finish(done(), 1);
    expect(await open(cluster).readState()).toEqual({ ...done(), revisions: [4], expired: [2] });
    expect(log.lines).toEqual(['Revision 2 of web could not be deleted: no right to delete']);
  });

  it('are deleted by the next run when they could not be deleted', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    await records.writeRevision(revision(2), state());
    cluster.before = call => {
      if (call.startsWith('REMOVE')) throw forbidden;
    };
    await records.finish(done(), 1);
    cluster.before = () => undefined;
    const next = open(cluster);
    const found = await readIn(cluster);
    await next.finish(found, 1);
    expect(await next.readState()).toEqual({ ...done(), revisions: [4] });
    expect(await errorOf(next.readRevision(2))).toMatchObject({ code: 'no-revision' });
  });

  it.each(['the first is deleted', 'all are deleted', 'the record is written again'])(
    'are left by no run that is killed before %s',
    async when => {
      const cluster = memoryCluster();
      const records = open(cluster);
      for (const number of [1, 2, 3, 4]) await records.writeRevision(revision(number), state());
      await records.writeState(state({ latest: 4, current: 3, revisions: [1, 2, 3, 4] }));
      const found = { ...(await records.readState())!, current: 4, history: [entry(4, 'deployed')] };
      const reached = { removals: 0, states: 0 };
      cluster.before = call => {
        if (call.startsWith('REMOVE')) reached.removals += 1;
        if (call.startsWith('REPLACE')) reached.states += 1;
        const { removals, states } = reached;
        const isKilled =
          (when === 'the first is deleted' && removals > 0) ||
          (when === 'all are deleted' && removals > 1) ||
          (when === 'the record is written again' && states > 1);
        if (isKilled) throw new CutoverError('the process was killed', { code: 'unreachable' });
      };
      await errorOf(records.finish(found, 1));
      expect(reached.removals).toBeGreaterThan(0);
      cluster.before = () => undefined;
      const next = open(cluster);
      await next.finish((await next.readState())!, 1);
      expect(await next.readState()).toEqual({ ...found, revisions: [4] });
      const secrets = await cluster.list({ apiVersion: 'v1', kind: 'Secret', namespace: 'shop' });
      expect(secrets.map(({ metadata }) => metadata.name).sort()).toEqual(['cutover-web', 'cutover-web.4']);
    },
  );

  it('leave the step as it is when the record cannot be written again', async () => {
    const cluster = memoryCluster();
    const log = listLog();
    const records = open(cluster, 'web', log);
    await records.writeRevision(revision(2), state());
    await records.writeState(done());
    const found = (await records.readState())!;
    let states = 0;
    cluster.before = call => {
      if (call.startsWith('REPLACE') && (states += 1) > 1) throw forbidden;
    };
    await records.finish(found, 1);
    expect(log.lines).toEqual(['The record of web still names revisions that are deleted: no right to delete']);
    expect(await open(cluster).readState()).toEqual({ ...done(), revisions: [4], expired: [2] });
  });

  it('are none that the release still needs, whatever the record says', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    for (const number of [2, 4]) await records.writeRevision(revision(number), state());
    await records.writeState({ ...done(), expired: [2, 4] });
    await records.finish((await records.readState())!, 1);
    const next = open(cluster);
    expect(await next.readState()).toEqual({ ...done(), revisions: [4] });
    expect(await next.readRevision(4)).toEqual(revision(4));
  });

  it('are deleted only after the record no longer needs them', async () => {
    const cluster = memoryCluster();
    const records = open(cluster);
    await records.writeRevision(revision(2), state());
    await records.writeState(done());
    const found = await readIn(cluster);
    cluster.before = call => {
      if (call.startsWith('REPLACE')) throw forbidden;
    };
    expect(await errorOf(records.finish(found, 1))).toBe(forbidden);
    expect(await records.readRevision(2)).toEqual(revision(2));
  });
});

describe('the target of a rollback', () => {
  it.each<[string, readonly [number, HistoryEntry['outcome']][], number | undefined]>([
    ['is none without a history', [], undefined],
    ['is none for the first', [[1, 'deployed']], undefined],
    [
      'is the one before',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [3, 'deployed'],
      ],
      2,
    ],
    [
      'is never one that failed',
      [
        [1, 'deployed'],
        [2, 'failed'],
        [3, 'deployed'],
      ],
      1,
    ],
    [
      'is the one before the current, where the newest failed',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [3, 'failed'],
      ],
      1,
    ],
    [
      'is one further back after a rollback',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [3, 'deployed'],
        [2, 'rolled-back'],
      ],
      1,
    ],
    [
      'is none when a rollback has reached the first',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [1, 'rolled-back'],
      ],
      undefined,
    ],
    [
      'is not the one that was rolled back from',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [1, 'rolled-back'],
        [3, 'deployed'],
      ],
      1,
    ],
    [
      'is the one before after a rollback forward',
      [
        [1, 'deployed'],
        [2, 'deployed'],
        [1, 'rolled-back'],
        [2, 'rolled-back'],
      ],
      1,
    ],
  ])('%s', (_which, ...[entries, expected]) => {
    const history = entries.map(([number, outcome]) => entry(number, outcome)).reverse();
    const current = history.find(({ outcome }) => outcome !== 'failed')?.revision;
    const revisions = [...new Set(entries.map(([number]) => number))];
    const recorded = state({ revisions, history, ...(current !== undefined && { current }) });
    expect(previousRevision(recorded)).toBe(expected);
  });

  it.each<[string, readonly string[], number | undefined, readonly number[]]>([
    ['is the one before where all differ', ['a', 'b', 'c'], 2, []],
    ['is the last one that differs', ['a', 'b', 'b', 'b'], 1, [3, 2]],
    ['may equal an earlier one than the one before', ['a', 'b', 'a'], 2, []],
    ['is none where all are equal', ['a', 'a'], undefined, [1]],
    ['is the one before where it is not known whether it differs', ['a', '', 'b'], 2, []],
    ['is the one before where the current one is not known', ['a', 'a', ''], 2, []],
  ])('%s', (_which, contents, ...[expected, equal]) => {
    const history = contents
      .map((content, index) => ({ ...entry(index + 1, 'deployed'), ...(content !== '' && { content }) }))
      .reverse();
    const revisions = contents.map((_content, index) => index + 1);
    const recorded = state({ current: contents.length, revisions, history });
    expect(previousRevision(recorded)).toBe(expected);
    expect(equalRevisions(recorded)).toEqual(equal);
    // A rollback must find its target, however short the history is.
    if (expected !== undefined) expect(neededRevisions(recorded, 1)).toContain(expected);
  });

  it('is never an adopted revision, which belongs to a role', () => {
    const history = [entry(0, 'rolled-back'), entry(1, 'deployed')];
    expect(previousRevision(state({ current: 1, revisions: [1], history }))).toBeUndefined();
  });

  it('is one that is still on record', () => {
    const history = [entry(3, 'deployed'), entry(2, 'deployed'), entry(1, 'deployed')];
    expect(previousRevision(state({ current: 3, revisions: [1, 3], history }))).toBe(1);
    expect(previousRevision(state({ current: 3, revisions: [3], history }))).toBeUndefined();
  });

  it('is the last deployed revision where none is active', () => {
    const history = [entry(2, 'deployed'), entry(1, 'deployed')];
    expect(previousRevision(state({ revisions: [1, 2], history }))).toBe(2);
  });
});

describe('history', () => {
  it('starts with the newest entry and is limited', () => {
    let recorded = state();
    for (let number = 1; number <= 60; number += 1) recorded = withHistory(recorded, entry(number, 'deployed'));
    expect(recorded.history.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 50 }, (_, index) => 60 - index),
    );
  });
});

describe('recording a failure', () => {
  it('returns nothing when the record was written', async () => {
    const cluster = memoryCluster();
    expect(await recordFailure(open(cluster), state({ latest: 1 }))).toEqual({});
    expect(await open(cluster).readState()).toEqual(state({ latest: 1 }));
  });

  it('returns the reason and does not throw when it was not: the step must end with the failure itself', async () => {
    const cluster = memoryCluster();
    cluster.before = () => {
      throw new CutoverError('no connection', { code: 'unreachable' });
    };
    expect(await recordFailure(open(cluster), state())).toEqual({ unrecorded: 'no connection' });
  });
});

describe('the only release of a namespace', () => {
  const release = async (cluster: MemoryCluster, name: string) => open(cluster, name).writeState(newRolling(name));

  it('is found without its name', async () => {
    const cluster = memoryCluster();
    await release(cluster, 'web');
    await open(cluster).writeRevision(revision(1), state());
    cluster.given({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cutover-fake', namespace: 'shop' } });
    expect(await onlyRelease(cluster, 'shop')).toBe('web');
  });

  it('must be specified where there are several', async () => {
    const cluster = memoryCluster();
    await release(cluster, 'web');
    await release(cluster, 'api');
    expect(await errorOf(onlyRelease(cluster, 'shop'))).toMatchObject({
      code: 'input',
      message: 'There are 2 releases in namespace shop: api, web',
      hint: 'Set the input `release` to one of them.',
    });
  });

  it('is missing where there is none', async () => {
    expect(await errorOf(onlyRelease(memoryCluster(), 'shop'))).toMatchObject({
      code: 'input',
      message: 'There is no release in namespace shop',
      hint: 'Check the input `namespace`, or deploy first.',
    });
  });
});
