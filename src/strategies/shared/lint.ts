import { CutoverError } from '../../errors.js';
import type { Lint } from '../../inputs/inputs.js';
import { describeRef } from '../../kubernetes/object.js';
import type { Finding, LintContext } from '../../plan/lint/finding.js';
import { judge } from '../../plan/lint/rules.js';
import type { Staging } from '../blue-green/staging/staging.js';
import type { RunContext } from '../../run/context.js';

/**
 * Tells what in the manifests would drop requests, each on its line. With `error` those are returned as the one error
 * that must stop the step before its first write.
 */
export function lint(ctx: RunContext, level: Lint, context: LintContext): CutoverError | undefined {
  if (level === 'off') return undefined;
  const { log } = ctx;
  const { findings, silenced } = judge(context);
  ctx.recordFindings(findings);
  for (const { code, object, reason } of silenced) log.info(`${describeRef(object)}: ${code} is silenced: ${reason}`);
  const stopping = level === 'error' ? findings.filter(({ advice }) => advice === undefined) : [];
  // What stops the step is annotated as the error that it becomes.
  for (const finding of findings) if (!stopping.includes(finding)) log.warning(sentence(finding), finding.at);
  if (stopping.length === 0) return undefined;
  const several = stopping.length > 1;
  return new CutoverError(
    `${stopping.length} finding${several ? 's' : ''} in the manifests would drop requests; nothing was changed`,
    {
      code: 'findings',
      problems: stopping.map(finding => ({ message: sentence(finding), at: finding.at })),
      hint: 'Mend them, silence one with the annotation `cutover/ignore-<code>` and a reason (docs/findings.md), or set `lint: warn`.',
    },
  );
}

function sentence({ code, message, remedy }: Finding): string {
  return `${message} ${remedy} (${code})`;
}

/** What the findings of a staging are judged by. */
export function sceneOf({ deploy, role, wanted, planned, plannedAfterSwitch, counterparts }: Staging): LintContext {
  const publicService = deploy.resources.publicService[role];
  const shared = new Set(deploy.resources.shared);
  return {
    strategy: 'blue-green',
    resources: wanted,
    planned: [...planned, ...plannedAfterSwitch],
    idle: new Set(wanted.filter(resource => !shared.has(resource) && resource !== publicService)),
    active: [...counterparts.values()],
    ...(publicService !== undefined && { publicService }),
  };
}
