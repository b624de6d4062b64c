import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { isBudget } from '../../../kubernetes/budget.js';
import { refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import type { Snapshot } from '../../../plan/change.js';
import { hashOf } from '../../../kubernetes/canonical.js';
import { authorOf, imagesOf, type Revision } from '../../../release/revision.js';
import { begin, type Adopting } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { RunContext } from '../../../run/context.js';
import { checksToRecord } from '../../../verify/recorded-checks.js';
import { isDeployment } from '../../../kubernetes/deployment.js';
import type { RoleRecord } from '../../../release/state.js';
import { snapshotsOf } from '../../shared/snapshots.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import type { Adoption } from './adoption.js';

/** An adoption as it is on record. */
export interface BegunAdoption {
  readonly state: Adopting;
  readonly revision: Revision;
}

/** What is recorded of an adoption before its first write. */
export async function beginAdoption(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  adoption: Adoption,
): Promise<BegunAdoption> {
  const { state, inputs, wasRolling } = deploy;
  const { role, service, deployment, template, imageIds, planned, narrowed, autoscalers, budgets } = adoption;
  const applied = planned.map(({ resource }) => resource.object);
  const objects = [...applied, ...budgets.ofRole];
  const revision: Revision = {
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'blue-green',
    role,
    objects,
    secrets: [],
    publicServices: [narrowed],
    shared: [],
    applyAfterSwitch: autoscalers.ofRole,
    before: [
      ...[service, ...autoscalers.live, ...budgets.live].map((object): Snapshot => ({ ref: refOf(object), object })),
      ...snapshotsOf(planned),
      ...(await absentOf(ctx, [...autoscalers.ofRole, ...budgets.ofRole])),
    ],
    checks: checksToRecord(inputs.verify),
    force: inputs.forceConflicts,
    contentHash: hashOf(objects),
    images: imagesOf(applied),
    at: new Date().toISOString(),
  };
  const adopting = begin(state, {
    kind: 'adopt',
    revision: revision.number,
    role,
    deployment: { ref: refOf(deployment), uid: deployment.metadata.uid ?? '' },
    template,
    imageIds,
    ...(wasRolling && { wasRolling }),
    ...begunBy(ctx),
  });
  return { revision, state: { ...adopting, operation: adopting.operation as Adopting['operation'] } };
}

/** Snapshots of those that do not exist yet: they are deleted again if the adoption is taken back. */
async function absentOf({ cluster }: RunContext, objects: readonly KubeObject[]): Promise<readonly Snapshot[]> {
  const found = await Promise.all(objects.map(object => cluster.get(refOf(object))));
  return objects.filter((_, index) => found[index] === undefined).map(object => ({ ref: refOf(object) }));
}

/** The objects of a recorded adoption, by what is done with them. */
export interface AdoptionParts {
  /** The twin. */
  readonly twin: KubeObject;
  /** The twin and its test Service. */
  readonly up: readonly KubeObject[];
  readonly budgets: readonly KubeObject[];
  /** The public Service, narrowed to the role. */
  readonly narrowed: KubeObject;
  /** The public Service as the adoption found it. */
  readonly service: KubeObject;
  readonly liveAutoscalers: readonly KubeObject[];
  readonly liveBudgets: readonly KubeObject[];
}

/** Throws when the record lacks a part, which no adoption writes. */
export function partsOf({ objects, before, publicServices: [publicService] }: Revision): AdoptionParts {
  const twin = objects.find(isDeployment);
  const found = before.flatMap(({ object }) => (object === undefined ? [] : [object]));
  const service = found.find(object => publicService !== undefined && isSame(object, publicService));
  if (twin === undefined || service === undefined || publicService === undefined)
    throw new Error('the revision of an adoption lacks its Deployment or its Service');
  return {
    twin,
    up: objects.filter(object => !isBudget(object)),
    budgets: objects.filter(isBudget),
    narrowed: publicService,
    service,
    liveAutoscalers: found.filter(isAutoscaler),
    liveBudgets: found.filter(isBudget),
  };
}

/** The adopted role, as it is recorded when it serves. */
export function recordOf(revision: Revision, testService: string | undefined): RoleRecord {
  const { twin } = partsOf(revision);
  return {
    podLabels: [templateLabels(twin)],
    deployments: [refOf(twin)],
    revision: revision.number,
    contentHash: revision.contentHash,
    ...(testService !== undefined && { testService }),
  };
}

function isSame(one: KubeObject, other: KubeObject): boolean {
  return refKey(refOf(one)) === refKey(refOf(other));
}
