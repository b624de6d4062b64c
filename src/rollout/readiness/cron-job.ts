import type { KubeObject } from '../../kubernetes/object.js';
import { specOf } from '../../kubernetes/workload.js';
import { ready, readyWithWarning, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Never waited for: its Jobs start later. A suspended one has a warning. */
export const cronJobRule: ApplyRule = { when: 'apply', judge: cronJobReadiness };

export function cronJobReadiness(cronJob: KubeObject): Readiness {
  return specOf(cronJob).suspend
    ? readyWithWarning('applied', 'it is suspended (spec.suspend), so it starts no Jobs')
    : ready('applied');
}
