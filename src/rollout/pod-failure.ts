import type { KubeObject } from '../kubernetes/object.js';
import { conditionOf, containersOf, isReady, statusOf } from '../kubernetes/workload.js';
import type { ContainerState, ContainerStatus } from '../kubernetes/workload.js';

/** Why a pod will not become ready by waiting. */
export interface PodFailure {
  readonly pod: KubeObject;
  readonly container: string;
  /** One sentence without its end, container and pod named. */
  readonly sentence: string;
  readonly hint: string;
  /** How long it must last before it counts. */
  readonly patienceMs: number;
  /** Whose log tells more: of this life of the container, the one before, or none since it never ran. */
  readonly log: 'current' | 'previous' | 'none';
}

/** What a waiting reason means, where waiting does not help. The patience is for what a controller may still mend. */
const hopeless: Readonly<Record<string, { readonly patienceMs: number; readonly kind: 'image' | 'start' }>> = {
  InvalidImageName: { patienceMs: 0, kind: 'image' },
  ErrImageNeverPull: { patienceMs: 0, kind: 'image' },
  SignatureValidationFailed: { patienceMs: 0, kind: 'image' },
  ImageInspectError: { patienceMs: 15_000, kind: 'image' },
  // Kubelet tries again after 10, 20 and 40 s: what a registry is asked for three times in vain.
  ErrImagePull: { patienceMs: 60_000, kind: 'image' },
  ImagePullBackOff: { patienceMs: 60_000, kind: 'image' },
  RegistryUnavailable: { patienceMs: 60_000, kind: 'image' },
  CreateContainerConfigError: { patienceMs: 15_000, kind: 'start' },
  CreateContainerError: { patienceMs: 15_000, kind: 'start' },
  RunContainerError: { patienceMs: 15_000, kind: 'start' },
};

/**
 * How registries and container runtimes say that a pull cannot work however often it is tried: there is no such image, or it
 * may not be read. Anything else, such as a registry that does not answer or asks for fewer requests, may pass.
 */
const finalPull =
  /not ?found|manifest unknown|name unknown|repository does not exist|unauthorized|denied|forbidden|authorization failed|authentication required|no basic auth credentials|no match for platform/i;

const hints = {
  image: 'Check the image’s name and tag, and that the cluster may pull it (imagePullSecrets).',
  start: 'Check the ConfigMaps, Secrets, volumes and the command that the container names.',
  crash: 'The last log lines of the container say why.',
  memory: 'Raise resources.limits.memory, or find out what uses so much.',
};

/** The first hopeless container of a pod; `undefined` when waiting may help. */
export function podFailureOf(pod: KubeObject): PodFailure | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  for (const container of containersOf(pod)) {
    const found = containerTrouble(container, pod);
    if (found !== undefined) return { ...found, pod, container: container.name };
  }
  return undefined;
}

function containerTrouble(
  container: ContainerStatus,
  pod: KubeObject,
): Omit<PodFailure, 'pod' | 'container'> | undefined {
  const { name, image = '', restartCount = 0, state, lastState } = container;
  const who = `container ${name} of pod ${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`;
  const { reason = '', message = '' } = state?.waiting ?? {};
  const known = hopeless[reason];
  if (known?.kind === 'image') {
    const why = message === '' ? reason : `${reason}: ${oneLine(message)}`;
    return {
      sentence: `${who} cannot get its image ${image} (${why})`,
      hint: hints.image,
      patienceMs: finalPull.test(message.replaceAll(image, '')) ? 0 : known.patienceMs,
      log: 'none',
    };
  }
  if (known !== undefined) {
    return {
      sentence: `${who} cannot be started (${reason}${message === '' ? '' : `: ${oneLine(message)}`})`,
      hint: hints.start,
      patienceMs: known.patienceMs,
      log: 'none',
    };
  }
  if (restartCount < 2) return undefined;
  const ended = state?.terminated ?? lastState?.terminated;
  const memory = ended?.reason === 'OOMKilled';
  // A kubelet may go on telling of the end while it already holds the next start back.
  const looping = reason === 'CrashLoopBackOff' || (state?.terminated?.exitCode ?? 0) !== 0;
  // A pod that is ready now has got over whatever killed it before.
  if (!looping && !(memory && !isReady(pod))) return undefined;
  const end = memory ? 'it used more memory than its limit (OOMKilled)' : exitOf(ended);
  const sentence = `${who} keeps crashing: ${end}, ${restartCount} restarts`;
  // Its command could not even be started, so there is no log of it.
  if (ended?.reason === 'StartError') return { sentence, hint: hints.start, patienceMs: 0, log: 'none' };
  const log = state?.terminated === undefined ? 'previous' : 'current';
  return { sentence, hint: memory ? hints.memory : hints.crash, patienceMs: 0, log };
}

function exitOf(ended: ContainerState['terminated']): string {
  if (ended?.exitCode === undefined) return 'its exit code is unknown';
  const { exitCode, reason, message } = ended;
  const words = [reason === 'Error' ? undefined : reason, message && oneLine(message)].filter(Boolean).join(': ');
  return `exit code ${exitCode}${words === '' ? '' : ` (${words})`}`;
}

/** In a few words, why a pod is not ready; for what a wait still waited for. */
export function whyNotReady(pod: KubeObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'stopping';
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return `cannot be scheduled: ${oneLine(scheduled.message ?? scheduled.reason ?? '')}`;
  for (const { name, ready, restartCount = 0, state, lastState } of containersOf(pod)) {
    const again = restartCount === 0 ? '' : `, restarted ${restartCount === 1 ? 'once' : `${restartCount} times`}`;
    const { waiting, terminated } = state ?? {};
    if (waiting !== undefined) {
      const end = lastState?.terminated === undefined ? '' : `, ${exitOf(lastState.terminated)}`;
      const said = waiting.message === undefined ? '' : `: ${oneLine(waiting.message)}`;
      return `container ${name} waits (${waiting.reason ?? 'no reason given'}${said}${end}${again})`;
    }
    if (terminated !== undefined && terminated.exitCode !== 0)
      return `container ${name} ended with ${exitOf(terminated)}${again}`;
    if (state?.running !== undefined && ready === false) return `container ${name} runs but is not ready${again}`;
  }
  const { phase = 'Pending' } = statusOf(pod);
  return `${phase.toLowerCase()}, not ready`;
}

/** Cut between words: half of a secret would no longer be masked. */
function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^(.{1,300}) .*$/, (all, head: string) => (all.length <= 300 ? all : `${head} …`));
}
