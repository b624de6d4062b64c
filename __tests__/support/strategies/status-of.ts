import type { BlueGreenState } from '../../../src/release/state.js';
import { blueGreenStatus } from '../../../src/strategies/blue-green/status.js';
import { FailedStep, type Outcome } from '../../../src/strategies/outcome/outcome.js';
import { rollingStatus } from '../../../src/strategies/rolling/status.js';
import { stepOn } from './context.js';
import { blueGreenStateOf, stateOf, type WebRelease } from './web-release.js';

/** What `action: status` ends with, also where it fails. */
export async function statusOf({ cluster }: Pick<WebRelease, 'cluster'>): Promise<Outcome> {
  const ctx = stepOn(cluster);
  const state = stateOf(cluster);
  try {
    return await (state?.strategy === 'rolling'
      ? rollingStatus(ctx, state)
      : blueGreenStatus(ctx, blueGreenStateOf(cluster) as BlueGreenState));
  } catch (error) {
    if (error instanceof FailedStep) return error.outcome;
    throw error;
  }
}
