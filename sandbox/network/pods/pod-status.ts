import type { Condition } from '../../controllers/condition.js';
import type { ContainerStatus, Pod, PodStatus } from '../../controllers/pod.js';
import { isSidecar } from '../../controllers/pod.js';
import type { Verdict } from '../../controllers/status.js';
import { dropCondition, setCondition } from '../../controllers/status.js';

/** A pod's state in the kubelet. */
export interface PodFacts {
  readonly containers: readonly ContainerStatus[];
  readonly inits: readonly ContainerStatus[];
  /** All init containers have succeeded, or have started if they are sidecars. */
  readonly initialized: boolean;
  /** An init container has failed for good. */
  readonly failed: boolean;
  /** Its network and volumes are set up. */
  readonly sandboxed: boolean;
  /** It was deleted, and everything in it has ended. */
  readonly over: boolean;
  readonly podIP: string;
  readonly hostIP: string;
  readonly startTime: string;
}

/** The status a kubelet reports. Conditions of others stay as they are. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const sidecars = sidecarsOf(pod, facts);
  const phase = phaseOf(facts.over ? 'Never' : (pod.spec.restartPolicy ?? 'Always'), facts, sidecars);
  const lasting = [...sidecars, ...facts.containers];
  const verdicts: readonly Verdict[] = [
    sandboxed(phase, facts),
    initialized(phase, facts, sidecars),
    ready('Ready', phase, lasting),
    ready('ContainersReady', phase, lasting),
    { type: 'PodScheduled', status: 'True' },
  ];
  const before: readonly Condition[] = pod.status?.conditions ?? [];
  const others = verdicts.reduce((left, { type }) => dropCondition(left, type), before);
  const own = verdicts.flatMap(verdict =>
    setCondition(
      before.filter(({ type }) => type === verdict.type),
      verdict,
    ),
  );
  const { generation } = pod.metadata;
  const ip = facts.podIP;
  return {
    ...pod.status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: [...own, ...others],
    ...{ hostIP: facts.hostIP, hostIPs: [{ ip: facts.hostIP }], qosClass: 'BestEffort' },
    ...(facts.sandboxed ? { podIP: ip, podIPs: [{ ip }] } : {}),
    startTime: facts.startTime,
    // The kubelet sorts them by name; init containers stay in their order.
    containerStatuses: [...facts.containers].sort((one, other) => (one.name < other.name ? -1 : 1)),
    ...(facts.inits.length > 0 ? { initContainerStatuses: facts.inits } : {}),
  };
}

function sidecarsOf({ spec }: Pod, { inits }: PodFacts): readonly ContainerStatus[] {
  const names = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  return inits.filter(({ name }) => names.has(name));
}

/**
 * The phase by the kubelet's rules: what runs, what has ended and how, and whether it may start again. A sidecar keeps the
 * pod running, but how it ended does not matter.
 */
function phaseOf(
  restartPolicy: string,
  facts: Pick<PodFacts, 'containers' | 'initialized' | 'failed'>,
  sidecars: readonly ContainerStatus[],
): string {
  if (facts.failed) return 'Failed';
  if (!facts.initialized) return 'Pending';
  const { containers } = facts;
  const ended = containers.map(({ state, lastState }) => state.terminated ?? (state.waiting && lastState.terminated));
  if (containers.some(({ state }, index) => state.waiting && !ended[index])) return 'Pending';
  if ([...sidecars, ...containers].some(({ state }) => state.running) || restartPolicy === 'Always') return 'Running';
  if (ended.every(end => end?.exitCode === 0)) return 'Succeeded';
  return restartPolicy === 'Never' ? 'Failed' : 'Running';
}

function sandboxed(phase: string, facts: PodFacts): Verdict {
  const type = 'PodReadyToStartContainers';
  const ended = phase === 'Succeeded' || phase === 'Failed';
  if (facts.sandboxed && !ended) return { type, status: 'True' };
  const message = ended ? 'pod sandbox is not ready' : 'no pod sandbox exists';
  return { type, status: 'False', reason: 'PodSandboxNotReady', message };
}

function initialized(phase: string, facts: PodFacts, sidecars: readonly ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  if (facts.initialized) return { type: 'Initialized', status: 'True' };
  if (facts.inits.length === 0) return { type: 'Initialized', status: 'True' };
  const isComplete = (init: ContainerStatus): boolean =>
    sidecars.includes(init) ? init.started : init.state.terminated?.exitCode === 0;
  const names = facts.inits.filter(init => !isComplete(init)).map(({ name }) => name);
  const message = `containers with incomplete status: [${names.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function ready(type: string, phase: string, lasting: readonly ContainerStatus[]): Verdict {
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = lasting.filter(container => !container.ready).map(({ name }) => name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}
