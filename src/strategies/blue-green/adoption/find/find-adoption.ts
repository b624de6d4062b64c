import { dryRunAll } from '../../../../cluster/apply/dry-run-all.js';
import { isAutoscaler } from '../../../../kubernetes/autoscaler.js';
import { describeRef, describeRefs, refKey, refOf, type KubeObject } from '../../../../kubernetes/object.js';
import type { Resource } from '../../../../manifests/resource.js';
import { own } from '../../../../own.js';
import type { RunContext } from '../../../../run/context.js';
import { recordedResource } from '../../../shared/recorded-objects.js';
import { throwAny } from '../../../shared/refusals.js';
import type { BlueGreenDeploy } from '../../staging/staging.js';
import type { Adoption, Replacement } from '../adoption.js';
import { warnOfNewerConfig } from './config-age.js';
import { narrowedTo, takesOver } from './narrowed-service.js';
import { pairWithTwins, refuseTaken, type PairedGroup } from './own-twins.js';
import { unknownAutoscaler, wouldBeWritten } from './refusals.js';
import { replaceAutoscalers, replaceBudgets } from './scaling.js';
import { servicesToAdopt, servingGroups, type ServingGroup } from './services-to-adopt.js';
import { templateIdentity } from './twin.js';

/**
 * The live application that must be adopted before anything can be staged beside it. `undefined`: none is live, or it has
 * roles already. Throws `roles` if it cannot be adopted. Only reads.
 */
export async function findAdoption(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Adoption | undefined> {
  const { inputs, resources } = deploy;
  const [role] = inputs.roles;
  const services = await servicesToAdopt(ctx, deploy);
  if (services.length === 0) return undefined;
  const groups = await servingGroups(ctx, services);
  for (const group of groups) refuseToWrite(group, deploy);
  const pairs = pairWithTwins(groups, deploy);
  for (const pair of pairs) await refuseTaken(ctx, pair);
  for (const { serving } of pairs) await warnOfNewerConfig(ctx, serving);
  const narrowed = services.map(({ rendered, live }) => narrowedTo(rendered, live));
  for (const object of narrowed) await takesOver(ctx, { narrowed: object, force: inputs.forceConflicts });
  const scaling = await scalingOf(ctx, pairs, deploy);
  const testService = (resources.of[role] ?? []).find(({ object: { kind, metadata } }) => {
    return kind === 'Service' && metadata.name === own(resources.testService, role);
  })?.object;
  for (const pair of pairs) logFound(ctx, pair, role);
  const objects = [...pairs.map(({ twin }) => twin), ...(testService === undefined ? [] : [testService])];
  return {
    role,
    services: services.map(({ live }) => live),
    deployments: pairs.map(({ serving }) => serving.deployment),
    versions: pairs.map(({ serving: { deployment }, imageIds }) => {
      const template = templateIdentity(deployment);
      return { ref: refOf(deployment), uid: deployment.metadata.uid ?? '', template, imageIds };
    }),
    planned: await planTwins(ctx, { deploy, objects }),
    narrowed,
    ...scaling,
  };
}

/** Throws when the deploy would write the Deployment that serves users. */
function refuseToWrite({ serving: { deployment }, services: [service] }: ServingGroup, deploy: BlueGreenDeploy): void {
  const { shared, of } = deploy.resources;
  const written = [...shared, ...Object.values(of).flat()].map(({ object }) => refKey(refOf(object)));
  if (written.includes(refKey(refOf(deployment)))) throw wouldBeWritten(service.live, deployment);
}

/** What scales the live Deployments and protects their pods, and what their twins get in its place. */
async function scalingOf(
  ctx: RunContext,
  pairs: readonly PairedGroup[],
  { inputs, resources }: BlueGreenDeploy,
): Promise<Pick<Adoption, 'autoscalers' | 'budgets'>> {
  const [role] = inputs.roles;
  const rendered = (resources.of[role] ?? []).map(({ object }) => object);
  const autoscalers: Replacement[] = [];
  const budgets: Replacement[] = [];
  for (const { twin, serving, services } of pairs) {
    const parts = { role, twin, rendered };
    const scaling = await replaceAutoscalers(ctx, serving.deployment, parts);
    const unknown = scaling.live.find(object => !isAutoscaler(object));
    if (unknown !== undefined) throw unknownAutoscaler(services[0].live, unknown);
    autoscalers.push(scaling);
    budgets.push(await replaceBudgets(ctx, serving.deployment, parts));
  }
  return { autoscalers: together(autoscalers), budgets: together(budgets) };
}

function together(replacements: readonly Replacement[]): Replacement {
  return { live: replacements.flatMap(({ live }) => live), ofRole: replacements.flatMap(({ ofRole }) => ofRole) };
}

function logFound({ log }: RunContext, { services, serving }: PairedGroup, role: string): void {
  const names = describeRefs(services.map(({ live }) => refOf(live)));
  const verb = services.length > 1 ? 'select' : 'selects';
  log.info(
    `${names} ${verb} the pods of ${describeRef(refOf(serving.deployment))}, which has no role: it is adopted as ${role}`,
  );
}

async function planTwins(
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
