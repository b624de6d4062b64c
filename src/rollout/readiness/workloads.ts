import { appliedBy } from '../../cluster/apply/owned-fields.js';
import { fieldManager } from '../../cluster/apply/field-manager.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { controllerPatienceMs, failed, held, ready, says, spokenReason, unobserved, waiting } from './readiness.js';
import type { Readiness } from './readiness.js';
import { conditionOf, isReady, specOf, statusOf } from '../../kubernetes/workload.js';

/** What to make of a Deployment whose own manifest pauses it: its new pods never start, so it is refused, or noted. */
export type Paused = 'refused' | 'noted';

/** `newPods`: those of the ReplicaSet that runs the Deployment's own template. */
export function deploymentReadiness(
  deployment: KubeObject,
  newPods: readonly KubeObject[],
  paused: Paused = 'refused',
): Readiness {
  const { generation = 0 } = deployment.metadata;
  const { replicas: wanted = 1, paused: isPaused } = specOf(deployment);
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

  if (isPaused) {
    if (paused === 'noted' && isPausedByManifest(deployment))
      return held(
        counts,
        'its manifest pauses it (spec.paused), so pods stay as they are and the new version does not run',
      );
    return failed('it is paused, so its new pods will not start; remove spec.paused');
  }
  const progressing = conditionOf(deployment, 'Progressing');
  if (progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded') {
    return failed(`${counts} when its progressDeadlineSeconds were over`, controllerPatienceMs);
  }
  const refused = conditionOf(deployment, 'ReplicaFailure');
  if (refused?.status === 'True') {
    const why = refused.message ?? refused.reason ?? 'no reason given';
    return failed(`its pods cannot be made: ${why}`, controllerPatienceMs);
  }
  if (updatedReplicas < wanted && readyPods >= updatedReplicas) return waiting(`${counts}, ${updatedReplicas} started`);
  if (readyPods === wanted && old > 0)
    return waiting(`${counts}, ${old} old ${old === 1 ? 'pod' : 'pods'} still running`);
  if (readyPods === wanted && availableReplicas < wanted) return waiting(`${counts}, ${availableReplicas} available`);
  return waiting(counts);
}

/** Whether it was paused by what Cutover applied, and not by somebody's `kubectl rollout pause`. */
function isPausedByManifest(deployment: KubeObject): boolean {
  const applied = appliedBy(deployment, fieldManager);
  return applied !== undefined && specOf(applied).paused === true;
}

export function jobReadiness(job: KubeObject): Readiness {
  if (says(job, 'Complete', 'True')) return ready('complete');
  if (says(job, 'Failed', 'True')) return failed(`it failed: ${spokenReason(conditionOf(job, 'Failed'))}`);
  const { suspend, completions = 1 } = specOf(job);
  if (suspend) return held('suspended', 'it is suspended (spec.suspend), so it does not run');
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

const onDelete = 'its updateStrategy is OnDelete, so pods keep the version before until somebody deletes them';

export function statefulSetReadiness(set: KubeObject): Readiness {
  const { replicas: wanted = 1, updateStrategy } = specOf(set);
  const {
    observedGeneration = 0,
    updatedReplicas = 0,
    readyReplicas = 0,
    replicas = 0,
    availableReplicas = readyReplicas, // API servers before 1.22 do not tell
    currentRevision,
    updateRevision,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0)) return waiting(unobserved);
  const counts = `${readyReplicas} of ${wanted} ready`;
  const rolling = updateStrategy?.type !== 'OnDelete';
  const partition = rolling ? (updateStrategy?.rollingUpdate?.partition ?? 0) : 0;
  // Of the first version all pods are made at once; only later ones wait for somebody to delete the pods before.
  if (!rolling && currentRevision !== updateRevision && updatedReplicas < wanted) return held(counts, onDelete);
  const due = Math.max(wanted - partition, 0);
  if (updatedReplicas < due) return waiting(`${counts}, ${updatedReplicas} updated`);
  if (readyReplicas !== wanted || replicas !== wanted) return waiting(counts);
  if (availableReplicas < wanted) return waiting(`${counts}, ${availableReplicas} available`);
  if (partition === 0) {
    // Under OnDelete the controller never moves the current revision.
    const settled = !rolling || currentRevision === updateRevision;
    return settled ? ready(counts) : waiting(`${counts}, its revision is not settled`);
  }
  const spoken = `${counts}, ${updatedReplicas} updated (partition ${partition})`;
  return updatedReplicas > 0 || wanted === 0
    ? ready(spoken)
    : held(spoken, `its partition of ${partition} lets no pod have the new version`);
}

export function daemonSetReadiness(set: KubeObject): Readiness {
  const { updateStrategy } = specOf(set);
  const {
    observedGeneration = 0,
    desiredNumberScheduled,
    currentNumberScheduled = 0,
    updatedNumberScheduled = 0,
    numberAvailable = 0,
  } = statusOf(set);
  if (observedGeneration < (set.metadata.generation ?? 0) || desiredNumberScheduled === undefined) {
    return waiting(unobserved);
  }
  const counts = `${numberAvailable} of ${desiredNumberScheduled} available`;
  if (updateStrategy?.type === 'OnDelete' && updatedNumberScheduled < currentNumberScheduled)
    return held(counts, onDelete);
  if (updatedNumberScheduled < desiredNumberScheduled) return waiting(`${counts}, ${updatedNumberScheduled} updated`);
  return numberAvailable >= desiredNumberScheduled ? ready(counts) : waiting(counts);
}
