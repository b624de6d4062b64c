import type { KubeObject } from '../../src/kubernetes/object.js';

/** The fields of a container's status that a test sets. */
export interface ContainerFacts {
  readonly name?: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly restarts?: number;
  readonly state?: object;
  readonly lastState?: object;
}

export function template(tag: string, hash?: string): object {
  return {
    metadata: { labels: { app: 'web', ...(hash !== undefined && { 'pod-template-hash': hash }) } },
    spec: { containers: [{ name: 'app', image: `web:${tag}` }] },
  };
}

export interface DeploymentFacts {
  readonly tag?: string;
  readonly generation?: number;
  readonly replicas?: number;
  readonly paused?: boolean;
  readonly uid?: string;
  readonly name?: string;
  /** Overrides the status of a complete rollout. */
  readonly status?: object;
}

/** A Deployment with a complete rollout unless `status` overrides it. */
export function deployment(facts: DeploymentFacts = {}): KubeObject {
  const { tag = 'v1', generation = 1, replicas = 2, paused, uid = 'd1', name = 'web', status } = facts;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', uid, generation },
    spec: {
      replicas,
      ...(paused && { paused }),
      selector: { matchLabels: { app: 'web' } },
      template: template(tag),
    },
    status: {
      observedGeneration: generation,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
      conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
      ...status,
    },
  };
}

export function replicaSet(tag: string, hash: string, owner = 'd1'): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${hash}`,
      namespace: 'shop',
      uid: `rs-${hash}`,
      labels: { app: 'web', 'pod-template-hash': hash },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: owner, controller: true }],
    },
    spec: { template: template(tag, hash) },
  };
}

export interface PodFacts {
  readonly name?: string;
  readonly owner?: string;
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly phase?: string;
  readonly containers?: readonly ContainerFacts[];
  readonly initContainers?: readonly ContainerFacts[];
  readonly conditions?: readonly object[];
}

export function pod(facts: PodFacts = {}): KubeObject {
  const { name = 'web-h1-a', owner = 'rs-h1', ready = true, deleting = false, phase = 'Running' } = facts;
  const containers = facts.containers ?? [{ ready, state: { running: {} } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: owner, controller: true }],
    },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }, ...(facts.conditions ?? [])],
      initContainerStatuses: (facts.initContainers ?? []).map(containerStatus),
      containerStatuses: containers.map(containerStatus),
    },
  };
}

function containerStatus(facts: ContainerFacts): object {
  const { name = 'app', image = 'web:v1', ready = false, restarts = 0, state = {}, lastState = {} } = facts;
  return { name, image, ready, restartCount: restarts, state, lastState };
}
