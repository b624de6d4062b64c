import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as source from '../../src/release/lock/lease-times.js';
import { actionUnderTest } from '../support/runner/action-under-test.js';

interface Build {
  readonly compile: (options: {
    readonly entry: string;
    readonly outfile: string;
    readonly leaseTimes?: Readonly<Record<string, number>>;
  }) => Promise<unknown>;
}

const { compile } = (await import(join('../../scripts', 'build.js'))) as Build;
const { shortLeaseTimes, leaseTimesOnCluster } = (await import(join('../../scripts', 'test-bundle.js'))) as {
  readonly shortLeaseTimes: Readonly<Record<string, number>>;
  readonly leaseTimesOnCluster: Readonly<Record<string, number>>;
};

/** The durations in what the build of the bundle makes of the source. */
async function builtWith(leaseTimes?: Readonly<Record<string, number>>): Promise<unknown> {
  const outfile = join('.cache', 'lease-times', `${leaseTimes === undefined ? 'released' : 'short'}.mjs`);
  await compile({ entry: 'src/release/lock/lease-times.ts', outfile, ...(leaseTimes && { leaseTimes }) });
  return { ...((await import(join('../..', outfile))) as object) };
}

describe('The durations of the lock', () => {
  it('are those of the source in the bundle that users get', async () => {
    expect(await builtWith()).toEqual({ ...source });
    expect({ ...source }).toEqual({ leaseMs: 60_000, longestWriteMs: 30_000, renewEveryMs: 10_000 });
  });

  it('are short in the bundle of the tests that wait for a Lease to expire', async () => {
    expect(await builtWith(shortLeaseTimes)).toEqual({ leaseMs: 3_000, longestWriteMs: 1_500, renewEveryMs: 400 });
    expect(Object.keys(shortLeaseTimes).sort()).toEqual(Object.keys(source).sort());
    expect(actionUnderTest('short lease')).not.toBe(actionUnderTest());
  });

  it.each([
    ['as released', source],
    ['short', shortLeaseTimes],
    ['short, on a real cluster', leaseTimesOnCluster],
  ])('let a Lease be renewed twice before it is too late to write (%s)', (_which, times) => {
    const { leaseMs = 0, longestWriteMs = 0, renewEveryMs = 0 } = times as Readonly<Record<string, number>>;
    expect(leaseMs - longestWriteMs).toBeGreaterThan(2 * renewEveryMs);
  });
});
