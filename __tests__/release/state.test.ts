import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { recordName } from '../../src/release/record-secret.js';
import { decodeState, encodeState } from '../../src/release/state-record.js';
import {
  newBlueGreen,
  newRolling,
  type BlueGreenOperation,
  type BlueGreenState,
  type HistoryEntry,
  type ReleaseState,
  type RollingOperation,
  type RollingState,
} from '../../src/release/state.js';

const ref = fc.record({ apiVersion: fc.string(), kind: fc.string(), name: fc.string(), namespace: fc.string() });
const entry: fc.Arbitrary<HistoryEntry> = fc.record({
  revision: fc.nat(),
  outcome: fc.constantFrom('deployed', 'adopted', 'staged', 'switched', 'rolled-back', 'rejected', 'failed'),
  at: fc.constant('2026-03-01T12:00:00.000Z'),
  run: fc.webUrl(),
  actor: fc.string(),
  sha: fc.string(),
  images: fc.array(fc.string()),
});
const roleRecord = fc.record(
  { podLabels: fc.dictionary(fc.string(), fc.string()), deployments: fc.array(ref), revision: fc.nat() },
  { requiredKeys: ['podLabels', 'deployments'] },
);
const staged = fc.record({
  revision: fc.nat(),
  role: fc.constantFrom('blue', 'green'),
  objects: fc.array(fc.record({ ref, uid: fc.uuid(), hash: fc.string() })),
});
const begun = { revision: fc.nat(), run: fc.webUrl(), holder: fc.string() };
const ofRole = { ...begun, role: fc.constantFrom('blue', 'green') };
const direction = fc.constantFrom('promote', 'rollback');
const rollingOperation: fc.Arbitrary<RollingOperation> = fc.record({
  ...begun,
  kind: fc.constantFrom('deploy', 'rollback'),
});
const blueGreenOperation: fc.Arbitrary<BlueGreenOperation> = fc.oneof(
  fc.record({
    ...{ ...ofRole, kind: fc.constant('adopt'), template: fc.string() },
    deployment: fc.record({ ref, uid: fc.uuid() }),
    imageIds: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string()),
  }),
  fc.record({ ...ofRole, kind: fc.constant('stage') }),
  fc.record({ ...ofRole, kind: fc.constant('reject') }),
  fc.record({ ...ofRole, kind: fc.constant('prepare') }),
  fc.record({ ...ofRole, kind: fc.constant('switch'), direction, previousService: fc.record({ ref }) }),
  fc.record({ ...ofRole, kind: fc.constant('finish'), direction }),
);
const common = {
  format: fc.constant(1),
  release: fc.stringMatching(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/),
  latest: fc.nat(),
  revisions: fc.array(fc.nat()),
  current: fc.nat(),
  applied: fc.dictionary(fc.string(), fc.string()),
  history: fc.array(entry),
} as const;
const required = ['format', 'release', 'strategy', 'latest', 'revisions', 'applied', 'history'] as const;
const rolling: fc.Arbitrary<RollingState> = fc.record(
  { ...common, strategy: fc.constant('rolling'), operation: rollingOperation },
  { requiredKeys: [...required] },
);
const blueGreen: fc.Arbitrary<BlueGreenState> = fc.record(
  {
    ...common,
    strategy: fc.constant('blue-green'),
    publicService: ref,
    roleNames: fc.constant(['blue', 'green']),
    roles: fc.dictionary(fc.constantFrom('blue', 'green'), roleRecord),
    staged,
    operation: blueGreenOperation,
  },
  { requiredKeys: [...required, 'publicService', 'roleNames', 'roles'] },
);
const state: fc.Arbitrary<ReleaseState> = fc.oneof(rolling, blueGreen);

describe('the state of a release', () => {
  it('is decoded from its Secret as it was encoded', () => {
    fc.assert(
      fc.property(state, given => {
        const stored = JSON.parse(JSON.stringify(encodeState(given, 'shop'))) as KubeObject;
        expect(decodeState(stored)).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it('is in a Secret with the labels of the release', () => {
    expect(encodeState(newRolling('web'), 'shop')).toMatchObject({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'cutover/record',
      metadata: {
        name: recordName('web'),
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover', 'cutover/record': 'state' },
        annotations: { 'cutover/release': 'web' },
      },
    });
    expect(recordName('web')).toBe('cutover-web');
  });

  it('of a release that was never deployed has no revision', () => {
    const publicService = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' };
    const nothing = { format: 1, release: 'web', latest: 0, revisions: [], applied: {}, history: [] };
    expect(newRolling('web')).toEqual({ ...nothing, strategy: 'rolling' });
    expect(newBlueGreen('web', { publicService, roleNames: ['blue', 'green'] })).toEqual({
      ...nothing,
      strategy: 'blue-green',
      publicService,
      roleNames: ['blue', 'green'],
      roles: {},
    });
  });
});

describe('a state that cannot be used', () => {
  const good = newRolling('web');
  const withData = (data: unknown) => ({ ...encodeState(good, 'shop'), data }) as unknown as KubeObject;
  const withText = (text: string) => withData({ state: Buffer.from(text).toString('base64') });
  const withState = (change: object) => withText(JSON.stringify({ ...good, ...change }));
  const blueGreen = { strategy: 'blue-green', publicService: {}, roleNames: ['blue', 'green'], roles: {} };
  const foreign = 'it was written by another version of Cutover, or manually';

  it.each([
    ['has no data', withData(undefined), 'it has no key "state"'],
    ['has other data', withData({ other: 'x' }), 'it has no key "state"'],
    ['has a key of every object', withData({ toString: 'x' }), 'it has no key "state"'],
    [
      'is of another type',
      { ...encodeState(good, 'shop'), type: 'Opaque' },
      'it is of type Opaque, not cutover/record',
    ],
    ['is cut off', withText('{"format": 1, "rel'), 'its key "state" is not JSON'],
    ['is empty', withText(''), 'its key "state" is not JSON'],
    ['is not a map', withText('[]'), foreign],
    ['is null', withText('null'), foreign],
    ['has a later format', withState({ format: 2 }), foreign],
    ['has a strategy that this version does not know', withState({ strategy: 'canary' }), foreign],
    ['has no list of revisions', withState({ revisions: undefined }), foreign],
    ['has no history', withState({ history: null }), foreign],
    ['has no release', withState({ release: 7 }), foreign],
    ['does not say what was applied', withState({ applied: undefined }), foreign],
    ['has roles that are no map', withState({ ...blueGreen, roles: [] }), foreign],
    ['has no names of roles', withState({ ...blueGreen, roleNames: undefined }), foreign],
    ['has no public Service', withState({ ...blueGreen, publicService: undefined }), foreign],
    ['has an unfinished operation that is no map', withState({ operation: 'deploy' }), foreign],
    ['has no latest revision', withState({ latest: '3' }), foreign],
  ])('is rejected when it %s', (_what, object, why) => {
    let thrown: unknown;
    try {
      decodeState(object);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(CutoverError);
    expect(thrown).toMatchObject({
      code: 'record',
      object: 'Secret shop/cutover-web',
      message: `The release record in Secret shop/cutover-web cannot be used: ${why}`,
      hint: expect.stringContaining('delete it') as unknown,
    });
  });
});
