import { listAt, textAt } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';
import {
  containerStatusesOf,
  hasEnded,
  isActive,
  isBeingDeleted,
  isOnLostNode,
  isReady,
} from '../kubernetes/pods/pod.js';
import { conditionOf, statusOf } from '../kubernetes/status.js';
import type { ContainerState, ContainerStatus } from '../kubernetes/status.js';
import { oneLine } from './one-line.js';
import type { Patience } from './readiness/readiness.js';

/** Why a pod will not become ready by itself. */
export interface PodFailure extends Patience {
  readonly pod: KubeObject;
  /** Empty: the failure is one of the whole pod. */
  readonly container: string;
  /** One sentence without a full stop, which names container and pod. */
  readonly message: string;
  readonly hint: string;
  /** Of a pull that will not succeed later either: whether it was just tried. It counts when it was tried again. */
  readonly pull?: 'tried' | 'backing off';
  /** Which log of the container explains it: of its current instance, of the previous one, or none since it never ran. */
  readonly log: 'current' | 'previous' | 'none';
}

type ContainerFailure = Omit<PodFailure, 'pod' | 'container'>;

/** The waiting reasons of a container that fail a pod. A tolerance where a controller or the kubelet may still succeed. */
const waitingFailures: Readonly<Record<string, Patience & { readonly kind: 'image' | 'start' }>> = {
  InvalidImageName: { toleranceMs: 0, kind: 'image' },
  ErrImageNeverPull: { toleranceMs: 0, kind: 'image' },
  SignatureValidationFailed: { toleranceMs: 0, kind: 'image' },
  ImageInspectError: { toleranceMs: 15_000, kind: 'image' },
  // The kubelet tries again after 10, 20 and 40 s: the registry has then failed three times.
  ErrImagePull: { toleranceMs: 60_000, kind: 'image' },
  ImagePullBackOff: { toleranceMs: 60_000, kind: 'image' },
  RegistryUnavailable: { toleranceMs: 60_000, kind: 'image' },
  // What the container names may be made by another object of the set, such as an ExternalSecret.
  CreateContainerConfigError: { toleranceMs: 15_000, mayEndWith: 'others', kind: 'start' },
  CreateContainerError: { toleranceMs: 15_000, kind: 'start' },
  RunContainerError: { toleranceMs: 15_000, kind: 'start' },
};

/**
 * Messages of registries and container runtimes for a pull that fails however often it is tried: the image does not exist,
 * or the cluster may not pull it. Any other failure, such as a registry that does not answer or limits the rate, may pass.
 * One further try is left to them: a push may be under way.
 */
const permanentPullFailure =
  /not ?found|manifest unknown|name unknown|repository does not exist|unauthorized|denied|forbidden|authorization failed|authentication required|no basic auth credentials|no match for platform/i;

/** The kubelet tries again after 10 s, and needs some more to start. */
const permanentPullToleranceMs = 30_000;

const hints = {
  image: 'Check the image’s name and tag, and that the cluster may pull it (imagePullSecrets).',
  start: 'Check the ConfigMaps, Secrets, volumes and the command that the container names.',
  crash: 'See the last log lines of the container.',
  memory: 'Raise resources.limits.memory, or find out what uses so much.',
};

/** The first failure of an active pod's containers; `undefined` when the pod may become ready by itself. */
export function podFailureOf(pod: KubeObject): PodFailure | undefined {
  if (!isActive(pod)) return undefined;
  for (const container of containerStatusesOf(pod)) {
    const failure = waitingFailure(container, pod) ?? crashFailure(container, pod);
    if (failure !== undefined) return { ...failure, pod, container: container.name };
  }
  return undefined;
}

