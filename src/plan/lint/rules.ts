import { describePath } from '../../kubernetes/fields.js';
import { refOf, type ObjectRef } from '../../kubernetes/object.js';
import { autoscalerBelowLive } from './autoscalers.js';
import { budgetAllowsAll, budgetBlocks } from './budgets.js';
import { sharedConfigChanged } from './configuration.js';
import type { Finding, Rule, LintContext, Violation } from './finding.js';
import { movingTag } from './images.js';
import { podTargetingLoadBalancer } from './load-balancers.js';
import { noPreStop, noReadinessProbe, shortGracePeriod } from './readiness.js';
import { allUnavailable, recreateStrategy, singleReplica } from './replicas.js';
import { removedApi } from './versions.js';
import { noReadyEndpoint, selectorMismatch, unknownTargetPort } from './wiring.js';

/** Every finding by its code; each has a section in docs/findings.md. */
const rules = {
  'single-replica': singleReplica,
  'no-readiness-probe': noReadinessProbe,
  'no-pre-stop': noPreStop,
  'short-grace-period': shortGracePeriod,
  'all-unavailable': allUnavailable,
  'recreate-strategy': recreateStrategy,
  'budget-blocks-evictions': budgetBlocks,
  'budget-allows-all': budgetAllowsAll,
  'moving-tag': movingTag,
  'selector-mismatch': selectorMismatch,
  'unknown-target-port': unknownTargetPort,
  'no-ready-endpoint': noReadyEndpoint,
  'autoscaler-below-live': autoscalerBelowLive,
  'removed-api': removedApi,
  'shared-config-changed': sharedConfigChanged,
  'pod-targeting-load-balancer': podTargetingLoadBalancer,
} as const satisfies Record<string, Rule>;

export type FindingCode = keyof typeof rules;

export const findingCodes = Object.keys(rules) as readonly FindingCode[];

/** A finding that its object's annotation `cutover/ignore-<code>` silences. */
export interface Silenced {
  readonly code: FindingCode;
  readonly object: ObjectRef;
  readonly reason: string;
}

export interface Judgement {
  /** In the order of files and lines. */
  readonly findings: readonly Finding[];
  readonly silenced: readonly Silenced[];
}

/** The annotation by which an object silences a finding; its value is the reason. */
export function silencer(code: FindingCode): string {
  return `cutover/ignore-${code}`;
}

/** Everything that the rules find. An annotation without a reason silences nothing, and the finding says so. */
export function judge(context: LintContext): Judgement {
  const findings: Finding[] = [];
  const silenced: Silenced[] = [];
  for (const code of findingCodes) {
    for (const suspicion of rules[code](context)) {
      const { object } = suspicion.resource;
      const reason = object.metadata.annotations?.[silencer(code)]?.trim();
      if (reason) silenced.push({ code, object: refOf(object), reason });
      else findings.push(toFinding(code, suspicion, reason));
    }
  }
  return { findings: findings.sort(byPlace), silenced };
}

function toFinding(code: FindingCode, { resource, path, ...said }: Violation, reason: string | undefined): Finding {
  const unsilenced = ` The annotation ${silencer(code)} gives no reason, so it silences nothing.`;
  return {
    ...said,
    code,
    message: reason === undefined ? said.message : said.message + unsilenced,
    object: refOf(resource.object),
    field: describePath(path),
    at: resource.positionOf(path),
  };
}

function byPlace({ at: one }: Finding, { at: other }: Finding): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}
