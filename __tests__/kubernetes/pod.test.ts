import { describe, expect, it } from '@jest/globals';
import { activePods, isReady } from '../../src/kubernetes/pods/pod.js';
import { pod } from '../support/objects.js';

describe('The pods that count', () => {
  it.each([
    ['a running pod', pod(), true],
    ['a pod that is not ready', pod({ ready: false }), true],
    ['a pod that has no status yet', { ...pod(), status: undefined }, true],
    ['a pod that is being deleted', pod({ deleting: true }), false],
    ['an evicted pod', pod({ phase: 'Failed' }), false],
    ['a pod that succeeded', pod({ phase: 'Succeeded' }), false],
  ])('%s: %#', (_what, one, counts) => {
    expect(activePods([one])).toEqual(counts ? [one] : []);
  });

  it.each([
    ['is being deleted', pod({ deleting: true })],
    ['has failed', pod({ phase: 'Failed' })],
  ])('a pod that %s is not ready, whatever its condition says', (_what, one) => {
    expect(isReady(one)).toBe(false);
  });
});
