import type { CutoverError } from '../../../errors.js';
import type { FormerObject } from '../../../release/state.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { LintContext } from '../../../plan/lint/rule.js';
import { sizeRefusal } from '../../../release/revision.js';
import type { RunContext } from '../../../run/context.js';
import { otherRole, roleRecords, type Active } from '../../../traffic/active-role.js';
import type { AdoptedRole } from '../adoption/adoption.js';
import { findRevision } from '../../recorded/find-revision.js';
import { backupRefusal } from '../backup/backup-of.js';
import { portRefusal } from '../../shared/checks.js';
import { recordable, snapshotsOf } from '../../shared/snapshots.js';
import { lint } from '../../shared/report-findings.js';
import { stagedWorkloads } from './deploy-staged.js';
import { revisionOf } from './begun-staging.js';
import { mainServiceOf } from '../../../manifests/resource.js';
import { findActive } from './find-active.js';
import { leftWhileServing } from './left-by-staging.js';
import { isAsVerified } from './staged-record.js';
import type { BlueGreenDeploy, Staging, StagingTarget } from './staging.js';
import { planStaging, planUnchanged } from './staging-plan.js';

/** What a blue/green deploy would do, decided before anything is written, and every reason not to do it. */
export type StagingDecision = { readonly refusals: readonly CutoverError[] } & (
  | {
      /** Users are on this content already. */
      readonly kind: 'serving';
      readonly role: string;
      readonly planned: readonly PlannedChange[];
      /** Objects of earlier revisions that the manifests do not have. */
      readonly left: readonly FormerObject[];
    }
  | {
      readonly kind: 'staging';
      readonly staging: Staging;
      /** Whether this content is staged on the idle role already, as it was verified. */
      readonly isStaged: boolean;
    }
);

/** What is decided differently for a plan, and before an adoption. */
export type DecisionOptions = Pick<StagingTarget, 'adoption' | 'isPlan'>;

/** Finds out which role users are on, what would be written to the idle role, and what would drop requests. Writes nothing. */
export async function decideStaging(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  options: DecisionOptions = {},
): Promise<StagingDecision> {
  const { adoption } = options;
  const { inputs, resources } = deploy;
  const records = roleRecords(resources);
  const active =
    adoption === undefined
      ? await ctx.phase('Check', () => findActive(ctx, { deploy, records }))
      : activeAfter(deploy, adoption);
  const live = active.kind === 'role' ? active.role : undefined;
  // The active role comes first: the same manifests again must not start a second copy of what serves.
  const unchanged = live === undefined ? undefined : await planUnchanged(ctx, deploy, live);
  if (live !== undefined && unchanged !== undefined) {
    const found = lint(ctx, inputs.lint, unchangedLintContext(deploy, { role: live, planned: unchanged }));
    const left = await leftWhileServing(ctx, deploy);
    return { kind: 'serving', role: live, planned: unchanged, left, refusals: found === undefined ? [] : [found] };
  }
  const role = active.kind === 'role' ? active.idle : inputs.roles[0];
  return ctx.phase('Plan', async () => {
    const staging = await planStaging(ctx, {
      deploy,
      active,
      role,
      records,
      ...options,
    });
    const found = lint(ctx, inputs.lint, stagingLintContext(staging));
    const staged = stagedWorkloads(staging, []);
    const service = mainServiceOf(resources, role)?.object;
    const unchecked = [staged, ...(service === undefined ? [] : [{ ...staged, service }])].map(verified =>
      portRefusal(ctx, { ...verified, checks: inputs.verify }),
    );
    const before = recordable(snapshotsOf(staging.planned));
    const isStaged = await isStagedAlready(ctx, staging);
    const tooBig = isStaged ? undefined : sizeRefusal(revisionOf(ctx, staging, { before }), ctx.records);
    const others = [found, backupRefusal(staging), unchecked.find(error => error !== undefined), tooBig].filter(
      error => error !== undefined,
    );
    return { kind: 'staging', staging, isStaged, refusals: [...staging.refusals, ...others] };
  });
}

/** Which role users would be on once the live application is adopted. */
function activeAfter({ inputs }: BlueGreenDeploy, { role }: AdoptedRole): Active {
  return { kind: 'role', role, idle: otherRole(inputs.roles, role) };
}

async function isStagedAlready(ctx: RunContext, staging: Staging): Promise<boolean> {
  const { deploy, role, planned, staleObjects } = staging;
  const { staged, roles, operation } = deploy.state;
  const isSame = staged?.role === role && roles[role]?.contentHash === deploy.contentHash;
  const isUnchanged = planned.every(({ change }) => change === 'unchanged') && staleObjects.length === 0;
  if (!isSame || !isUnchanged || operation !== undefined || !isAsVerified(staging, staged)) return false;
  const { forceConflicts, idlePolicy } = deploy.inputs;
  const isBackup = idlePolicy.policy === 'hot-backup';
  if (!forceConflicts && !isBackup) return true;
  // Its promotion takes over only what the record lets it, and makes a hot backup only of what is on record for that.
  const recorded = await findRevision(ctx, staged.revision);
  return (!forceConflicts || recorded?.force === true) && (!isBackup || recorded?.backup !== undefined);
}

function unchangedLintContext(
  deploy: BlueGreenDeploy,
  { role, planned }: { readonly role: string; readonly planned: readonly PlannedChange[] },
): LintContext {
  const publicServices = deploy.resources.publicServices[role] ?? [];
  const resources = planned.map(({ resource }) => resource);
  return {
    strategy: 'blue-green',
    resources: [...resources, ...publicServices],
    planned,
    // A role is never updated in place, not even the active one.
    idle: new Set(resources.filter(resource => !deploy.resources.shared.includes(resource))),
    active: [],
    publicServices,
  };
}

function stagingLintContext(staging: Staging): LintContext {
  const { deploy, role, resources, planned, plannedAfterSwitch, counterparts } = staging;
  const publicServices = deploy.resources.publicServices[role] ?? [];
  const shared = new Set(deploy.resources.shared);
  return {
    strategy: 'blue-green',
    resources,
    planned: [...planned, ...plannedAfterSwitch],
    idle: new Set(resources.filter(resource => !shared.has(resource) && !publicServices.includes(resource))),
    active: [...counterparts.values()],
    publicServices,
  };
}
