import type { Condition } from '../controllers/kinds.js';
import type { ContainerStatus, Pod, PodStatus } from '../controllers/pod.js';
import type { Verdict } from '../controllers/status.js';
import { setCondition } from '../controllers/status.js';

/** What the kubelet knows of a pod. */
export interface PodFacts {
  readonly containers: readonly ContainerStatus[];
  readonly inits: readonly ContainerStatus[];
  /** All init containers have succeeded. */
  readonly initialized: boolean;
  /** An init container has failed for good. */
  readonly failed: boolean;
  readonly podIP: string;
  readonly hostIP: string;
  readonly startTime: string;
}

/** The status a kubelet reports. Conditions of others stay as they are. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const phase = phaseOf(pod.spec.restartPolicy ?? 'Always', facts);
  const verdicts: readonly Verdict[] = [
    { type: 'PodScheduled', status: 'True' },
    sandboxed(phase),
    initialized(phase, facts),
    ready('Ready', phase, facts),
    ready('ContainersReady', phase, facts),
  ];
  const before: readonly Condition[] = pod.status?.conditions ?? [];
  const ip = facts.podIP;
  return {
    ...pod.status,
    phase,
    conditions: verdicts.reduce(setCondition, before),
    ...{ hostIP: facts.hostIP, hostIPs: [{ ip: facts.hostIP }], podIP: ip, podIPs: [{ ip }], qosClass: 'BestEffort' },
    startTime: facts.startTime,
    containerStatuses: facts.containers,
    ...(facts.inits.length > 0 ? { initContainerStatuses: facts.inits } : {}),
  };
}

/** The phase by the kubelet's rules: what runs, what has ended and how, and whether it may start again. */
export function phaseOf(restartPolicy: string, facts: Pick<PodFacts, 'containers' | 'initialized' | 'failed'>): string {
  if (facts.failed) return 'Failed';
  if (!facts.initialized) return 'Pending';
  const { containers } = facts;
  const ended = containers.map(({ state, lastState }) => state.terminated ?? (state.waiting && lastState.terminated));
  if (containers.some(({ state }, index) => state.waiting && !ended[index])) return 'Pending';
  if (containers.some(({ state }) => state.running) || restartPolicy === 'Always') return 'Running';
  if (ended.every(end => end?.exitCode === 0)) return 'Succeeded';
  return restartPolicy === 'Never' ? 'Failed' : 'Running';
}

function sandboxed(phase: string): Verdict {
  const type = 'PodReadyToStartContainers';
  if (phase !== 'Succeeded' && phase !== 'Failed') return { type, status: 'True' };
  return { type, status: 'False', reason: 'PodSandboxNotReady', message: 'pod sandbox is not ready' };
}

function initialized(phase: string, facts: PodFacts): Verdict {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  if (facts.initialized) return { type: 'Initialized', status: 'True' };
  const names = facts.inits.filter(({ state }) => state.terminated?.exitCode !== 0).map(({ name }) => name);
  const message = `containers with incomplete status: [${names.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function ready(type: string, phase: string, facts: PodFacts): Verdict {
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = facts.containers.filter(container => !container.ready).map(({ name }) => name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}
