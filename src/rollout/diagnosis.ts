import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError } from '../errors.js';
import type { Problem } from '../errors.js';
import { textAt } from '../kubernetes/fields.js';
import { refOf } from '../kubernetes/object.js';
import type { KubeObject } from '../kubernetes/object.js';
import {
  activePods,
  containerStatusesOf,
  hasEnded,
  isBeingDeleted,
  isOnLostNode,
  isReady,
} from '../kubernetes/pods/pod.js';
import { conditionOf, describeCondition, statusOf } from '../kubernetes/status.js';
import type { Log } from '../log.js';
import type { Assessment } from './assessment.js';
import { warningEventsOf, type WarningEvent } from './evidence/events.js';
import { lastWords } from './pod-failure.js';
import { hideSecretsOf } from './pod-secrets.js';

/** What events and logs add to the status of an object that did not become ready. */
export interface Diagnosis {
  /** Events first, then what the container wrote: its termination message and its log, one line each. */
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

/** What a diagnosis needs beside the assessment. */
export interface DiagnosisPorts {
  readonly cluster: Cluster;
  /** Hides the Secrets of the pod. */
  readonly log: Log;
}

/**
 * Reads the Warning events and last log lines of one pod, and its node where that reports nothing of it; without a pod the events of
 * the object that should have created it. At most three requests, and one for each Secret that the pod reads: they are hidden before
 * its words are shown. If one cannot be read, a line says so instead of the words. A request that fails becomes a line of its own: it
 * must not hide the cause.
 */
export async function diagnose(assessment: Assessment, { cluster, log }: DiagnosisPorts): Promise<Diagnosis> {
  const pod = podToDiagnose(assessment);
  const subject = pod ?? assessment.podCreator ?? assessment.live;
  if (subject === undefined) return { lines: [] };
  const held = pod ?? assessment.stopping?.[0];
  const [unreadable, found, written, node] = await Promise.all([
    pod && hideSecretsOf(pod, { cluster, log }),
    eventsOf(subject, cluster),
    pod ? writtenBy(pod, { assessment, cluster }) : undefined,
    held ? nodeOf(held, cluster) : [],
  ]);
  const events = typeof found === 'string' ? [] : found.map(event => messageOf(event, unreadable === undefined));
  const [newest] = events;
  const failedProbe = events.map(withoutReason).find(text => /^(Liveness|Startup) probe failed/.test(text));
  const lines = [...(typeof found === 'string' ? [found] : events), ...linesOf(written, unreadable)];
  return {
    ...(failedProbe !== undefined && { failedProbe }),
    lines: [...node, ...lines.map(message => ({ message }))],
    ...(newest !== undefined && { newestEvent: withoutReason(newest) }),
  };
}

function withoutReason(event: string): string {
  return event.replace(/^event \S+: /, '');
}

/** The state of the node of a pod that it reports nothing of or does not end, if the node is not ready and may be read. */
async function nodeOf(pod: KubeObject, cluster: Cluster): Promise<readonly Problem[]> {
  const name = textAt(pod, ['spec', 'nodeName']);
  const isReported = containerStatusesOf(pod).length > 0;
  if (name === undefined || (isReported && !isBeingDeleted(pod) && !isOnLostNode(pod))) return [];
  // Nodes belong to no namespace: few deploys have the right to read them.
  const node = await cluster.get({ apiVersion: 'v1', kind: 'Node', name }).catch(() => undefined);
  const ready = node && conditionOf(node, 'Ready');
  if (ready === undefined || ready.status === 'True') return [];
  return [{ message: `node ${name} is not ready: ${describeCondition(ready)}` }];
}

/** Newest first, a few of each reason: many differ only in a pod's name. A text: why they could not be read. */
async function eventsOf(object: KubeObject, cluster: Cluster): Promise<readonly WarningEvent[] | string> {
  try {
    const countByReason = new Map<string, number>();
    const shown = (await warningEventsOf(object, cluster)).filter(({ reason }) => {
      countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1);
      return (countByReason.get(reason) ?? 0) <= maxPerReason;
    });
    return shown.slice(0, maxEvents);
  } catch (error) {
    return `its events could not be read: ${asCutoverError(error).message}`;
  }
}

/** The event in words. The output of a probe and of a hook is text of the pod, and comes after the first colon. */
function messageOf({ reason, message, count }: WarningEvent, mayQuote: boolean): string {
  const quotes = /^(?:Unhealthy|ProbeWarning|FailedPostStartHook|FailedPreStopHook)$/.test(reason);
  const shown = quotes && !mayQuote ? message.replace(/:.*$/, '') : message;
  return `event ${reason}: ${shown}${count > 1 ? ` (${count} times)` : ''}`;
}

/** What a container wrote. */
interface Written {
  /** `web-1/app`. */
  readonly container: string;
  /** The command that shows it. */
  readonly command: string;
  /** One line each, with the source. */
  readonly lines: readonly string[];
}

function linesOf(written: Written | undefined, unreadable: Error | undefined): readonly string[] {
  if (written === undefined || unreadable === undefined) return written?.lines ?? [];
  const { container, command } = written;
  return [
    `log of ${container}: left out, because it may show a Secret that cannot be read and hidden (${unreadable.message}); to see it: ${command}`,
  ];
}

async function writtenBy(
  pod: KubeObject,
  { assessment: { podFailure }, cluster }: { assessment: Assessment; cluster: Cluster },
): Promise<Written | undefined> {
  if (podFailure?.log === 'none') return undefined;
  const containers = containerStatusesOf(pod);
  const container = containers.find(one => one.name === podFailure?.container) ?? containers.find(one => !one.ready);
  const { terminated: ended } = container?.lastState ?? {};
  const started = container?.state?.running ?? container?.state?.terminated ?? ended;
  if (container === undefined || started === undefined) return undefined;
  // After a restart the previous instance shows the cause; while the container waits for its next start, no other has a log.
  const crashed = (ended?.exitCode ?? 0) !== 0;
  const previous = container.state?.waiting !== undefined || (container.state?.running !== undefined && crashed);
  const { name } = container;
  const id = `${pod.metadata.name}/${name}`;
  const command = `kubectl -n ${pod.metadata.namespace ?? 'default'} logs ${pod.metadata.name} -c ${name}${previous ? ' -p' : ''}`;
  const words = lastWords(container.state?.terminated ?? ended);
  const said = words === undefined ? [] : nonEmptyLines(words).map(line => `termination message of ${id}: ${line}`);
  const source = `log of ${id}${previous ? ' (previous container)' : ''}`;
  try {
    const text = await cluster.logs(refOf(pod), { container: name, lines: maxLogLines, ...(previous && { previous }) });
    const lines = nonEmptyLines(text).map(line => `${source}: ${line}`);
    return { container: id, command, lines: [...said, ...(lines.length === 0 ? [`${source}: empty`] : lines)] };
  } catch (error) {
    const why = `${source} could not be read: ${asCutoverError(error).message}`;
    return { container: id, command, lines: [...said, why] };
  }
}

function nonEmptyLines(text: string): readonly string[] {
  return text.split('\n').filter(line => line.trim() !== '');
}
