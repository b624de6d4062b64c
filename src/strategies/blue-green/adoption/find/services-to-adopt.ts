import { isDeployment } from '../../../../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../../kubernetes/selectors.js';
import { own } from '../../../../own.js';
import type { RunContext } from '../../../../run/context.js';
import type { BlueGreenDeploy } from '../../staging/staging.js';
import { mayAdopt } from './may-adopt.js';
import { notAllWithoutRoles, nothingToAdopt } from './refusals.js';
import { findServing, type ServingDeployment } from './serving-deployment.js';

/** A public Service that is live and knows no roles. */
export interface ServiceToAdopt {
  readonly live: KubeObject;
  /** The public Service of the first role, as the manifests have it. */
  readonly rendered: KubeObject;
}

/** A live Deployment, and all public Services that lead to its pods. */
export interface ServingGroup {
  readonly serving: ServingDeployment;
  readonly services: readonly [first: ServiceToAdopt, ...others: ServiceToAdopt[]];
}

/**
 * The public Services, the main one first, if they are live without roles; empty: there is nothing to adopt. Throws `roles` when only
 * some of them are.
 */
export async function servicesToAdopt(ctx: RunContext, deploy: BlueGreenDeploy): Promise<readonly ServiceToAdopt[]> {
  const { inputs, resources, state, wasRolling } = deploy;
  const rendered = (own(resources.publicServices, inputs.roles[0]) ?? []).map(({ object }) => object);
  const [main] = rendered;
  if (main === undefined || !mayAdopt(deploy)) return [];
  const found = await Promise.all(
    rendered.map(async object => ({ rendered: object, live: await ctx.cluster.get(refOf(object)) })),
  );
  const without = found.flatMap(({ live, ...rest }) =>
    live !== undefined && isWithoutRoles(live, deploy) ? [{ ...rest, live }] : [],
  );
  if (without.length === found.length) return without;
  const [first] = without;
  if (first !== undefined) {
    const others = found.filter(({ live }) => live === undefined || !isWithoutRoles(live, deploy));
    throw notAllWithoutRoles(
      without.map(({ live }) => refOf(live)),
      others.map(({ rendered: object, live }) => ({ ref: refOf(object), why: whyNot(live) })),
    );
  }
  if (wasRolling && state.current !== undefined) throw nothingToAdopt(state.release, describeRef(refOf(main)));
  return [];
}

/** The live Deployments behind the Services, each once, in the order of the Services. Throws `roles` when one leads to several. */
export async function servingGroups(
  ctx: RunContext,
  services: readonly ServiceToAdopt[],
): Promise<readonly ServingGroup[]> {
  const groups = new Map<string, ServingGroup>();
  for (const service of services) {
    const serving = await findServing(ctx, service.live);
    const key = serving.deployment.metadata.uid ?? '';
    const group = groups.get(key);
    groups.set(
      key,
      group === undefined ? { serving, services: [service] } : { ...group, services: [...group.services, service] },
    );
  }
  return [...groups.values()];
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

function whyNot(live: KubeObject | undefined): string {
  if (live === undefined) return 'does not exist';
  return Object.keys(selectorOf(live)).length === 0 ? 'has no selector' : 'selects the pods of a role';
}
