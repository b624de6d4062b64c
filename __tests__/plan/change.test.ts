import { describe, expect, it } from '@jest/globals';
import type { Json, KubeObject } from '../../src/kubernetes/object.js';
import { content, differs } from '../../src/plan/change.js';

const entry: Json = { manager: 'cutover', operation: 'Apply', apiVersion: 'v1', time: '2026-02-28T12:00:10Z' };

const configMap = (metadata: Partial<KubeObject['metadata']> = {}, rest: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop', ...metadata },
  ...rest,
});

describe('whether an apply changes the live object', () => {
  const live = configMap(
    { labels: { a: '1', b: '2' }, resourceVersion: '7', generation: 3, managedFields: [entry] },
    { data: { KEY: 'value' }, status: { observed: 1 } },
  );

  it.each([
    ['the same object', live],
    ['keys in another order', { ...live, metadata: { ...live.metadata, labels: { b: '2', a: '1' } } }],
    ['another resourceVersion', { ...live, metadata: { ...live.metadata, resourceVersion: '8' } }],
    ['another generation', { ...live, metadata: { ...live.metadata, generation: 4 } }],
    ['other managedFields', { ...live, metadata: { ...live.metadata, managedFields: [] } }],
    ['another status', { ...live, status: { observed: 2 } }],
  ])('%s does not count as a difference', (_what, after) => {
    expect(differs(live, after)).toBe(false);
  });

  it.each([
    ['another value', { ...live, data: { KEY: 'other' } }],
    ['a number in the place of its text', { ...configMap({}, { data: { KEY: 1 } }) }],
    ['one key more', { ...live, data: { KEY: 'value', MORE: '' } }],
    ['a missing part', configMap({ labels: { a: '1', b: '2' } })],
    ['another label', { ...live, metadata: { ...live.metadata, labels: { a: '1', b: '3' } } }],
    [
      'a deletion that has begun',
      { ...live, metadata: { ...live.metadata, deletionTimestamp: '2026-03-01T12:00:10Z' } },
    ],
    ['another object of the same name', { ...live, metadata: { ...live.metadata, uid: 'another' } }],
  ])('%s is a difference', (_what, after) => {
    expect(differs(live, after)).toBe(true);
  });

  it('a list in another order is a difference', () => {
    const listed = (...items: readonly string[]) => configMap({}, { spec: { items } });
    expect(differs(listed('a', 'b'), listed('b', 'a'))).toBe(true);
  });

  it('the content excludes what the API server maintains', () => {
    expect(content(live)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', namespace: 'shop', labels: { a: '1', b: '2' } },
      data: { KEY: 'value' },
    });
  });
});
