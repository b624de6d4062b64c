import { fieldAt, fieldsAt, listAt, withField, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { lastingContainers, mainContainers, podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import { PodIndex } from '../../kubernetes/selectors.js';
import type { Resource } from '../resource.js';

/** Workloads that replace their pods; the hooks of a bare Pod are immutable, and Jobs receive no traffic. */
const rollingKinds = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet']);

/** Default of Kubernetes for terminationGracePeriodSeconds. */
const defaultGrace = 30;
/** Seconds that remain for the process to shut down after the sleep. */
export const minShutdownSeconds = 5;
/** Workloads whose grace period is logged; the rest is only counted. */
const mostListed = 10;

const hookPath: Path = ['lifecycle', 'preStop'];

/** Seconds that the preStop hook of a container sleeps, natively or by the `sleep` of its command; 0 if neither is found. */
export function sleepSecondsOf(container: unknown): number {
  const seconds = fieldAt(container, [...hookPath, 'sleep', 'seconds']);
  if (typeof seconds === 'number') return seconds;
  const command = listAt(container, [...hookPath, 'exec', 'command']).join(' ');
  return Number(/\bsleep\s+(\d+)/.exec(command)?.[1] ?? 0);
}

export function hasPreStop(container: unknown): boolean {
  return Object.keys(fieldsAt(container, hookPath)).length > 0;
}

/** The grace period of an object's pods in seconds: what is written, else the default. */
export function graceOf(object: KubeObject): number {
  const written = fieldAt(object, [...(podSpecPath(object) ?? []), 'terminationGracePeriodSeconds']);
  return typeof written === 'number' ? written : defaultGrace;
}

interface Delayed {
  readonly object: KubeObject;
  /** The grace period, if it is not as before. */
  readonly grace?: number;
}

function delayStop(object: KubeObject, spec: Path, seconds: number): Delayed {
  const withoutHook = mainContainers(object).filter(({ fields }) => !hasPreStop(fields));
  if (withoutHook.length === 0) return { object };
  const before = graceOf(object);
  // Containers of a pod serve together: none may stop while another still waits.
  const own = Math.min(before, Math.max(0, ...lastingContainers(object).map(({ fields }) => sleepSecondsOf(fields))));
  const sleep = Math.max(seconds, own);
  const hooked = withoutHook.reduce((result, { path }) => {
    return withField(result, [...path, ...hookPath], { sleep: { seconds: sleep } });
  }, object);
  // The sleep is part of the grace period: without this, processes would be killed earlier after SIGTERM than before.
  const grace = Math.max(before + sleep - own, sleep + minShutdownSeconds);
  if (grace === before) return { object: hooked };
  return { object: withField(hooked, [...spec, 'terminationGracePeriodSeconds'], grace), grace };
}

export interface PreStopResult {
  readonly resources: readonly Resource[];
  readonly notes: readonly string[];
}

/**
 * Adds `preStop: {sleep}` to the containers of every workload that a Service of the manifests selects, where they have no
 * preStop hook: a process that stops at once loses the requests that still arrive until every node has removed the pod from
 * its endpoints. A container without ports gets it too: another may need it to answer. A sidecar among the init containers
 * gets none: it receives SIGTERM only when all other containers have ended. The grace period grows by the sleep.
 */
export function addPreStop(resources: readonly Resource[], seconds: number): PreStopResult {
  const objects = resources.map(({ object }) => object);
  const pods = new PodIndex(objects);
  const routed = new Set(objects.flatMap(object => pods.routedBy(object)));
  const raised: string[] = [];
  const delayed = resources.map(resource => {
    const { object } = resource;
    const spec = rollingKinds.has(groupKind(object)) ? podSpecPath(object) : undefined;
    if (spec === undefined || !routed.has(object)) return resource;
    const result = delayStop(object, spec, seconds);
    if (result.grace !== undefined) raised.push(`${describeRef(refOf(object))} ${graceOf(object)} → ${result.grace}`);
    return { ...resource, object: result.object };
  });
  return { resources: delayed, notes: raised.length === 0 ? [] : [raisedNote(raised)] };
}

function raisedNote(raised: readonly string[]): string {
  const listed = raised.slice(0, mostListed).join(', ');
  const more = raised.length > mostListed ? ` and ${raised.length - mostListed} more` : '';
  return (
    'terminationGracePeriodSeconds includes the preStop sleep (input pre-stop) and is raised, so that processes keep their ' +
    `time to shut down: ${listed}${more}`
  );
}
