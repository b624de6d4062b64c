import type { KubeObject } from '../../kubernetes/object.js';
import { statusOf } from '../../kubernetes/status.js';
import { failed, ready, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Never waited for: under WaitForFirstConsumer a claim binds no sooner than its pod, and that pod is waited for. */
export const persistentVolumeClaimRule: ApplyRule = { when: 'apply', judge: persistentVolumeClaimReadiness };

export function persistentVolumeClaimReadiness(claim: KubeObject): Readiness {
  const { phase } = statusOf(claim);
  if (phase === 'Bound') return ready('bound');
  if (phase === 'Lost') return failed('the volume that it was bound to no longer exists');
  return ready('not bound', { level: 'info', text: 'not bound yet: it binds with the first pod that uses it' });
}
