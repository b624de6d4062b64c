import { systemClock } from './cluster/clock.js';
import { asCutoverError, type CutoverError } from './errors.js';
import { readInputs } from './inputs/read.js';
import type { StepLog } from './log.js';
import { logPlan } from './report/log-plan.js';
import { describeRecovered } from './report/restored.js';
import { openCluster, openContext, type Run } from './run/open-context.js';
import { createRecorder } from './run/recorder.js';
import { parsePostState, savedPostState } from './run/post-state.js';
import { restoreInterrupted } from './strategies/restore-interrupted.js';
import { version } from './version.js';

/**
 * Runs after the job, whatever its result: when the main step was killed before it could clean up, this restores what it had
 * changed and releases its lock. It does nothing when the main step ended by itself, or was killed before its first write.
 */
export async function post(environment: Readonly<Record<string, string | undefined>>, log: StepLog): Promise<void> {
  const saved = savedPostState();
  if (saved === undefined) return;
  try {
    const inputs = readInputs({ environment, log });
    const postState = parsePostState(saved, inputs.run);
    const run: Run = {
      environment,
      version,
      log,
      clock: systemClock,
      cancelled: new AbortController().signal,
      recorder: createRecorder(log, () => systemClock.now()),
      logPlan: planned => logPlan(log, planned),
    };
    const { release, namespace, lockHolder: after } = postState;
    const cluster = await openCluster({ ...inputs, namespace }, run);
    const ctx = await openContext(run, { cluster, inputs, release, after });
    const rollbackOnFailure = !('rollbackOnFailure' in inputs) || inputs.rollbackOnFailure;
    const recovered = await log.group('Clean up after a killed run', () =>
      restoreInterrupted(ctx, { postState, rollbackOnFailure }),
    );
    log.warning(describeRecovered(recovered));
  } catch (error) {
    log.fail(notCleanedUp(asCutoverError(error)));
  }
}

function notCleanedUp({ message, hint = '' }: CutoverError): string {
  return `What the step left could not be cleaned up: ${message}\n${hint}\nRun \`action: status\` to see what serves users now.`;
}
