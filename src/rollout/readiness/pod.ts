import type { KubeObject } from '../../kubernetes/object.js';
import { isReady } from '../../kubernetes/pods/pod.js';
import { statusOf } from '../../kubernetes/status.js';
import { failed, ready, waiting, type Readiness } from './readiness.js';
import { firstPodFailure, type RolloutRule } from './rule.js';

/** A Pod that no controller owns: ready when its condition Ready is True or it has succeeded. */
export const podRule: RolloutRule = {
  when: 'rollout',
  watch: [],
  judge: live => ({ readiness: podReadiness(live), newPods: [live], ...firstPodFailure([live]) }),
};

export function podReadiness(pod: KubeObject): Readiness {
  const { phase, reason, message } = statusOf(pod);
  if (phase === 'Succeeded') return ready('complete');
  if (phase === 'Failed')
    return failed(`it failed: ${[reason, message].filter(Boolean).join(': ') || 'see its containers'}`);
  if (isReady(pod)) return ready('ready');
  return waiting(phase === undefined ? 'not scheduled yet' : `${phase.toLowerCase()}, not ready`);
}
