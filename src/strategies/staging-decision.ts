import type { CutoverError } from '../errors.js';
import { refKey, refOf } from '../manifests/object.js';
import type { PlannedChange } from '../plan/change.js';
import { lint, sceneOf } from './lint.js';
import { changesSinceVerified, roleRecords, type Active } from './roles.js';
import { findActive, planStaging, planUnchanged, type BlueGreenDeploy, type Staging } from './staging-plan.js';
import type { Step } from './step.js';

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

/** Asks where users are, what the idle role would get, and what would drop requests. Writes nothing. */
export async function decideStaging(step: Step, deploy: BlueGreenDeploy): Promise<StagingDecision> {
  const { inputs, resources } = deploy;
  const records = roleRecords(resources);
  const active = await step.stage('Check', () => findActive(step, deploy, records));
  const live = active.kind === 'role' ? active.role : undefined;
  // Unchanged is asked of the active role first: the same manifests again must not start a second copy of what serves.
  const unchanged = live === undefined ? undefined : await planUnchanged(step, deploy, live);
  if (live !== undefined && unchanged !== undefined) {
    const publicService = resources.publicService[live];
    const wanted = unchanged.map(({ resource }) => resource);
    const found = lint(step, inputs.lint, {
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
  return step.stage('Plan', async () => {
    const staging = await planStaging(step, { deploy, active, role, records });
    const found = lint(step, inputs.lint, sceneOf(staging));
    return { kind: 'staging', staging, refusals: [...staging.refusals, ...(found === undefined ? [] : [found])] };
  });
}

/** Whether this very content waits on the idle role already, as it was verified. */
export function isStagedAlready({ deploy, role, planned, leftovers }: Staging): boolean {
  const { staged, roles, inFlight } = deploy.state;
  const same = staged?.role === role && roles?.[role]?.contentHash === deploy.contentHash;
  const nothingToDo = planned.every(({ change }) => change === 'unchanged') && leftovers.length === 0;
  // A dry run tells the generation that is live.
  const live = new Map(planned.map(({ resource, after }) => [refKey(refOf(resource.object)), after]));
  const asVerified = (staged?.workloads ?? []).every(
    verified => changesSinceVerified(verified, live.get(refKey(verified.ref))).length === 0,
  );
  return same && nothingToDo && inFlight === undefined && asVerified;
}
