import type { StepLog } from './log.js';

/** What `runToEnd` uses of the process. */
export interface EndingProcess {
  exitCode?: number | string | null | undefined;
  once(event: 'exit', listener: () => void): unknown;
}

/**
 * Runs the work of this process. A process whose work waits for something that can no longer happen ends, and Node would call that a
 * success: it fails instead. An error of `work` is thrown as an uncaught exception.
 */
export function runToEnd(work: () => Promise<void>, log: StepLog, ending: EndingProcess = process): void {
  let isOver = false;
  ending.once('exit', () => {
    if (isOver || ending.exitCode === 1) return;
    log.fail(
      'Cutover ended before its work was done, which is a bug in it. Run `action: status` to see what serves users.',
    );
    ending.exitCode = 1;
  });
  const throwLater = (error: unknown): void => {
    process.nextTick(() => {
      throw error;
    });
  };
  work().then(() => {
    isOver = true;
  }, throwLater);
}
