import type { KubeObject } from '../../kubernetes/object.js';
import { conditionOf, describeCondition, hasCondition, statusOf } from '../../kubernetes/status.js';
import { ready, readyWithWarning, type Readiness } from './readiness.js';
import type { ApplyRule } from './rule.js';

/** Never waited for: whether it scales has nothing to do with the version that runs. */
export const horizontalPodAutoscalerRule: ApplyRule = { when: 'apply', judge: horizontalPodAutoscalerReadiness };

export function horizontalPodAutoscalerReadiness(autoscaler: KubeObject): Readiness {
  const { generation = 1 } = autoscaler.metadata;
  // One that never scaled has no generation in its status; its conditions are those of its first version.
  const { observedGeneration = 1 } = statusOf(autoscaler);
  const type = ['AbleToScale', 'ScalingActive'].find(condition => hasCondition(autoscaler, condition, 'False'));
  if (type === undefined || observedGeneration < generation) return ready('applied');
  const why = describeCondition(conditionOf(autoscaler, type));
  return readyWithWarning('applied', `it does not scale (${type} is False): ${why}`);
}
