import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError } from '../errors.js';
import type { Problem } from '../errors.js';
import { refOf } from '../kubernetes/object.js';
import type { KubeObject } from '../kubernetes/object.js';
import { activePods, containerStatusesOf, hasEnded, isReady } from '../kubernetes/pods/pod.js';
import { statusOf } from '../kubernetes/status.js';
import type { Assessment } from './assessment.js';
import { warningEventsOf } from './evidence/events.js';

/** What events and logs add to the status of an object that did not become ready. */
export interface Diagnosis {
  /** Events first, then the log, one line each. */
  readonly lines: readonly Problem[];
  /** Message of the newest Warning event, such as what a readiness probe got. Absent: there is no event. */
  readonly newestEvent?: string;
  /** What a liveness or startup probe got that failed, such as `Liveness probe failed: …`. Absent: none did. */
  readonly failedProbe?: string;
}

const maxEvents = 5;
const maxPerReason = 2;
const maxLogLines = 50;

/**
 * The pod to diagnose: the one that failed, else the first that is not ready. A pod that has ended is no cause while another
 * took its place; without another, and for a Job, it is the first that failed.
 */
export function podToDiagnose({ ref, podFailure, newPods }: Assessment): KubeObject | undefined {
  if (podFailure !== undefined) return podFailure.pod;
  const unready = newPods.filter(pod => !hasEnded(pod) && !isReady(pod));
  if (unready.length > 0) return activePods(unready)[0] ?? unready[0];
  return ref.kind === 'Job' || newPods.every(hasEnded)
    ? newPods.find(pod => statusOf(pod).phase === 'Failed')
    : undefined;
}

/**
 * Reads the Warning events and last log lines of one pod; without a pod the events of the object that should have created it.
 * At most two requests. A request that fails becomes a line of its own: it must not hide the cause.
 */
export async function diagnose(assessment: Assessment, cluster: Cluster): Promise<Diagnosis> {
  const pod = podToDiagnose(assessment);
  const subject = pod ?? assessment.podCreator ?? assessment.live;
  if (subject === undefined) return { lines: [] };
  const [events, log] = await Promise.all([eventsOf(subject, cluster), pod ? logOf(pod, { assessment, cluster }) : []]);
  const [newest] = events;
  const failedProbe = events.map(withoutReason).find(text => /^(Liveness|Startup) probe failed/.test(text));
  return {
    ...(failedProbe !== undefined && { failedProbe }),
    lines: [...events.map(message => ({ message })), ...log],
    ...(newest !== undefined && { newestEvent: withoutReason(newest) }),
  };
}

function withoutReason(event: string): string {
  return event.replace(/^event \S+: /, '');
}

/** Newest first, a few of each reason: many differ only in a pod's name. */
async function eventsOf(object: KubeObject, cluster: Cluster): Promise<readonly string[]> {
  try {
    const countByReason = new Map<string, number>();
    const shown = (await warningEventsOf(object, cluster)).filter(({ reason }) => {
      countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1);
      return (countByReason.get(reason) ?? 0) <= maxPerReason;
    });
    return shown.slice(0, maxEvents).map(({ reason, message, count }) => {
      return `event ${reason}: ${message}${count > 1 ? ` (${count} times)` : ''}`;
    });
  } catch (error) {
    return [`its events could not be read: ${asCutoverError(error).message}`];
  }
}

async function logOf(
  pod: KubeObject,
  { assessment: { podFailure }, cluster }: { assessment: Assessment; cluster: Cluster },
): Promise<readonly Problem[]> {
  if (podFailure?.log === 'none') return [];
  const containers = containerStatusesOf(pod);
  const container = containers.find(one => one.name === podFailure?.container) ?? containers.find(one => !one.ready);
  const started = container?.state?.running ?? container?.state?.terminated ?? container?.lastState?.terminated;
  if (container === undefined || started === undefined) return [];
  // After a restart the previous instance shows the cause; while the container waits for its next start, no other has a log.
  const crashed = (container.lastState?.terminated?.exitCode ?? 0) !== 0;
  const previous = container.state?.waiting !== undefined || (container.state?.running !== undefined && crashed);
  const { name } = container;
  const source = `log of ${pod.metadata.name}/${name}${previous ? ' (previous container)' : ''}`;
  try {
    const text = await cluster.logs(refOf(pod), { container: name, lines: maxLogLines, ...(previous && { previous }) });
    const lines = text.split('\n').filter(line => line.trim() !== '');
    return lines.length === 0
      ? [{ message: `${source}: empty` }]
      : lines.map(line => ({ message: `${source}: ${line}` }));
  } catch (error) {
    return [{ message: `${source} could not be read: ${asCutoverError(error).message}` }];
  }
}
