import type { KubeObject } from '../../object.js';
import type { Store } from '../../api/store/store.js';
import { EVENT, getByKey, NAMESPACE, timestamp } from '../kinds.js';

/** The content of an Event. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** The container of the pod that the Event is about. Absent: the whole object. */
  readonly container?: string;
}

/** Writes Events; the same note about the same object again only counts up. */
export type Recorder = (object: KubeObject, note: Note) => void;

/** The reporter of Events. */
export interface Reporter {
  /** As in `deployment-controller`. */
  readonly component: string;
  /** Node that it runs on. Absent: none in particular. */
  readonly host?: string;
  /** The `action` by reason, for reporters of events.k8s.io Events, which have a time and no count. Absent: core Events. */
  readonly action?: (reason: string) => string | undefined;
}

export function createRecorder(store: Store, reporter: Reporter): Recorder {
  const { component, host = '' } = reporter;
  const names = new Map<string, string>();

  return (object, note) => {
    const namespace = object.metadata.namespace ?? 'default';
    const home = getByKey(store, NAMESPACE, `/${namespace}`);
    // A terminating namespace accepts no new objects.
    if (!home || home.metadata.deletionTimestamp !== undefined) return;

    const { name, uid = '', resourceVersion = '' } = object.metadata;
    const identity = JSON.stringify([uid, note]);
    const known = names.get(identity);
    const earlier = known === undefined ? undefined : getByKey(store, EVENT, `${namespace}/${known}`);
    const now = timestamp();
    if (earlier && reporter.action === undefined) {
      store.update({ ...earlier, count: Number(earlier['count']) + 1, lastTimestamp: now });
      return;
    }
    const about = { kind: object.kind, apiVersion: object.apiVersion, name, namespace, uid, resourceVersion };
    const action = reporter.action?.(note.reason);
    const created = store.create({
      ...EVENT,
      metadata: { name: `${name}.${eventSuffix()}`, namespace },
      involvedObject:
        note.container === undefined ? about : { ...about, fieldPath: `spec.containers{${note.container}}` },
      type: note.type,
      reason: note.reason,
      message: note.message,
      reportingComponent: component,
      ...(action === undefined
        ? {
            source: host === '' ? { component } : { component, host },
            reportingInstance: host,
            firstTimestamp: now,
            lastTimestamp: now,
            count: 1,
            eventTime: null,
          }
        : {
            source: {},
            reportingInstance: `${component}-${host}`,
            firstTimestamp: null,
            lastTimestamp: null,
            action,
            eventTime: `${new Date().toISOString().slice(0, -1)}000Z`,
          }),
    });
    names.set(identity, created.metadata.name);
  };
}

let eventNumber = 0;
function eventSuffix(): string {
  eventNumber += 1;
  // Nanoseconds since 1970 as Kubernetes writes them, made unique by a counter.
  return (BigInt(Date.now()) * 1_000_000n + BigInt(eventNumber % 1_000_000)).toString(16);
}
