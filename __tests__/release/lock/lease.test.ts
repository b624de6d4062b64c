import { describe, expect, it } from '@jest/globals';
import { durationOf, heldLease, holderOf, renewedLease, runOf } from '../../../src/release/lock/lease.js';
import { leaseMs, longestWriteMs, renewEveryMs } from '../../../src/release/lock/lease-times.js';
import { foreignLease, lockRef } from '../../support/strategies/lock.js';

const holder = { holder: '1/1/deploy/abc', run: 'https://github.com/acme/shop/actions/runs/1' };
const microTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as unknown;

describe('a Lease', () => {
  it('that is taken names its holder and the page of its run', () => {
    expect(heldLease(lockRef, holder)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'cutover-web',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover' },
        annotations: { 'cutover/run': holder.run },
      },
      spec: {
        holderIdentity: holder.holder,
        leaseDurationSeconds: 60,
        acquireTime: microTime,
        renewTime: microTime,
        leaseTransitions: 0,
      },
    });
  });

  it('that is taken over counts its transitions, and is written only over the version that was seen', () => {
    const found = foreignLease({ leaseTransitions: 3 });
    const seen = { ...found, metadata: { ...found.metadata, resourceVersion: '17' } };
    expect(heldLease(lockRef, holder, seen)).toMatchObject({
      metadata: { resourceVersion: '17' },
      spec: { holderIdentity: holder.holder, leaseTransitions: 4 },
    });
  });

  it('that is renewed changes in its renewTime only', () => {
    const lease = foreignLease({ renewTime: 'long ago', acquireTime: 'long ago' });
    expect(renewedLease(lease)).toEqual(foreignLease({ renewTime: microTime, acquireTime: 'long ago' }));
  });

  it.each([
    ['its run', foreignLease(), 'https://github.com/acme/shop/actions/runs/9'],
    ['its holder, where it names no run', { ...foreignLease(), metadata: { name: 'x' } }, 'holder of run 9'],
    [
      'nobody, where it has neither',
      { ...foreignLease({ holderIdentity: '' }), metadata: { name: 'x' } },
      'an unknown run',
    ],
    [
      'nobody, where it has no specification',
      { apiVersion: 'v1', kind: 'Lease', metadata: { name: 'x' } },
      'an unknown run',
    ],
  ])('is described by %s', (_what, lease, described) => {
    expect(runOf(lease)).toBe(described);
  });

  it('has no holder where it has no specification', () => {
    expect(holderOf({ apiVersion: 'v1', kind: 'Lease', metadata: { name: 'x' } })).toBe('');
    expect(holderOf(foreignLease({ holderIdentity: 7 }))).toBe('');
  });

  it.each([
    ['what it says', 90, 90_000],
    ['ours, where it says nothing', undefined, leaseMs],
    ['ours, where it says less: its holder may be one of us', 1, leaseMs],
    ['ours, where it says no number', '600', leaseMs],
    ['ten times ours at most', 86_400, 10 * leaseMs],
  ])('lasts %s', (_what, leaseDurationSeconds, ms) => {
    expect(durationOf(foreignLease({ leaseDurationSeconds }))).toBe(ms);
  });
});

describe('the times of the lock', () => {
  it('leave room for several renewals that fail before a write must wait', () => {
    expect((leaseMs - longestWriteMs) / renewEveryMs).toBeGreaterThanOrEqual(3);
  });
});
