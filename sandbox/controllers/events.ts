import type { KubeObject } from '../../src/manifests/object.js';
import type { Store } from '../api/store.js';
import { EVENT, getByKey, NAMESPACE, timestamp } from './kinds.js';

/** What is told about an object. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Container of a pod that it is about. Absent: the whole object. */
  readonly container?: string;
}

/** Writes Events; the same note about the same object again only counts up. */
export type Recorder = (object: KubeObject, note: Note) => void;

/** `component`: who tells, as in `deployment-controller`. */
export function createRecorder(store: Store, component: string): Recorder {
  const names = new Map<string, string>();

  return (object, note) => {
    const namespace = object.metadata.namespace ?? 'default';
    const home = getByKey(store, NAMESPACE, `/${namespace}`);
    // A namespace that is on its way out takes nothing new.
    if (!home || home.metadata.deletionTimestamp !== undefined) return;

    const { name, uid = '' } = object.metadata;
    const identity = JSON.stringify([uid, note]);
    const known = names.get(identity);
    const earlier = known === undefined ? undefined : getByKey(store, EVENT, `${namespace}/${known}`);
    const now = timestamp();
    if (earlier) {
      store.update({ ...earlier, count: Number(earlier['count']) + 1, lastTimestamp: now });
      return;
    }
    const about = { kind: object.kind, apiVersion: object.apiVersion, name, namespace, uid };
    const created = store.create({
      ...EVENT,
      metadata: { name: `${name}.${eventSuffix()}`, namespace },
      involvedObject:
        note.container === undefined ? about : { ...about, fieldPath: `spec.containers{${note.container}}` },
      type: note.type,
      reason: note.reason,
      message: note.message,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
    names.set(identity, created.metadata.name);
  };
}

let eventNumber = 0;
function eventSuffix(): string {
  eventNumber += 1;
  return (Date.now() * 4096 + (eventNumber % 4096)).toString(16);
}
