import type { Cluster } from '../../cluster/cluster.js';
import type { KubeObject } from '../../kubernetes/object.js';

/** A Warning event of an object. */
export interface WarningEvent {
  readonly reason: string;
  /** On one line. */
  readonly message: string;
  /** How often it has happened, at least 1. */
  readonly count: number;
  /** When it happened last, as its reporter writes it; empty: unknown. */
  readonly at: string;
  /** Differs from event to event, and each time that the same event happens again. */
  readonly occurrence: string;
}

interface EventObject {
  readonly metadata?: { readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** The Warning events of one object, the newest first. One request. */
export async function warningEventsOf(
  object: KubeObject,
  cluster: Pick<Cluster, 'list'>,
): Promise<readonly WarningEvent[]> {
  const { namespace, uid } = object.metadata;
  const kind = { apiVersion: 'v1', kind: 'Event', ...(namespace !== undefined && { namespace }) };
  const found = await cluster.list(kind, { fieldSelector: `involvedObject.uid=${uid ?? ''},type=Warning` });
  return (found as readonly unknown[] as readonly EventObject[])
    .map(eventOf)
    .sort((one, other) => other.at.localeCompare(one.at));
}

function eventOf({ metadata, reason = 'Warning', message = '', ...event }: EventObject): WarningEvent {
  const count = event.series?.count ?? event.count ?? 1;
  const at = event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? '';
  const occurrence = `${metadata?.name ?? message} ${count} ${at}`;
  return { reason, message: message.replace(/\s+/g, ' ').trim(), count, at, occurrence };
}
