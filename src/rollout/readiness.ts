import type { KubeObject } from '../manifests/object.js';
import { conditionOf, isReady, specOf, statusOf } from './workload.js';

/** Where a wait stands. `reason` is never empty; `patienceMs` is how long a failure must last before it counts. */
export type Readiness =
  | { readonly done: false; readonly ok: false; readonly reason: string }
  | { readonly done: true; readonly ok: true; readonly reason: string }
  | { readonly done: true; readonly ok: false; readonly reason: string; readonly patienceMs: number };

/** The reason while nothing can be said yet. It is true for a moment after every write, so it is no news. */
export const unobserved = 'its controller has not seen the change yet';

const waiting = (reason: string): Readiness => ({ done: false, ok: false, reason });
const ready = (reason: string): Readiness => ({ done: true, ok: true, reason });
const failed = (reason: string, patienceMs = 0): Readiness => ({ done: true, ok: false, reason, patienceMs });

/**
 * A quota or a webhook may let the next try through. And when a version that was stuck is put back, the condition of the
 * stuck one stays for a moment, until the controller has moved the first pod.
 */
const controllerPatienceMs = 5_000;

/** `newPods`: those of the ReplicaSet that runs the Deployment's own template. */
export function deploymentReadiness(deployment: KubeObject, newPods: readonly KubeObject[]): Readiness {
  const { generation = 0 } = deployment.metadata;
  const { replicas: wanted = 1, paused } = specOf(deployment);
  const status = statusOf(deployment);
  const {
    observedGeneration = 0,
    replicas = 0,
    updatedReplicas = 0,
    readyReplicas = 0,
    availableReplicas = 0,
  } = status;
  if (observedGeneration < generation) return waiting(unobserved);

  const alive = newPods.filter(pod => pod.metadata.deletionTimestamp === undefined);
  const readyPods = alive.filter(isReady).length;
  const old = Math.max(replicas - updatedReplicas, 0);
  const counts = `${readyPods} of ${wanted} ready`;
  const complete = updatedReplicas === wanted && readyReplicas === wanted && availableReplicas === wanted;
  if (complete && old === 0 && replicas === wanted && readyPods === wanted && alive.length === wanted)
    return ready(counts);

  if (paused) return failed('it is paused, so its new pods will not start; remove spec.paused');
  const progressing = conditionOf(deployment, 'Progressing');
  if (progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded') {
    return failed(`${counts} when its progressDeadlineSeconds were over`, controllerPatienceMs);
  }
  const replicaFailure = conditionOf(deployment, 'ReplicaFailure');
  if (replicaFailure?.status === 'True') {
    return failed(
      `its pods cannot be made: ${replicaFailure.message ?? replicaFailure.reason ?? 'no reason given'}`,
      controllerPatienceMs,
    );
  }
  if (updatedReplicas < wanted && readyPods >= updatedReplicas) return waiting(`${counts}, ${updatedReplicas} started`);
  if (readyPods === wanted && old > 0)
    return waiting(`${counts}, ${old} old ${old === 1 ? 'pod' : 'pods'} still running`);
  if (readyPods === wanted && availableReplicas < wanted) return waiting(`${counts}, ${availableReplicas} available`);
  return waiting(counts);
}

export function jobReadiness(job: KubeObject): Readiness {
  if (conditionOf(job, 'Complete')?.status === 'True') return ready('complete');
  const failure = conditionOf(job, 'Failed');
  if (failure?.status === 'True') {
    return failed(`it failed: ${[failure.reason, failure.message].filter(Boolean).join(': ') || 'no reason given'}`);
  }
  const { suspend, completions = 1 } = specOf(job);
  if (suspend) return ready('suspended, not waited for');
  const { succeeded = 0, active = 0 } = statusOf(job);
  return waiting(`${succeeded} of ${completions} complete, ${active} running`);
}

/** A pod on its own: ready, or run to its end. */
export function podReadiness(pod: KubeObject): Readiness {
  const { phase, reason, message } = statusOf(pod);
  if (phase === 'Succeeded') return ready('complete');
  if (phase === 'Failed')
    return failed(`it failed: ${[reason, message].filter(Boolean).join(': ') || 'see its containers'}`);
  return isReady(pod)
    ? ready('ready')
    : waiting(phase === undefined ? 'not scheduled yet' : `${phase.toLowerCase()}, not ready`);
}

export function statefulSetReadiness(set: KubeObject): Readiness {
  const { replicas: wanted = 1, updateStrategy } = specOf(set);
  const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0)) return waiting(unobserved);
  const counts = `${readyReplicas} of ${wanted} ready`;
  if (updateStrategy?.type === 'OnDelete') return ready(`${counts}; OnDelete: pods change when somebody deletes them`);
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  if (updatedReplicas < Math.max(wanted - partition, 0)) return waiting(`${counts}, ${updatedReplicas} updated`);
  return readyReplicas === wanted && replicas === wanted ? ready(counts) : waiting(counts);
}

export function daemonSetReadiness(set: KubeObject): Readiness {
  const { updateStrategy } = specOf(set);
  const {
    observedGeneration = 0,
    desiredNumberScheduled,
    updatedNumberScheduled = 0,
    numberAvailable = 0,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0) || desiredNumberScheduled === undefined) {
    return waiting(unobserved);
  }
  const counts = `${numberAvailable} of ${desiredNumberScheduled} available`;
  if (updateStrategy?.type === 'OnDelete') return ready(`${counts}; OnDelete: pods change when somebody deletes them`);
  if (updatedNumberScheduled < desiredNumberScheduled) return waiting(`${counts}, ${updatedNumberScheduled} updated`);
  return numberAvailable >= desiredNumberScheduled ? ready(counts) : waiting(counts);
}

export function crdReadiness(definition: KubeObject): Readiness {
  const names = conditionOf(definition, 'NamesAccepted');
  if (names?.status === 'False')
    return failed(`its names are taken: ${names.message ?? names.reason ?? 'no reason given'}`);
  const established = conditionOf(definition, 'Established')?.status === 'True' && names?.status === 'True';
  return established ? ready('established') : waiting('not established yet');
}

export function namespaceReadiness(namespace: KubeObject): Readiness {
  const { phase } = statusOf(namespace);
  if (phase === 'Terminating') return waiting('it is being deleted');
  return phase === 'Active' ? ready('active') : waiting('not active yet');
}
