import type { KubeObject } from '../../kubernetes/object.js';
import { conditionOf, hasCondition } from '../../kubernetes/status.js';
import { failed, ready, waiting, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Ready when it is established: before that its kind is not served. */
export const customResourceDefinitionRule: ApplyRule = { when: 'apply', judge: customResourceDefinitionReadiness };

export function customResourceDefinitionReadiness(definition: KubeObject): Readiness {
  const names = conditionOf(definition, 'NamesAccepted');
  if (names?.status === 'False')
    return failed(`its names are taken: ${names.message ?? names.reason ?? 'no reason given'}`);
  const established = hasCondition(definition, 'Established', 'True') && names?.status === 'True';
  return established ? ready('established') : waiting('not established yet');
}
