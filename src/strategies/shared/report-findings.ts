import { CutoverError } from '../../errors.js';
import type { Lint } from '../../inputs/inputs.js';
import { describeRef } from '../../kubernetes/object.js';
import type { Finding } from '../../plan/lint/finding.js';
import { lintResources } from '../../plan/lint/lint.js';
import type { LintContext } from '../../plan/lint/rule.js';
import type { RunContext } from '../../run/context.js';

/**
 * Warns of each finding on its line of the manifests. With `error`, all findings except advice are returned
 * as one error, with which the step must stop before its first write. `undefined`: nothing stops the step.
 */
export function lint(ctx: RunContext, level: Lint, context: LintContext): CutoverError | undefined {
  if (level === 'off') return undefined;
  const { log } = ctx;
  const { findings, silenced } = lintResources(context);
  ctx.recordFindings(findings);
  for (const { code, object, reason } of silenced) log.info(`${describeRef(object)}: ${code} is silenced: ${reason}`);
  const stopping = level === 'error' ? findings.filter(({ advice }) => advice === undefined) : [];
  // What stops the step is annotated as the error that it becomes.
  for (const finding of findings) if (!stopping.includes(finding)) log.warning(describeFinding(finding), finding.at);
  return stopping.length === 0 ? undefined : findingsError(stopping);
}

function describeFinding({ code, message, remedy }: Finding): string {
  return `${message} ${remedy} (${code})`;
}

function findingsError(findings: readonly Finding[]): CutoverError {
  const count = `${findings.length} finding${findings.length > 1 ? 's' : ''}`;
  return new CutoverError(`${count} in the manifests would drop requests; nothing was changed`, {
    code: 'findings',
    problems: findings.map(finding => ({ message: describeFinding(finding), at: finding.at })),
    hint: 'Correct them, silence one with the annotation `cutover/ignore-<code>` and a reason (docs/findings.md), or set `lint: warn`.',
  });
}
