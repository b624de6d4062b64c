import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/cluster/clock.js';
import type { Rollback } from '../../src/inputs/inputs.js';
import { rollBackBlueGreen } from '../../src/strategies/blue-green/rollback/rollback.js';
import { runOf, stepOn } from '../support/strategies/context.js';
import { promoted } from '../support/strategies/switched-by-others.js';
import {
  blueGreenStateOf,
  check,
  closeReleases,
  served,
  serviceRef,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const strict = { kind: 'on', perSecond: 50, maxFailures: 0 } as const;

const inputs = {
  action: 'rollback',
  idlePolicy: { policy: 'keep' },
  ...{ drainMs: 0, closeConnections: 'off', timeoutMs: 60_000, lockTimeoutMs: 0, stableForMs: 0 },
  ...{
    rollbackOnFailure: true,
    historyLimit: 10,
    syntheticTraffic: strict,
    verify: [{ ...check, retryMs: 5_000, intervalMs: 20 }],
    environment: {},
  },
  job: { serverUrl: 'https://github.com', runnerName: 'runner-1' },
} as const;

/** Rolls back in real time, since requests are sent meanwhile. */
async function rollBack(web: WebRelease) {
  const run = runOf(9);
  const ctx = stepOn(web.cluster, { run, clock: { ...systemClock, waited: [] }, syntheticTraffic: strict });
  const state = blueGreenStateOf(web.cluster)!;
  return rollBackBlueGreen(ctx, { inputs: { ...inputs, run } as Rollback, state });
}

describe('with max-failures: 0', () => {
  it('a rollback from a version that fails is made, and stays', async () => {
    const web = await promoted();
    // The first requests after the switch still reach v2, which fails.
    let late = 3;
    web.answer = ({ kind }) => {
      if (kind !== 'Service') return 200;
      const selector = (web.cluster.store.get(serviceRef('web'))?.['spec'] as { selector: { role: string } }).selector;
      return selector.role === 'blue' && late-- > 0 ? 500 : 200;
    };
    await expect(rollBack(web)).resolves.toMatchObject({ outcome: 'rolled-back', activeRole: 'blue' });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });
});
