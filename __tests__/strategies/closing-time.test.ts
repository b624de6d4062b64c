import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { batchSize, closingTime, totalMs } from '../../src/strategies/blue-green/closing/closing-time.js';

const deployment = (replicas: number, terminationGracePeriodSeconds?: number): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { replicas, template: { spec: { containers: [], terminationGracePeriodSeconds } } },
});

/** A pod that was ready so many seconds after it was created. */
const pod = (seconds: number | undefined): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `web-${seconds}`, namespace: 'shop', creationTimestamp: '2026-03-01T12:00:00Z' },
  status: {
    phase: 'Running',
    conditions: [
      {
        type: 'Ready',
        status: seconds === undefined ? 'False' : 'True',
        lastTransitionTime: new Date(Date.UTC(2026, 2, 1, 12, 0, seconds ?? 0)).toISOString(),
      },
    ],
  },
});

describe('how long replacing the pods of a role takes', () => {
  it.each([
    [1, 1],
    [3, 1],
    [4, 1],
    [8, 2],
    [11, 2],
    [20, 5],
  ])('of %i pods, at most a quarter is replaced at once, and at least one: %i', (pods, size) => {
    expect(batchSize(pods)).toBe(size);
  });

  it('is a start for each batch, as most pods took it, and the grace of the last', () => {
    const pods = [5, 5, 5, 300, undefined].map(pod);
    const time = closingTime([{ live: deployment(5, 60), pods }]);
    expect(time).toEqual({ pods: 5, atOnce: 1, batches: 5, graceMs: 60_000, startMs: 5_000 });
    expect(totalMs(time)).toBe(85_000);
  });

  it('is the grace at least where the pods are not known', () => {
    const time = closingTime([{ live: deployment(20) }]);
    expect(time).toEqual({ pods: 20, atOnce: 5, batches: 4, graceMs: 30_000 });
    expect(totalMs(time)).toBe(30_000);
  });

  it('adds up over several Deployments, one after the other', () => {
    const both = [deployment(8, 10), deployment(2, 40)].map(live => ({ live }));
    expect(closingTime(both)).toEqual({ pods: 10, atOnce: 2, batches: 6, graceMs: 40_000 });
  });

  it('does not take a pod that was unready for hours for one that starts slowly', () => {
    const time = closingTime([{ live: deployment(2, 30), pods: [pod(28_800), pod(28_800)] }]);
    expect(time.startMs).toBeUndefined();
  });

  it('counts only the pods that stay, where a role was just scaled down', () => {
    const pods = Array.from({ length: 20 }, (_, at) => pod(at));
    expect(closingTime([{ live: deployment(2, 30), pods }])).toMatchObject({ pods: 2, batches: 2 });
  });
});
