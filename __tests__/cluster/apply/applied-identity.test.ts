import { describe, expect, it } from '@jest/globals';
import { appliedHash, isHashOf, RecentApplies } from '../../../src/cluster/apply/applied-identity.js';
import type { Json, KubeObject } from '../../../src/kubernetes/object.js';
import { handClock } from '../../support/cluster/scripted-server.js';

const entry = (more: Readonly<Record<string, Json>> = {}): Readonly<Record<string, Json>> => ({
  manager: 'cutover',
  operation: 'Apply',
  apiVersion: 'v1',
  time: '2026-03-01T12:00:10Z',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': { 'f:KEY': {} } },
  ...more,
});

const sent: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data: { KEY: '1' },
};

const answer = (...managedFields: readonly Json[]): KubeObject => ({
  ...sent,
  metadata: { ...sent.metadata, resourceVersion: '7', managedFields },
});

describe('the identity of an apply', () => {
  const of = (...managedFields: readonly Json[]): string | undefined => appliedHash(sent, answer(...managedFields));
  const { time: _time, ...timeless } = entry();

  it.each<readonly [string, readonly Json[]]>([
    ['the keys of the entry in another order', [Object.fromEntries(Object.entries(entry()).reverse())]],
    ['entries of other managers', [entry({ manager: 'helm' }), entry(), entry({ operation: 'Update' })]],
    ['an entry of our own status', [entry(), entry({ subresource: 'status', time: '2026-03-01T12:00:20Z' })]],
    ['entries that are none', [null, 'x', {}, entry()]],
  ])('is the same with %s', (_what, managedFields) => {
    expect(of(...managedFields)).toBe(of(entry()));
  });

  it.each<readonly [string, Json]>([
    ['a later time', entry({ time: '2026-03-01T12:00:11Z' })],
    ['an earlier time', entry({ time: '2026-03-01T12:00:09Z' })],
    ['another field', entry({ fieldsV1: { 'f:data': { 'f:KEY': {}, 'f:MORE': {} } } })],
    ['a field less', entry({ fieldsV1: {} })],
    ['another API version', entry({ apiVersion: 'v2' })],
  ])('is another one with %s in the entry', (_what, other) => {
    expect(of(other)).toEqual(expect.any(String));
    expect(of(other)).not.toBe(of(entry()));
  });

  it.each<readonly [string, readonly Json[]]>([
    ['an answer without entries', []],
    ['entries of others alone', [entry({ manager: 'helm' }), entry({ operation: 'Update' })]],
    ['an entry of our own status alone', [entry({ subresource: 'status' })]],
    ['an entry without a time', [timeless]],
    ['an entry with an empty time', [entry({ time: '' })]],
    ['an entry whose time is null', [entry({ time: null })]],
    ['a second entry without a time', [entry(), timeless]],
  ])('does not exist for %s', (_what, managedFields) => {
    expect(of(...managedFields)).toBeUndefined();
  });

  it('does not exist for an answer without managedFields', () => {
    expect(appliedHash(sent, sent)).toBeUndefined();
  });

  it('is another one for another manifest, and shows which manifest was sent', () => {
    const other = { ...sent, data: { KEY: '2' } };
    const hash = of(entry())!;
    expect(appliedHash(other, answer(entry()))).not.toBe(hash);
    expect([isHashOf(hash, sent), isHashOf(hash, other)]).toEqual([true, false]);
    expect(isHashOf(of(entry({ time: '2026-03-01T12:00:20Z' }))!, sent)).toBe(true);
  });

  it('leaves out what is not sent: status and what the API server sets', () => {
    const exported = { ...answer(entry()), status: { observed: 1 } };
    expect(appliedHash(exported, answer(entry()))).toBe(of(entry()));
  });

  it.each(['', '.', 'x', `${'0'.repeat(32)}.${'0'.repeat(32)}`])(
    'is of no manifest when the record says "%s"',
    text => {
      expect(isHashOf(text, sent)).toBe(false);
    },
  );

  it('is short: a record may have a thousand of them', () => {
    expect(of(entry())).toMatch(/^[0-9a-f]{32}\.[0-9a-f]{32}$/);
  });
});

describe('applies of this process', () => {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' };

  it('are recent for two seconds', async () => {
    const clock = handClock();
    const { signal } = new AbortController();
    const recent = new RecentApplies(clock);
    expect(recent.has(ref)).toBe(false);
    recent.note(ref);
    expect(recent.has(ref)).toBe(true);
    await clock.wait(2000, signal);
    expect(recent.has(ref)).toBe(true);
    await clock.wait(1, signal);
    expect(recent.has(ref)).toBe(false);
    recent.note(ref);
    expect(recent.has(ref)).toBe(true);
  });

  it('concern one object, in every API version', () => {
    const recent = new RecentApplies(handClock());
    recent.note(ref);
    expect(recent.has({ ...ref, apiVersion: 'apps/v2' })).toBe(true);
    expect(recent.has({ ...ref, name: 'other' })).toBe(false);
    expect(recent.has({ ...ref, namespace: 'other' })).toBe(false);
  });
});
