import { budgetAllowsAll, budgetBlocks } from './budgets.js';
import { sharedConfigChanged } from './configuration.js';
import { hostPortSurge } from './host-ports.js';
import { movingTag } from './images.js';
import { podTargetingLoadBalancer } from './load-balancers.js';
import { noPreStop, noReadinessProbe, shortGracePeriod } from './probes.js';
import { allUnavailable, autoscalerBelowLive, recreateStrategy, singleReplica } from './replicas.js';
import { headlessReachesStaged, localTrafficPolicy } from './role-services.js';
import type { Rule } from './rule.js';
import { removedApi } from './versions.js';
import {
  noReadyEndpoint,
  renamedServicePort,
  selectorMismatch,
  selectsNoPod,
  serviceBeforePods,
  unknownTargetPort,
} from './service-routing.js';

/** Every rule by the code of its findings; each has a section in docs/findings.md. */
export const rules = {
  'single-replica': singleReplica,
  'no-readiness-probe': noReadinessProbe,
  'no-pre-stop': noPreStop,
  'short-grace-period': shortGracePeriod,
  'all-unavailable': allUnavailable,
  'recreate-strategy': recreateStrategy,
  'host-port-surge': hostPortSurge,
  'budget-blocks-evictions': budgetBlocks,
  'budget-allows-all': budgetAllowsAll,
  'moving-tag': movingTag,
  'selector-mismatch': selectorMismatch,
  'selects-no-pod': selectsNoPod,
  'service-before-pods': serviceBeforePods,
  'unknown-target-port': unknownTargetPort,
  'renamed-service-port': renamedServicePort,
  'no-ready-endpoint': noReadyEndpoint,
  'autoscaler-below-live': autoscalerBelowLive,
  'removed-api': removedApi,
  'shared-config-changed': sharedConfigChanged,
  'pod-targeting-load-balancer': podTargetingLoadBalancer,
  'local-traffic-policy': localTrafficPolicy,
  'headless-reaches-staged': headlessReachesStaged,
} as const satisfies Record<string, Rule>;

export type FindingCode = keyof typeof rules;

/** In the order of the table. */
export const findingCodes = Object.keys(rules) as readonly FindingCode[];
