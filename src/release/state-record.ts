import { isStrategyName } from '../inputs/actions.js';
import { isFields } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';
import { recordData, recordRef, recordSecret, unusable } from './record-secret.js';
import type { ReleaseState } from './state.js';

const key = 'state';

/** The Secret that holds the state. */
export function encodeState(state: ReleaseState, namespace: string): KubeObject {
  const { release } = state;
  const data = { [key]: Buffer.from(JSON.stringify(state, null, 1)) };
  return recordSecret(recordRef(release, namespace), { release, part: 'state', data });
}

/** Decodes the Secret of a state. Throws `record` when it is invalid or of another format. */
export function decodeState(secret: KubeObject): ReleaseState {
  const text = recordData(secret, key).toString('utf8');
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw unusable(secret, `its key "${key}" is not JSON`, error);
  }
  if (!isState(state)) throw unusable(secret, 'it was written by another version of Cutover, or manually');
  return state;
}

function isState(value: unknown): value is ReleaseState {
  if (!isFields(value)) return false;
  const { format, release, strategy, latest, revisions, history, applied, operation } = value;
  return (
    format === 1 &&
    typeof release === 'string' &&
    isStrategyName(strategy) &&
    typeof latest === 'number' &&
    Array.isArray(revisions) &&
    isFields(applied) &&
    Array.isArray(history) &&
    (operation === undefined || isFields(operation)) &&
    (strategy === 'rolling' || hasRoles(value))
  );
}

function hasRoles({ publicService, roleNames, roles, staged }: Readonly<Record<string, unknown>>): boolean {
  return (
    isFields(publicService) &&
    Array.isArray(roleNames) &&
    roleNames.length === 2 &&
    isFields(roles) &&
    (staged === undefined || isFields(staged))
  );
}
