import { describe, expect, it } from '@jest/globals';
import { RecordBase } from '../../src/release/record-base.js';
import { recordLimit, recordName } from '../../src/release/record-secret.js';
import { decodeState, encodeState } from '../../src/release/state-record.js';
import { newBlueGreen, newRolling, type HistoryEntry, type ReleaseState } from '../../src/release/state.js';

describe('the state of a release', () => {
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
    const publicServices = [{ apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' }] as const;
    const nothing = {
      format: 1,
      release: 'web',
      latest: 0,
      revisions: [],
      applied: {},
      history: [],
      base: new RecordBase(),
    };
    expect(newRolling('web')).toEqual({ ...nothing, strategy: 'rolling' });
    expect(newBlueGreen('web', { publicServices, roleNames: ['blue', 'green'] })).toEqual({
      ...nothing,
      strategy: 'blue-green',
      publicServices,
      roleNames: ['blue', 'green'],
      roles: {},
    });
  });

  it('keeps which revision needs an object that left, in both strategies', () => {
    const left = [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'more', neededBy: 1 }];
    const publicServices = [{ apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' }] as const;
    const blueGreen = newBlueGreen('web', { publicServices, roleNames: ['blue', 'green'] });
    for (const state of [newRolling('web'), blueGreen])
      expect(decodeState(encodeState({ ...state, left }, 'shop')).left).toEqual(left);
  });

  describe('stays within the limit of a Secret', () => {
    const entry = (revision: number, images: number): HistoryEntry => ({
      revision,
      outcome: 'deployed',
      at: '2026-01-01T00:00:00.000Z',
      run: 'https://ci.example/7',
      actor: 'mona',
      sha: 'a'.repeat(40),
      images: Array.from(
        { length: images },
        (_, index) => `registry.example/team/image-${index}@sha256:${'0'.repeat(64)}`,
      ),
    });
    const proofs = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `/ConfigMap/shop/object-${index}`,
          `${'0'.repeat(32)}.${'0'.repeat(32)}`,
        ]),
      );
    const written = (state: ReleaseState) => {
      const secret = encodeState(state, 'shop');
      const bytes = Buffer.from((secret['data'] as { state: string }).state, 'base64').length;
      expect(bytes).toBeLessThanOrEqual(recordLimit);
      return decodeState(secret);
    };

    it.each([
      [1, 60],
      [60, 200],
      [150, 1_000],
      [2, 20_000],
    ])('with %j entries of history that have %j images each', (entries, images) => {
      const history = Array.from({ length: entries }, (_, index) => entry(entries - index, images));
      const { history: kept } = written({ ...newRolling('web'), latest: entries, history });
      expect(kept.map(({ revision }) => revision)).toEqual(history.map(({ revision }) => revision));
      const counts = kept.map(one => one.images.length);
      expect(counts).toEqual([...counts].sort((one, other) => other - one));
    });

    it('without the images of the oldest entries alone, where that is enough', () => {
      const history = [entry(3, 3_000), entry(2, 3_000), entry(1, 5_000)];
      const kept = written({ ...newRolling('web'), history }).history;
      expect(kept.map(one => one.images.length)).toEqual([3_000, 3_000, 0]);
    });

    it('with proofs of many objects, which the next deploy reads instead', () => {
      const history = [entry(1, 100)];
      expect(written({ ...newRolling('web'), applied: proofs(20_000), history })).toMatchObject({ applied: {} });
      const publicServices = [{ apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' }] as const;
      const role = { podLabels: [], deployments: [], revision: 1, contentHash: 'x', applied: proofs(20_000) };
      const staged = { revision: 1, role: 'blue', objects: [], previous: role };
      const state = newBlueGreen('web', { publicServices, roleNames: ['blue', 'green'] });
      written({ ...state, applied: proofs(9), roles: { blue: role, green: role }, staged, history });
    });
  });
});
