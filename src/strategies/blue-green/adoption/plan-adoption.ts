import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import { previewed, type PreviewedObject } from '../../../plan/preview.js';
import type { RunContext } from '../../../run/context.js';
import type { PlanNote } from '../../outcome/plan-note.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import type { AdoptedRole, Adoption } from './adoption.js';
import { partsOf } from './begun-adoption.js';
import { findAdoption } from './find/find-adoption.js';
import { notNarrowed } from './users-on-twins.js';

/** The adoption that a deploy would begin with. */
export interface PlannedAdoption {
  readonly adopted: AdoptedRole;
  /** Revisions that it would take: 1, or 0 if it is on record already. */
  readonly revisions: number;
  readonly notes: readonly PlanNote[];
  readonly objects: readonly PreviewedObject[];
}

/** What a deploy would adopt before it stages; `undefined`: nothing. Throws `roles` when it cannot be adopted. */
export async function planAdoption(ctx: RunContext, deploy: BlueGreenDeploy): Promise<PlannedAdoption | undefined> {
  const { operation } = deploy.state;
  if (operation?.kind !== 'adopt') {
    const adoption = await ctx.phase('Check', () => findAdoption(ctx, deploy));
    return adoption && plannedOf(deploy, adoption);
  }
  const { role, revision: number } = operation;
  const revision = await ctx.records.readRevision(number);
  const isDone = (await notNarrowed(ctx, revision)).length === 0;
  const found = isDone ? [] : await Promise.all(operation.deployments.map(({ ref }) => ctx.cluster.get(ref)));
  const deployments = found.filter(live => live !== undefined);
  // What is left to do is as the interrupted run has recorded it.
  const { liveAutoscalers, liveBudgets } = partsOf(revision);
  const [autoscalers, budgets] = [{ live: liveAutoscalers }, { live: liveBudgets }];
  if (deployments.length === 0) return undefined;
  return { adopted: { role, deployments, autoscalers, budgets }, revisions: 0, notes: [], objects: [] };
}

function plannedOf({ state }: BlueGreenDeploy, adoption: Adoption): PlannedAdoption {
  const { role, deployments, services, narrowed, planned, autoscalers, budgets } = adoption;
  const note: PlanNote = {
    kind: 'to-adopt',
    revision: state.latest + 1,
    services: services.map(refOf),
    deployments: deployments.map(refOf),
    role,
  };
  return {
    adopted: adoption,
    revisions: 1,
    notes: [note],
    objects: [
      ...[...autoscalers.live, ...budgets.live].map(object => preview(object, 'deleted')),
      ...previewed(planned, 'deploy'),
      ...narrowed.map(object => preview(object, 'changed')),
      ...[...budgets.ofRole, ...autoscalers.ofRole].map(object => preview(object, 'created')),
      ...deployments.map(object => preview(object, 'changed')),
      ...deployments.map((object): PreviewedObject => ({ ...preview(object, 'deleted'), when: 'switch' })),
    ],
  };
}

function preview(object: KubeObject, change: PreviewedObject['change']): PreviewedObject {
  return { ref: refOf(object), when: 'deploy', change, fields: [] };
}