function nameOf({ name }: ContainerStatus, { metadata }: KubeObject): string {
  return `container ${name} of pod ${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** A container whose image cannot be pulled, or that cannot be started. */
function waitingFailure(container: ContainerStatus, pod: KubeObject): ContainerFailure | undefined {
  const { image = '', state } = container;
  const { reason = '', message = '' } = state?.waiting ?? {};
  const failure = Object.hasOwn(waitingFailures, reason) ? waitingFailures[reason] : undefined;
  if (failure === undefined) return undefined;
  const { kind, ...patience } = failure;
  const why = message === '' ? reason : `${reason}: ${oneLine(message)}`;
  const name = nameOf(container, pod);
  if (kind === 'start')
    return { message: `${name} cannot be started (${why})`, hint: hints.start, ...patience, log: 'none' };
  // An image's own name may contain such words.
  const isPermanent = permanentPullFailure.test(message.replaceAll(image, ''));
  return {
    message: `${name} cannot pull its image ${image} (${why})`,
    hint: hints.image,
    ...(isPermanent
      ? { toleranceMs: permanentPullToleranceMs, pull: reason === 'ErrImagePull' ? 'tried' : 'backing off' }
      : patience),
    log: 'none',
  };
}

/** A container that crashed at least twice after its first start, and has not recovered. */
function crashFailure(container: ContainerStatus, pod: KubeObject): ContainerFailure | undefined {
  const { restartCount = 0, state, lastState } = container;
  if (restartCount < 2) return undefined;
  const terminated = state?.terminated ?? lastState?.terminated;
  const outOfMemory = terminated?.reason === 'OOMKilled';
  // A kubelet may still report the exit while it already delays the next start.
  const crashLooping = state?.waiting?.reason === 'CrashLoopBackOff' || (state?.terminated?.exitCode ?? 0) !== 0;
  // A pod that is ready now has recovered from an earlier OOM kill.
  if (!crashLooping && !(outOfMemory && !isReady(pod))) return undefined;
  const exit = outOfMemory ? 'it used more memory than its limit (OOMKilled)' : describeExit(terminated);
  const message = `${nameOf(container, pod)} keeps crashing: ${exit}, ${restartCount} restarts`;
  // Its command could not be started, so it has no log.
  if (terminated?.reason === 'StartError') return { message, hint: hints.start, toleranceMs: 0, log: 'none' };
  const log = state?.terminated === undefined ? 'previous' : 'current';
  if (outOfMemory) return { message, hint: hints.memory, toleranceMs: 0, log };
  // It may crash until another object of the set is ready, such as its database.
  return { message, hint: hints.crash, toleranceMs: 0, mayEndWith: 'others', log };
}

/** Reasons of an end whose message is one of the runtime. With any other, the container has written it, like its log. */
const runtimeReasons = ['StartError', 'ContainerCannotRun', 'ContainerStatusUnknown'];

/** What a container wrote before it ended, such as the end of its log; `undefined`: nothing. */
export function lastWords(terminated: ContainerState['terminated']): string | undefined {
  const { reason = '', message = '' } = terminated ?? {};
  return message.trim() === '' || runtimeReasons.includes(reason) ? undefined : message;
}

function describeExit(terminated: ContainerState['terminated']): string {
  if (terminated?.exitCode === undefined) return 'its exit code is unknown';
  const { exitCode, reason, message } = terminated;
  const cause = lastWords(terminated) === undefined ? message && oneLine(message) : undefined;
  const why = [reason === 'Error' ? undefined : reason, cause].filter(Boolean).join(': ');
  return `exit code ${exitCode}${why === '' ? '' : ` (${why})`}`;
}

/** What may keep a pod that is being deleted: its grace, finalizers, and the node that has to report its end. */
function describeStopping(pod: KubeObject): string {
  const { deletionGracePeriodSeconds: grace } = pod.metadata;
  const finalizers = listAt(pod, ['metadata', 'finalizers']).join(', ');
  const node = textAt(pod, ['spec', 'nodeName']);
  const facts = [
    ...(typeof grace === 'number' ? [`its grace is ${grace} s`] : []),
    ...(finalizers === '' ? [] : [`finalizers ${finalizers}`]),
    ...(node === undefined ? [] : [`on node ${node}`]),
  ];
  return facts.length === 0 ? 'stopping' : `stopping (${facts.join(', ')})`;
}

/** Short reason why a pod is not ready, for the error of a wait that timed out. An evicted pod says so itself. */
export function whyNotReady(pod: KubeObject): string {
  const node = textAt(pod, ['spec', 'nodeName']);
  const lost = isOnLostNode(pod) && node !== undefined ? `its node ${node} is not ready` : undefined;
  if (isBeingDeleted(pod)) return [describeStopping(pod), lost].filter(text => text !== undefined).join('; ');
  if (lost !== undefined) return lost;
  const { phase = 'Pending', reason, message } = statusOf(pod);
  if (hasEnded(pod) && reason !== undefined)
    return `${phase.toLowerCase()} (${[reason, message && oneLine(message)].filter(Boolean).join(': ')})`;
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return `cannot be scheduled: ${oneLine(scheduled.message ?? scheduled.reason ?? '')}`;
  for (const { name, ready, restartCount = 0, state, lastState } of containerStatusesOf(pod)) {
    const restarts = restartCount === 0 ? '' : `, restarted ${restartCount === 1 ? 'once' : `${restartCount} times`}`;
    const { waiting, terminated } = state ?? {};
    if (waiting !== undefined) {
      const exit = lastState?.terminated === undefined ? '' : `, ${describeExit(lastState.terminated)}`;
      const message = waiting.message === undefined ? '' : `: ${oneLine(waiting.message)}`;
      return `container ${name} waits (${waiting.reason ?? 'no reason given'}${message}${exit}${restarts})`;
    }
    if (terminated !== undefined && terminated.exitCode !== 0)
      return `container ${name} ended with ${describeExit(terminated)}${restarts}`;
    if (state?.running !== undefined && ready === false) return `container ${name} runs but is not ready${restarts}`;
  }
  const condition = conditionOf(pod, 'Ready');
  // All containers are ready, so something else is missing: a readiness gate of the pod.
  if (condition?.status === 'False' && condition.reason === 'ReadinessGatesNotReady')
    return `its containers are ready, but a readiness gate is not: ${oneLine(condition.message ?? condition.reason)}`;
  return hasEnded(pod) ? phase.toLowerCase() : `${phase.toLowerCase()}, not ready`;
}
