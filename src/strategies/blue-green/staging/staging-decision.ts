import type { CutoverError } from '../../../errors.js';
import type { PlannedChange } from '../../../plan/change.js';
import { lint, sceneOf } from '../../shared/lint.js';
import { findAdoption, withAdopted } from '../adoption/adoption.js';
import { roleRecords, type Active } from '../../../traffic/active-role.js';
import { isAsVerified } from './staged-revision.js';
import { findSide, planStaging, planUnchanged } from './staging-plan.js';
import type { BlueGreenDeploy, Staging } from './staging.js';
import type { RunContext } from '../../../run/context.js';

/** What a blue/green deploy comes to, decided before anything is written, and every reason not to do it. */
export type StagingDecision = { readonly refusals: readonly CutoverError[] } & (
  | {
      /** Users are on this very content already. */
      readonly kind: 'serving';
      readonly role: string;
      readonly active: Active;
      readonly planned: readonly PlannedChange[];
    }
  | { readonly kind: 'staging'; readonly staging: Staging }
);

/** Asks where users are, whether they have to be adopted first, what the idle role would get, and what would drop requests. Writes nothing. */
export async function decideStaging(ctx: RunContext, given: BlueGreenDeploy): Promise<StagingDecision> {
  const { inputs, resources } = given;
  const records = roleRecords(resources);
  const { deploy, active } = await ctx.phase('Check', async () => {
    const adoption = await findAdoption(ctx, given);
    const adopting = adoption === undefined ? given : withAdopted(given, adoption);
    return { deploy: adopting, active: await findSide(ctx, adopting, records) };
  });
  const live = active.kind === 'role' ? active.role : undefined;
  // Unchanged is asked of the active role first: the same manifests again must not start a second copy of what serves.
  const unchanged = live === undefined ? undefined : await planUnchanged(ctx, deploy, live);
  if (live !== undefined && unchanged !== undefined) {
    const publicService = resources.publicService[live];
    const wanted = unchanged.map(({ resource }) => resource);
    const found = lint(ctx, inputs.lint, {
      strategy: 'blue-green',
      resources: [...wanted, ...(publicService === undefined ? [] : [publicService])],
      planned: unchanged,
      // A role is never updated in place, not even the one that serves.
      idle: new Set(wanted.filter(resource => !resources.shared.includes(resource))),
      active: [],
      ...(publicService !== undefined && { publicService }),
    });
    return { kind: 'serving', role: live, active, planned: unchanged, refusals: found === undefined ? [] : [found] };
  }
  const role = active.kind === 'role' ? active.idle : inputs.roles[0];
  return ctx.phase('Plan', async () => {
    const staging = await planStaging(ctx, { deploy, active, role, records });
    const found = lint(ctx, inputs.lint, sceneOf(staging));
    return { kind: 'staging', staging, refusals: [...staging.refusals, ...(found === undefined ? [] : [found])] };
  });
}

/** Whether this very content waits on the idle role already, as it was verified. */
export function isStagedAlready(staging: Staging): boolean {
  const { deploy, role, planned, staleObjects } = staging;
  const { staged, roles, operation } = deploy.state;
  const same = staged?.role === role && roles?.[role]?.contentHash === deploy.contentHash;
  const nothingToDo = planned.every(({ change }) => change === 'unchanged') && staleObjects.length === 0;
  return same && nothingToDo && operation === undefined && isAsVerified(staging, staged);
}
