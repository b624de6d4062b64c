import { dryRunAll } from '../../../../cluster/apply/dry-run-all.js';
import { isAutoscaler } from '../../../../kubernetes/autoscaler.js';
import { isDeployment } from '../../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../../kubernetes/selectors.js';
import { isOwnedBy } from '../../../../manifests/owner.js';
import { roleName } from '../../../../manifests/roles/copies.js';
import { mainServiceOf, type Resource } from '../../../../manifests/resource.js';
import { hasRoles } from '../../../../release/transitions.js';
import type { RunContext } from '../../../../run/context.js';
import { throwAny } from '../../../shared/refusals.js';
import { recordedResource } from '../../../shared/recorded-objects.js';
import type { BlueGreenDeploy } from '../../staging/staging.js';
import type { Adoption } from '../adoption.js';
import { warnOfNewerConfig } from './config-age.js';
import { imageIdsOf } from './images.js';
import { narrowedTo, takesOver } from './narrowed-service.js';
import {
  nameTaken,
  noTwin,
  nothingToAdopt,
  severalImages,
  severalServices,
  unknownAutoscaler,
  wouldBeWritten,
} from './refusals.js';
import { replaceAutoscalers, replaceBudgets } from './scaling.js';
import { findServing } from './serving-deployment.js';
import { templateIdentity, twinOf } from './twin.js';
import { own } from '../../../../own.js';

/**
 * The live application that must be adopted before anything can be staged beside it. `undefined`: none is live, or it has
 * roles already. Throws `roles` if it cannot be adopted. Only reads.
 */
export async function findAdoption(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Adoption | undefined> {
  const { inputs, resources, state } = deploy;
  const [role] = inputs.roles;
  const rendered = mainServiceOf(resources, role)?.object;
  if (rendered === undefined || !mayAdopt(deploy)) return undefined;
  const service = await ctx.cluster.get(refOf(rendered));
  if (service === undefined || !isWithoutRoles(service, deploy)) {
    if (deploy.wasRolling && state.current !== undefined)
      throw nothingToAdopt(state.release, describeRef(refOf(rendered)));
    return undefined;
  }
  const services = (own(resources.publicServices, role) ?? []).map(({ object }) => refOf(object));
  if (services.length > 1) throw severalServices(service, services);
  const serving = await findServing(ctx, service);
  const { deployment, replicaSet, pods } = serving;
  refuseToWrite(deployment, { service, deploy });
  const { ids: imageIds, differs } = imageIdsOf(replicaSet, pods);
  if (differs !== undefined) throw severalImages(service, differs);
  const ofRole = (resources.of[role] ?? []).map(({ object }) => object);
  const twin = twinOf({
    ...serving,
    role,
    rendered: deploymentOfRole(service, { deployment, deploy }),
    publicService: rendered,
    imageIds,
  });
  await refuseTaken(ctx, { service, twin });
  await warnOfNewerConfig(ctx, serving);
  const narrowed = narrowedTo(rendered, service);
  await takesOver(ctx, { narrowed, force: inputs.forceConflicts });
  const parts = { role, twin, rendered: ofRole };
  const autoscalers = await replaceAutoscalers(ctx, deployment, parts);
  const unknown = autoscalers.live.find(object => !isAutoscaler(object));
  if (unknown !== undefined) throw unknownAutoscaler(service, unknown);
  const testService = ofRole.find(({ kind, metadata }) => {
    return kind === 'Service' && metadata.name === own(resources.testService, role);
  });
  ctx.log.info(
    `${describeRef(refOf(service))} selects the pods of ${describeRef(refOf(deployment))}, which has no role: it is adopted as ${role}`,
  );
  return {
    role,
    service,
    deployment,
    template: templateIdentity(deployment),
    imageIds,
    planned: await planTwin(ctx, { deploy, objects: [twin, ...(testService === undefined ? [] : [testService])] }),
    narrowed,
    autoscalers,
    budgets: await replaceBudgets(ctx, deployment, parts),
  };
}

/** Whether the record allows that something without roles is live: nothing has ever been on a role. */
export function mayAdopt({ state, resources, wasRolling }: BlueGreenDeploy): boolean {
  if (wasRolling || state.operation?.kind === 'adopt') return true;
  return resources.automatic === true && state.current === undefined && !hasRoles(state);
}

/** Whether the Service selects the pods of no role, or of both. */
function isWithoutRoles(service: KubeObject, { inputs, resources }: BlueGreenDeploy): boolean {
  const selector = selectorOf(service);
  if (Object.keys(selector).length === 0) return false;
  const selected = inputs.roles.filter(role => {
    const deployments = (resources.of[role] ?? []).filter(({ object }) => isDeployment(object));
    return deployments.some(({ object }) => selects(selector, templateLabels(object)));
  });
  return selected.length !== 1;
}

/** The role's Deployment of the manifests that takes the place of the live one. */
function deploymentOfRole(
  service: KubeObject,
  { deployment, deploy }: { readonly deployment: KubeObject; readonly deploy: BlueGreenDeploy },
): KubeObject {
  const { inputs, resources } = deploy;
  const [role] = inputs.roles;
  const publicService = mainServiceOf(resources, role)?.object;
  const behind = (resources.of[role] ?? [])
    .map(({ object }) => object)
    .filter(isDeployment)
    .filter(object => publicService !== undefined && selects(selectorOf(publicService), templateLabels(object)));
  const name = roleName(deployment.metadata.name, role);
  const found = behind.find(({ metadata }) => metadata.name === name) ?? behind[0];
  if (found === undefined) throw noTwin(service);
  return found;
}

/** Throws when the deploy would write the Deployment that serves users. */
function refuseToWrite(
  deployment: KubeObject,
  { service, deploy }: { readonly service: KubeObject; readonly deploy: BlueGreenDeploy },
): void {
  const { shared, of } = deploy.resources;
  const written = [...shared, ...Object.values(of).flat()].map(({ object }) => refKey(refOf(object)));
  if (written.includes(refKey(refOf(deployment)))) throw wouldBeWritten(service, deployment);
}

/** Throws when a Deployment of somebody else has the name of the twin. */
async function refuseTaken(
  ctx: RunContext,
  { service, twin }: { readonly service: KubeObject; readonly twin: KubeObject },
): Promise<void> {
  const live = await ctx.cluster.get(refOf(twin));
  if (live !== undefined && !isOwnedBy(live, ctx.records)) throw nameTaken(service, live);
}

async function planTwin(
  ctx: RunContext,
  { deploy, objects }: { readonly deploy: BlueGreenDeploy; readonly objects: readonly KubeObject[] },
): Promise<Adoption['planned']> {
  const { state, inputs } = deploy;
  const resources: readonly Resource[] = objects.map(object => recordedResource(object, state.latest + 1));
  const { planned, rejection } = await dryRunAll({
    cluster: ctx.cluster,
    resources,
    force: inputs.forceConflicts,
    idle: new Set(resources),
  });
  throwAny(rejection === undefined ? [] : [rejection]);
  return planned;
}
