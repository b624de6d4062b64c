import * as core from '@actions/core';
import { connect } from './cluster/connect.js';
import { asCutoverError } from './errors.js';
import { readInputs } from './inputs/read.js';
import { actionsLog } from './log.js';
import { openRecords } from './release/records.js';
import { recover } from './strategies/recover.js';
import type { PostState } from './run/context.js';
import { version } from './version.js';

/**
 * After the job, whatever became of it: when the main step was killed before it could clean up, this puts back what it had
 * begun and gives its lock back. It does nothing when the main step ended by itself, and never before a first write.
 */
export async function post(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const facts = core.getState('facts');
  if (facts === '' || core.getState('finished') === 'true') return;
  const log = actionsLog();
  try {
    const inputs = readInputs({ environment, log });
    const signal = new AbortController().signal;
    const cluster = await connect({ ...inputs, workspace: inputs.run.workspace, log, version, signal });
    const remembered = JSON.parse(facts) as PostState;
    const records = openRecords({ cluster, release: remembered.release, namespace: remembered.namespace });
    const rollbackOnFailure = !('rollbackOnFailure' in inputs) || inputs.rollbackOnFailure;
    const done = await log.group('Clean up after a killed run', () =>
      recover({ cluster, records, facts: remembered, run: inputs.run, rollbackOnFailure, log }),
    );
    log.warning(done);
  } catch (error) {
    const { message, hint } = asCutoverError(error);
    core.setFailed(
      `The step was killed and could not be cleaned up: ${message}\n${hint ?? ''}\nRun \`action: status\` to see what serves users now.`,
    );
  }
}
