import type { KubeObject } from '../kubernetes/object.js';
import { releaseState } from './guards/state.js';
import { RecordBase } from './record-base.js';
import { guarded, recordJson, recordRef, recordSecret, requireRecordOf } from './record-secret.js';
import type { ReleaseState } from './state.js';

const key = 'state';

/** The Secret that holds the state. */
export function encodeState(state: ReleaseState, namespace: string): KubeObject {
  const { release } = state;
  const data = { [key]: Buffer.from(JSON.stringify(state, null, 1)) };
  return recordSecret(recordRef(release, namespace), { release, part: 'state', data });
}

/** Decodes the Secret of a state. Throws `record` when it is invalid, of another format, or of another release. */
export function decodeState(secret: KubeObject): ReleaseState {
  const state = guarded(secret, releaseState, recordJson(secret, key));
  requireRecordOf(secret, state.release);
  return { ...state, base: new RecordBase(secret) };
}
