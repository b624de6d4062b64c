import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CutoverError } from '../../src/errors.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { decodeState, encodeState, newState, recordName, type ReleaseState } from '../../src/release/state.js';

const ref = fc.record({ apiVersion: fc.string(), kind: fc.string(), name: fc.string(), namespace: fc.string() });
const entry = fc.record({
  revision: fc.nat(),
  outcome: fc.constantFrom('deployed', 'staged', 'switched', 'rolled-back', 'rejected', 'failed'),
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
const state: fc.Arbitrary<ReleaseState> = fc.record(
  {
    format: fc.constant(1 as const),
    release: fc.stringMatching(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/),
    strategy: fc.constantFrom('rolling', 'blue-green'),
    latest: fc.nat(),
    revisions: fc.array(fc.nat()),
    current: fc.nat(),
    publicService: ref,
    roleNames: fc.constant(['blue', 'green'] as const),
    roles: fc.dictionary(fc.constantFrom('blue', 'green'), roleRecord),
    operation: fc.record({
      kind: fc.constantFrom('deploy', 'stage', 'switch', 'finish'),
      revision: fc.nat(),
      run: fc.webUrl(),
    }),
    history: fc.array(entry),
  },
  { requiredKeys: ['format', 'release', 'strategy', 'latest', 'revisions', 'history'] },
);

describe('the state of a release', () => {
  it('is decoded from its ConfigMap as it was encoded', () => {
    fc.assert(
      fc.property(state, given => {
        const stored = JSON.parse(JSON.stringify(encodeState(given, 'shop'))) as KubeObject;
        expect(decodeState(stored)).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it('is in a ConfigMap with the labels of the release', () => {
    expect(encodeState(newState('web', 'rolling'), 'shop')).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
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
    expect(newState('web', 'blue-green')).toEqual({
      format: 1,
      release: 'web',
      strategy: 'blue-green',
      latest: 0,
      revisions: [],
      history: [],
    });
  });
});

describe('a state that cannot be used', () => {
  const good = newState('web', 'rolling');
  const withData = (data: unknown) => ({ ...encodeState(good, 'shop'), data }) as unknown as KubeObject;
  const withState = (change: object) => withData({ state: JSON.stringify({ ...good, ...change }) });
  const foreign = 'it was written by another version of Cutover, or manually';

  it.each([
    ['has no data', withData(undefined), 'it has no key "state"'],
    ['has other data', withData({ other: 'x' }), 'it has no key "state"'],
    ['is cut off', withData({ state: '{"format": 1, "rel' }), 'its key "state" is not JSON'],
    ['is empty', withData({ state: '' }), 'its key "state" is not JSON'],
    ['is not a map', withData({ state: '[]' }), foreign],
    ['is null', withData({ state: 'null' }), foreign],
    ['has a later format', withState({ format: 2 }), foreign],
    ['has a strategy that this version does not know', withState({ strategy: 'canary' }), foreign],
    ['has no list of revisions', withState({ revisions: undefined }), foreign],
    ['has no history', withState({ history: null }), foreign],
    ['has no release', withState({ release: 7 }), foreign],
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
      object: 'ConfigMap shop/cutover-web',
      message: `The release record in ConfigMap shop/cutover-web cannot be used: ${why}`,
      hint: expect.stringContaining('delete it') as unknown,
    });
  });
});
