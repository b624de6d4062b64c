import type { KubeObject } from '../kubernetes/object.js';
import { releaseState } from './guards/state.js';
import { RecordBase } from './record-base.js';
import { guarded, recordJson, recordLimit, recordRef, recordSecret, requireRecordOf } from './record-secret.js';
import type { HistoryEntry, ReleaseState, RoleRecord } from './state.js';

const key = 'state';

/** The Secret that holds the state. What no later step needs is left out where it would be too big: see {@link bytesOf}. */
export function encodeState(state: ReleaseState, namespace: string): KubeObject {
  const { release } = state;
  const data = { [key]: bytesOf(state) };
  return recordSecret(recordRef(release, namespace), { release, part: 'state', data });
}

/** Decodes the Secret of a state. Throws `record` when it is invalid, of another format, or of another release. */
export function decodeState(secret: KubeObject): ReleaseState {
  const state = guarded(secret, releaseState, recordJson(secret, key));
  requireRecordOf(secret, state.release);
  return { ...state, base: new RecordBase(secret) };
}

/**
 * The state as JSON. Beyond the limit of a Secret, the images of the oldest entries of history are left out; if that is not
 * enough, the proofs that objects are unchanged, which the next deploy then reads instead.
 */
function bytesOf(state: ReleaseState): Buffer {
  const whole = encoded(state);
  if (whole.length <= recordLimit) return whole;
  const short = encoded({ ...state, history: withoutOldImages(state.history, whole.length - recordLimit) });
  return short.length <= recordLimit
    ? short
    : encoded({ ...withoutProofs(state), history: withoutImages(state.history) });
}

function encoded(state: ReleaseState): Buffer {
  return Buffer.from(JSON.stringify(state, null, 1));
}

/** The history with at least `excess` bytes less, if its images have so many. */
function withoutOldImages(history: readonly HistoryEntry[], excess: number): readonly HistoryEntry[] {
  let left = excess;
  const oldestFirst = [...history].reverse().map(entry => {
    if (left <= 0) return entry;
    left -= Buffer.byteLength(JSON.stringify(entry.images)) - 2;
    return { ...entry, images: [] };
  });
  return oldestFirst.reverse();
}

function withoutImages(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return history.map(entry => ({ ...entry, images: [] }));
}

/** An object without its proof is read and compared before the next deploy. */
function withoutProofs(state: ReleaseState): ReleaseState {
  if (state.strategy === 'rolling') return { ...state, applied: {} };
  const { staged, roles } = state;
  return {
    ...state,
    applied: {},
    roles: Object.fromEntries(Object.entries(roles).map(([role, record]) => [role, withoutProof(record)])),
    ...(staged?.previous !== undefined && { staged: { ...staged, previous: withoutProof(staged.previous) } }),
  };
}

function withoutProof({ applied: _proofs, ...record }: RoleRecord): RoleRecord {
  return record;
}
