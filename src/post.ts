import { asCutoverError, type CutoverError } from './errors.js';
import { readInputs } from './inputs/read.js';
import type { StepLog } from './log.js';
import { openRecords } from './release/records.js';
import { describeRecovered } from './report/restored.js';
import { openCluster } from './run/open-context.js';
import { readPostState } from './run/post-state.js';
import { restoreInterrupted } from './strategies/restore-interrupted.js';
import { version } from './version.js';

/**
 * Runs after the job, whatever its result: when the main step was killed before it could clean up, this restores what it had
 * changed and releases its lock. It does nothing when the main step ended by itself, or was killed before its first write.
 */
export async function post(environment: Readonly<Record<string, string | undefined>>, log: StepLog): Promise<void> {
  const postState = readPostState();
  if (postState === undefined) return;
  try {
    const inputs = readInputs({ environment, log });
    const cluster = await openCluster(inputs, { log, version });
    const { release, namespace } = postState;
    const records = openRecords({ cluster, release, namespace });
    const ctx = { cluster, records, run: inputs.run, log };
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
  return `The step was killed and could not be cleaned up: ${message}\n${hint}\nRun \`action: status\` to see what serves users now.`;
}
