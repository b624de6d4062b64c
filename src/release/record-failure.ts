import { asCutoverError } from '../errors.js';
import type { RecordWriter } from './records.js';
import type { ReleaseState } from './state.js';

/** A part of every failure that is recorded. */
export interface RecordNote {
  /** Why the release record could not be updated. Absent: it was, or the failure itself is that the record is unknown. */
  readonly unrecorded?: string;
}

/** Writes the state after a failure. The failure itself is what the step must end with, so this never throws. */
export async function recordFailure(records: RecordWriter, state: ReleaseState): Promise<RecordNote> {
  const wasUnknown = state.base.failure !== undefined;
  try {
    await records.writeState(state);
    return {};
  } catch (error) {
    const { code, message, cause } = asCutoverError(error);
    if (code !== 'record-unknown') return { unrecorded: message };
    return wasUnknown ? {} : { unrecorded: asCutoverError(cause).message };
  }
}
