import type { KubeObject } from '../../kubernetes/object.js';
import { statusOf } from '../../kubernetes/status.js';
import { ready, waiting, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Ready when its phase is Active: before that nothing can be created in it. */
export const namespaceRule: ApplyRule = { when: 'apply', judge: namespaceReadiness };

export function namespaceReadiness(namespace: KubeObject): Readiness {
  const { phase } = statusOf(namespace);
  if (phase === 'Terminating') return waiting('it is being deleted');
  return phase === 'Active' ? ready('active') : waiting('not active yet');
}
