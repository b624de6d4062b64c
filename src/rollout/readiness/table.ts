import { groupKind } from '../../kubernetes/kinds.js';
import { cronJobRule } from './cron-job.js';
import { customResourceDefinitionRule } from './custom-resource-definition.js';
import { customResourceRule, isCustom } from './custom-resource.js';
import { daemonSetRule } from './daemon-set.js';
import { deploymentRule } from './deployment.js';
import { horizontalPodAutoscalerRule } from './horizontal-pod-autoscaler.js';
import { jobRule } from './job.js';
import { namespaceRule } from './namespace.js';
import { persistentVolumeClaimRule } from './persistent-volume-claim.js';
import { podRule } from './pod.js';
import type { ApplyRule, Kind, ReadinessRule, RolloutRule } from './rule.js';
import { statefulSetRule } from './stateful-set.js';

/** The readiness rule of each kind, by `<group>/<kind>`; docs/applying.md lists them. A kind without a rule is ready at once. */
const rules: ReadonlyMap<string, ReadinessRule> = new Map<string, ReadinessRule>([
  ['apps/Deployment', deploymentRule],
  ['apps/StatefulSet', statefulSetRule],
  ['apps/DaemonSet', daemonSetRule],
  ['batch/Job', jobRule],
  ['/Pod', podRule],
  ['apiextensions.k8s.io/CustomResourceDefinition', customResourceDefinitionRule],
  ['/Namespace', namespaceRule],
  ['/PersistentVolumeClaim', persistentVolumeClaimRule],
  ['autoscaling/HorizontalPodAutoscaler', horizontalPodAutoscalerRule],
  ['batch/CronJob', cronJobRule],
]);

function ruleOf(kind: Kind): ReadinessRule | undefined {
  return rules.get(groupKind(kind)) ?? (isCustom(kind) ? customResourceRule : undefined);
}

/** The rule of a kind that a deploy waits for at its end; `undefined` for every other kind. */
export function rolloutRuleOf(kind: Kind): RolloutRule | undefined {
  const rule = ruleOf(kind);
  return rule?.when === 'rollout' ? rule : undefined;
}

/** The rule of a kind that is judged as soon as it is applied; `undefined` for every other kind. */
export function applyRuleOf(kind: Kind): ApplyRule | undefined {
  const rule = ruleOf(kind);
  return rule?.when === 'apply' ? rule : undefined;
}

/** Whether a deploy waits at its end for objects of this kind: what runs pods, and every custom resource. */
export function isAwaited(kind: Kind): boolean {
  return rolloutRuleOf(kind) !== undefined;
}
