import { fieldManager } from '../../cluster/apply/field-manager.js';
import { ownersOfField } from '../../cluster/apply/owned-fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { specOf } from '../../kubernetes/workload.js';
import { ready, readyWithWarning, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Never waited for: its Jobs start later. A suspended one has a warning. */
export const cronJobRule: ApplyRule = { when: 'apply', judge: cronJobReadiness };

export function cronJobReadiness(cronJob: KubeObject): Readiness {
  if (!specOf(cronJob).suspend) return ready('applied');
  const [manager] = ownersOfField(cronJob, ['f:spec', 'f:suspend']).filter(name => name !== fieldManager);
  const by = manager === undefined ? '' : ` by "${manager}"`;
  return readyWithWarning('applied', `it is suspended${by} (spec.suspend), so it starts no Jobs`);
}
