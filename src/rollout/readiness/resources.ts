import type { KubeObject } from '../../kubernetes/object.js';
import { failed, held, ready, says, spokenReason, waiting } from './readiness.js';
import type { Readiness } from './readiness.js';
import { conditionOf, specOf, statusOf } from '../../kubernetes/workload.js';

export function crdReadiness(definition: KubeObject): Readiness {
  const names = conditionOf(definition, 'NamesAccepted');
  if (names?.status === 'False')
    return failed(`its names are taken: ${names.message ?? names.reason ?? 'no reason given'}`);
  const established = says(definition, 'Established', 'True') && names?.status === 'True';
  return established ? ready('established') : waiting('not established yet');
}

export function namespaceReadiness(namespace: KubeObject): Readiness {
  const { phase } = statusOf(namespace);
  if (phase === 'Terminating') return waiting('it is being deleted');
  return phase === 'Active' ? ready('active') : waiting('not active yet');
}

/** Never waited for: under WaitForFirstConsumer a claim binds no sooner than its pod, and that pod is waited for. */
export function claimReadiness(claim: KubeObject): Readiness {
  const { phase } = statusOf(claim);
  if (phase === 'Bound') return ready('bound');
  if (phase === 'Lost') return failed('the volume that it was bound to is gone');
  return ready('not bound', { level: 'info', text: 'not bound yet: it binds with the first pod that uses it' });
}

/** Never holds up a deploy: whether it scales says nothing of the version that runs. */
export function autoscalerReadiness(autoscaler: KubeObject): Readiness {
  const { generation = 1 } = autoscaler.metadata;
  // One that never worked has no generation in its status; what it says then is true of its first version only.
  const { observedGeneration = 1 } = statusOf(autoscaler);
  const said = ['AbleToScale', 'ScalingActive'].filter(type => says(autoscaler, type, 'False'));
  const [type] = said;
  if (type === undefined || observedGeneration < generation) return ready('applied');
  return held('applied', `it does not scale (${type} is False): ${spokenReason(conditionOf(autoscaler, type))}`);
}

export function cronJobReadiness(job: KubeObject): Readiness {
  return specOf(job).suspend
    ? held('applied', 'it is suspended (spec.suspend), so it starts no Jobs')
    : ready('applied');
}
