import { describePath } from '../../kubernetes/fields.js';
import { refOf } from '../../kubernetes/object.js';
import { silenceAnnotation, type Finding, type SilencedFinding } from './finding.js';
import type { LintContext, Violation } from './rule.js';
import { findingCodes, rules, type FindingCode } from './rules.js';
import { own } from '../../own.js';

export interface LintResult {
  /** In the order of files and lines. */
  readonly findings: readonly Finding[];
  readonly silenced: readonly SilencedFinding[];
}

/** Runs every rule. An annotation without a reason does not silence a finding; its message says so. */
export function lintResources(context: LintContext): LintResult {
  const findings: Finding[] = [];
  const silenced: SilencedFinding[] = [];
  for (const code of findingCodes) {
    for (const violation of rules[code](context)) {
      const { object } = violation.resource;
      const reason = own(object.metadata.annotations, silenceAnnotation(code))?.trim();
      if (reason) silenced.push({ code, object: refOf(object), reason });
      else findings.push(toFinding(code, violation, { emptyReason: reason !== undefined }));
    }
  }
  return { findings: findings.sort(byPosition), silenced };
}

function toFinding(
  code: FindingCode,
  { resource, path, message, ...rest }: Violation,
  { emptyReason }: { readonly emptyReason: boolean },
): Finding {
  const unsilenced = ` The annotation ${silenceAnnotation(code)} gives no reason, so it silences nothing.`;
  return {
    ...rest,
    code,
    message: emptyReason ? message + unsilenced : message,
    object: refOf(resource.object),
    field: describePath(path),
    at: resource.positionOf(path),
  };
}

function byPosition({ at: one }: Finding, { at: other }: Finding): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}
