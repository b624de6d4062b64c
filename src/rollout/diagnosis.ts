import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError } from '../errors.js';
import type { Problem } from '../errors.js';
import { refOf } from '../kubernetes/object.js';
import type { KubeObject } from '../kubernetes/object.js';
import type { Assessment } from './assessment.js';
import { containersOf, isReady } from '../kubernetes/workload.js';

/** What can be told about a workload that did not become ready, beyond its status. */
export interface Diagnosis {
  /** Events first, then the log, one line each. */
  readonly lines: readonly Problem[];
  /** The newest Warning event's words, such as what a readiness probe got. */
  readonly newestEvent?: string;
}

const maxEvents = 5;
const maxOfAReason = 2;
const maxLogLines = 50;

interface Event {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
}

/** The pod to look at: the one in trouble, else the first that is not ready. */
export function pickPod({ trouble, newPods }: Assessment): KubeObject | undefined {
  return trouble?.pod ?? newPods.find(pod => !isReady(pod));
}

/**
 * Reads the Warning events and last log lines of the worst pod; without one the events of what should have made it. At
 * most two requests. What cannot be read is said in a line of its own: it must not hide the cause.
 */
export async function diagnose(assessment: Assessment, cluster: Cluster): Promise<Diagnosis> {
  const pod = pickPod(assessment);
  const subject = pod ?? assessment.maker ?? assessment.live;
  if (subject === undefined) return { lines: [] };
  const [events, log] = await Promise.all([eventsOf(subject, cluster), pod ? logOf(pod, { assessment, cluster }) : []]);
  const [newest] = events;
  return {
    lines: [...events.map(message => ({ message })), ...log],
    ...(newest !== undefined && { newestEvent: newest.replace(/^event \S+: /, '') }),
  };
}

/** Newest first; of many that differ only in a pod's name the newest ones. */
async function eventsOf(object: KubeObject, cluster: Cluster): Promise<readonly string[]> {
  const { namespace, uid } = object.metadata;
  const kind = { apiVersion: 'v1', kind: 'Event', ...(namespace !== undefined && { namespace }) };
  try {
    const found = await cluster.list(kind, { fieldSelector: `involvedObject.uid=${uid ?? ''},type=Warning` });
    const events = (found as readonly unknown[] as readonly Event[]).toSorted((a, b) => when(b).localeCompare(when(a)));
    const told = new Map<string, number>();
    const news = events.filter(({ reason = '' }) => {
      told.set(reason, (told.get(reason) ?? 0) + 1);
      return (told.get(reason) ?? 0) <= maxOfAReason;
    });
    return news.slice(0, maxEvents).map(event => {
      const count = event.series?.count ?? event.count ?? 1;
      const message = (event.message ?? '').replace(/\s+/g, ' ').trim();
      return `event ${event.reason ?? 'Warning'}: ${message}${count > 1 ? ` (${count} times)` : ''}`;
    });
  } catch (error) {
    return [`its events could not be read: ${asCutoverError(error).message}`];
  }
}

function when({ series, lastTimestamp, eventTime }: Event): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? '';
}

async function logOf(
  pod: KubeObject,
  { assessment: { trouble }, cluster }: { assessment: Assessment; cluster: Cluster },
): Promise<readonly Problem[]> {
  if (trouble?.log === 'none') return [];
  const containers = containersOf(pod);
  const container = containers.find(one => one.name === trouble?.container) ?? containers.find(one => !one.ready);
  const started = container?.state?.running ?? container?.state?.terminated ?? container?.lastState?.terminated;
  if (container === undefined || started === undefined) return [];
  // Of one that was restarted the life before tells why; while it waits to be started again, no other has a log.
  const crashed = (container.lastState?.terminated?.exitCode ?? 0) !== 0;
  const previous = container.state?.waiting !== undefined || (container.state?.running !== undefined && crashed);
  const { name } = container;
  const whose = `log of ${pod.metadata.name}/${name}${previous ? ' (previous life)' : ''}`;
  try {
    const text = await cluster.logs(refOf(pod), { container: name, lines: maxLogLines, ...(previous && { previous }) });
    const lines = text.split('\n').filter(line => line.trim() !== '');
    return lines.length === 0
      ? [{ message: `${whose}: empty` }]
      : lines.map(line => ({ message: `${whose}: ${line}` }));
  } catch (error) {
    return [{ message: `${whose} could not be read: ${asCutoverError(error).message}` }];
  }
}
