import './heap-limits.js';
import { getState, saveState } from '@actions/core';
import { CutoverError } from './errors.js';
import { takeEnvironment } from './inputs/own-environment.js';
import { actionsLog } from './log.js';
import { main } from './main.js';
import { post } from './post.js';
import { runToEnd } from './run-to-end.js';

const log = actionsLog();
// Node.js would print the error, whose message may come from outside, as it is.
process.once('uncaughtException', error => {
  log.fail(`Cutover ended with an unexpected error: ${error.stack ?? error.message}`);
  process.exit(1);
});

// With an `await` at the top level, the bundle would be one function inside another, and Node would parse all of it once more.
runToEnd(async () => {
  const environment = takeEnvironment(process.env);
  // The runner starts the same file twice: for the step, and after the job.
  if (getState('isPost') === 'true') return post(environment, log);
  saveState('isPost', 'true');
  const cancel = new AbortController();
  const stop = (): void => cancel.abort(runCancelled());
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return main({ environment, cancelled: cancel.signal, log });
}, log);

function runCancelled(): CutoverError {
  return new CutoverError('The run was cancelled', {
    code: 'cancelled',
    hint: 'Run the step again when you are ready.',
  });
}
