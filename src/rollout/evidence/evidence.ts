import { asCutoverError } from '../../errors.js';
import type { Cluster } from '../../cluster/cluster.js';
import { refKey } from '../../kubernetes/object.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { containerStatusesOf, isActive, isReady } from '../../kubernetes/pods/pod.js';
import { hasCondition } from '../../kubernetes/status.js';
import type { Log } from '../../log.js';
import type { Assessment } from '../assessment.js';
import { failed } from '../readiness/readiness.js';
import { missingVolume, refusedPods } from './causes.js';
import { warningEventsOf, type WarningEvent } from './events.js';

/** What is looked at: the events of one object, and which of them is the cause. */
interface Subject {
  readonly object: KubeObject;
  /** Milliseconds of silence after which its events are read. After the last, each {@link laterMs}. */
  readonly looksAtMs: readonly number[];
  /** The assessment with the cause that the event tells; `undefined`: the event tells none. */
  readonly explained: (event: WarningEvent, assessment: Assessment) => Assessment | undefined;
}

/** An object without a visible cause, and what its events have told. */
interface Silence {
  readonly uid: string;
  readonly sinceMs: number;
  looks: number;
  seen?: ReadonlySet<string>;
  cause?: WarningEvent;
}

const laterMs = 60_000;

/**
 * Finds causes that only events tell: why no pod is created, and which ConfigMap or Secret a volume lacks. An event may be left
 * from an earlier try, so a cause counts only when it happens again between two looks. One request for each look.
 */
export class Evidence {
  readonly #silent = new Map<string, Silence>();
  readonly #cluster: Pick<Cluster, 'list'>;
  readonly #log: Log;

  constructor(cluster: Pick<Cluster, 'list'>, log: Log) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** The assessment with the cause that its events have told. */
  judge(assessment: Assessment, nowMs: number): Assessment {
    const key = refKey(assessment.ref);
    const subject = subjectOf(assessment);
    if (subject === undefined) {
      this.#silent.delete(key);
      return assessment;
    }
    const { uid = '' } = subject.object.metadata;
    const silence = this.#silent.get(key);
    if (silence?.uid !== uid) this.#silent.set(key, { uid, sinceMs: nowMs, looks: 0 });
    return (silence?.uid === uid && silence.cause && subject.explained(silence.cause, assessment)) || assessment;
  }

  /** How long until the next look is due; Infinity: none is. */
  nextLookMs(assessments: readonly Assessment[], nowMs: number): number {
    return Math.min(...assessments.map(assessment => this.#dueAt(assessment) - nowMs));
  }

  /** Reads the events of the objects whose look is due. */
  async look(assessments: readonly Assessment[], nowMs: number): Promise<void> {
    const due = assessments.filter(assessment => this.#dueAt(assessment) <= nowMs);
    await Promise.all(due.map(assessment => this.#lookAt(assessment)));
  }

  #dueAt(assessment: Assessment): number {
    const subject = subjectOf(assessment);
    const silence = this.#silent.get(refKey(assessment.ref));
    if (subject === undefined || silence === undefined || silence.cause !== undefined) return Infinity;
    const { looksAtMs } = subject;
    const later = (silence.looks - looksAtMs.length + 1) * laterMs;
    return silence.sinceMs + (looksAtMs[silence.looks] ?? (looksAtMs.at(-1) ?? 0) + later);
  }

  async #lookAt(assessment: Assessment): Promise<void> {
    const subject = subjectOf(assessment);
    const silence = this.#silent.get(refKey(assessment.ref));
    if (subject === undefined || silence === undefined) return;
    silence.looks += 1;
    try {
      const events = await warningEventsOf(subject.object, this.#cluster);
      const { seen } = silence;
      silence.seen = new Set(events.map(({ occurrence }) => occurrence));
      const cause = events.find(event => seen?.has(event.occurrence) === false && subject.explained(event, assessment));
      if (cause !== undefined) silence.cause = cause;
    } catch (error) {
      // Events are optional: without the right to read them the wait ends at its timeout.
      this.#log.debug(`events could not be read: ${asCutoverError(error).message}`);
    }
  }
}

/** What to look at; `undefined` while the state of an object explains itself. */
function subjectOf(assessment: Assessment): Subject | undefined {
  const { readiness, podFailure, live, podCreator = live, lacksPods, newPods } = assessment;
  if (readiness.done || podFailure !== undefined || assessment.superseded !== undefined) return undefined;
  if (lacksPods && podCreator !== undefined) {
    // Controllers try again in the 3 s between the first two looks.
    return { object: podCreator, looksAtMs: [2_000, 5_000, 15_000], explained: withRefusal };
  }
  const pod = newPods.find(isWithoutContainers);
  if (pod === undefined) return undefined;
  // The kubelet tries again after 0.5, 1, 2, 4 and 8 s.
  return {
    object: pod,
    looksAtMs: [5_000, 15_000],
    explained: (event, before) => withMissingVolume(event, before, pod),
  };
}

/** Whether the node has the pod, but has not started to create its containers. */
function isWithoutContainers(pod: KubeObject): boolean {
  if (!isActive(pod) || isReady(pod) || !hasCondition(pod, 'PodScheduled', 'True')) return false;
  const states = containerStatusesOf(pod).map(({ state, lastState }) => [
    state?.waiting?.reason,
    lastState?.terminated,
  ]);
  return states.every(
    ([reason, ended]) => ended === undefined && (reason === 'ContainerCreating' || reason === 'PodInitializing'),
  );
}

function withRefusal(event: WarningEvent, assessment: Assessment): Assessment | undefined {
  const refusal = refusedPods(event);
  return refusal && { ...assessment, readiness: failed(refusal.reason, refusal) };
}

function withMissingVolume(event: WarningEvent, assessment: Assessment, pod: KubeObject): Assessment | undefined {
  const failure = missingVolume(event, pod);
  return failure && { ...assessment, podFailure: failure };
}
