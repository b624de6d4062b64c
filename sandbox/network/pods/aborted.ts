/** Why the work of a container ends early: its pod is deleted or the sandbox closes. Not an error to report. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** Waits for work that may be aborted; everything else it throws is passed on. */
export async function untilAborted(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Aborted)) throw error;
  }
}
