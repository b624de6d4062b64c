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
import type { AdoptingDeployment } from '../../../release/operation.js';
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
  const { role, services, versions, planned, narrowed, autoscalers, budgets } = adoption;
  const applied = planned.map(({ resource }) => resource.object);
  const objects = [...applied, ...budgets.ofRole];
  const revision: Revision = {
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'blue-green',
    role,
    objects,
    secrets: [],
    publicServices: narrowed,
    shared: [],
    applyAfterSwitch: autoscalers.ofRole,
    before: [
      ...[...services, ...autoscalers.live, ...budgets.live].map((object): Snapshot => ({
        ref: refOf(object),
        object,
      })),
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
    deployments: versions,
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
  /** In the order of the Deployments of the operation; at least one. */
  readonly twins: readonly KubeObject[];
  /** The twins and the test Service. */
  readonly up: readonly KubeObject[];
  readonly budgets: readonly KubeObject[];
  /** The public Services, the main one first. */
  readonly services: readonly [main: AdoptedService, ...others: AdoptedService[]];
  readonly liveAutoscalers: readonly KubeObject[];
  readonly liveBudgets: readonly KubeObject[];
}

/** A public Service that is narrowed to the role. */
export interface AdoptedService {
  /** As the adoption found it. */
  readonly found: KubeObject;
  readonly narrowed: KubeObject;
}

/** Throws when the record lacks a part, which no adoption writes. */
export function partsOf({ objects, before, publicServices }: Revision): AdoptionParts {
  const twins = objects.filter(isDeployment);
  const found = before.flatMap(({ object }) => (object === undefined ? [] : [object]));
  const [main, ...others] = publicServices.map(narrowed => {
    const service = found.find(object => isSame(object, narrowed));
    if (service === undefined) throw incomplete();
    return { found: service, narrowed };
  });
  if (twins.length === 0 || main === undefined) throw incomplete();
  return {
    twins,
    up: objects.filter(object => !isBudget(object)),
    budgets: objects.filter(isBudget),
    services: [main, ...others],
    liveAutoscalers: found.filter(isAutoscaler),
    liveBudgets: found.filter(isBudget),
  };
}

/** The adopted role, as it is recorded when it serves. */
export function recordOf(revision: Revision, testService: string | undefined): RoleRecord {
  const { twins } = partsOf(revision);
  return {
    podLabels: twins.map(templateLabels),
    deployments: twins.map(refOf),
    revision: revision.number,
    contentHash: revision.contentHash,
    ...(testService !== undefined && { testService }),
  };
}

/** A live Deployment that is adopted, and the Deployment of the role that takes its place. */
export interface Twin {
  readonly deployment: AdoptingDeployment;
  readonly twin: KubeObject;
}

/** Throws when the record has another number of twins than of Deployments, which no adoption writes. */
export function twinsOf({ state, revision }: BegunAdoption): readonly Twin[] {
  const { deployments } = state.operation;
  const { twins } = partsOf(revision);
  if (twins.length !== deployments.length) throw incomplete();
  return deployments.map((deployment, index) => ({ deployment, twin: twins[index] as KubeObject }));
}

function incomplete(): Error {
  return new Error('the revision of an adoption lacks a Deployment or a Service');
}

function isSame(one: KubeObject, other: KubeObject): boolean {
  return refKey(refOf(one)) === refKey(refOf(other));
}
