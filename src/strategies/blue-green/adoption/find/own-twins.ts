import { isDeployment } from '../../../../kubernetes/deployment.js';
import { refKey, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../../kubernetes/selectors.js';
import { isOwnedBy } from '../../../../manifests/owner.js';
import { roleName } from '../../../../manifests/roles/copies.js';
import type { RunContext } from '../../../../run/context.js';
import type { BlueGreenDeploy } from '../../staging/staging.js';
import { imageIdsOf, type ImageIds } from './images.js';
import { ledToOther, nameTaken, noTwin, sameTwin, severalImages } from './refusals.js';
import type { ServiceToAdopt, ServingGroup } from './services-to-adopt.js';
import { twinOf } from './twin.js';

/** A live Deployment and its twin. */
export interface PairedGroup extends ServingGroup {
  readonly twin: KubeObject;
  /** By the name of a container: the ID of the image that the serving pods run. */
  readonly imageIds: ImageIds;
}

/** The twin of each live Deployment. Throws `roles` when the manifests do not have exactly one for each. */
export function pairWithTwins(
  groups: readonly ServingGroup[],
  { inputs: { roles }, resources }: BlueGreenDeploy,
): readonly PairedGroup[] {
  const [role] = roles;
  const ofRole = (resources.of[role] ?? []).map(({ object }) => object).filter(isDeployment);
  const pairs = groups.map((group): PairedGroup => {
    const { serving, services } = group;
    const { ids: imageIds, differs } = imageIdsOf(serving.replicaSet, serving.pods);
    if (differs !== undefined) throw severalImages(services[0].live, differs);
    const rendered = deploymentOfRole(group, role, ofRole);
    const publicServices = services.map(service => service.rendered);
    return { ...group, imageIds, twin: twinOf({ ...serving, role, rendered, publicServices, imageIds }) };
  });
  requireOneEach(pairs);
  requireOwnUsers(
    pairs,
    groups.flatMap(({ services }) => services),
  );
  return pairs;
}

/** The role's Deployment of the manifests that takes the place of the live one: all its public Services lead to it. */
function deploymentOfRole(
  { serving: { deployment }, services }: ServingGroup,
  role: string,
  ofRole: readonly KubeObject[],
): KubeObject {
  const behind = ofRole.filter(object =>
    services.every(({ rendered }) => selects(selectorOf(rendered), templateLabels(object))),
  );
  const name = roleName(deployment.metadata.name, role);
  const found = behind.find(({ metadata }) => metadata.name === name) ?? behind[0];
  if (found === undefined)
    throw noTwin(
      deployment,
      services.map(({ live }) => live),
    );
  return found;
}

function requireOneEach(pairs: readonly PairedGroup[]): void {
  const byTwin = new Map<string, PairedGroup>();
  for (const pair of pairs) {
    const key = refKey(refOf(pair.twin));
    const other = byTwin.get(key);
    if (other !== undefined) throw sameTwin(pair.services[0].live, [other.serving.deployment, pair.serving.deployment]);
    byTwin.set(key, pair);
  }
}

/** A twin must not be behind a Service of another Deployment, as it is live or as it will be: its users would get another application. */
function requireOwnUsers(pairs: readonly PairedGroup[], services: readonly ServiceToAdopt[]): void {
  for (const { twin, serving, services: own } of pairs) {
    const labels = templateLabels(twin);
    const strange = services.find(
      service =>
        !own.includes(service) && [service.live, service.rendered].some(one => selects(selectorOf(one), labels)),
    );
    if (strange !== undefined) throw ledToOther(strange.live, serving.deployment);
  }
}

/** Throws when a Deployment of somebody else has the name of a twin. */
export async function refuseTaken(ctx: RunContext, { twin, services }: PairedGroup): Promise<void> {
  const live = await ctx.cluster.get(refOf(twin));
  if (live !== undefined && !isOwnedBy(live, ctx.records)) throw nameTaken(services[0].live, live);
}
