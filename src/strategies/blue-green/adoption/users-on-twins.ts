import { replicasOf } from '../../../kubernetes/deployment.js';
import { refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { routesTo, selects } from '../../../kubernetes/selectors.js';
import type { Revision } from '../../../release/revision.js';
import type { RunContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import type { Reached } from '../../outcome/restored.js';
import { isFound } from '../../recorded/found-objects.js';
import { partsOf, twinsOf, type AdoptedService, type BegunAdoption } from './begun-adoption.js';

/** Whether the public Service selects the adopted role. */
export function isNarrowed(ctx: RunContext, { narrowed }: AdoptedService): Promise<boolean> {
  return routerOf(ctx).isSetTo(narrowed);
}

/** The public Services that do not select the adopted role. */
export async function notNarrowed(ctx: RunContext, revision: Revision): Promise<readonly AdoptedService[]> {
  const { services } = partsOf(revision);
  const set = await Promise.all(services.map(service => isNarrowed(ctx, service)));
  return services.filter((_, index) => !set[index]);
}

/**
 * Whether the role has replaced the live Deployments, so that the adoption cannot be taken back: all public Services select the
 * role, another tool has set one back after a live Deployment was scaled to zero, or the users of one have no pods but those of a
 * twin, and cannot be sent back.
 */
export async function isReplaced(ctx: RunContext, begun: BegunAdoption): Promise<boolean> {
  if ((await notNarrowed(ctx, begun.revision)).length === 0) return true;
  const pairs = await Promise.all(
    twinsOf(begun).map(async ({ deployment: { ref, uid }, twin }) => {
      const [live, up] = await Promise.all([ctx.cluster.get(ref), ctx.cluster.get(refOf(twin))]);
      if (up === undefined || replicasOf(up) === 0) return 'no-twin' as const;
      return isFound(ctx, live, uid) && replicasOf(live) === 0 ? ('scaled-down' as const) : ('both' as const);
    }),
  );
  if (pairs.every(pair => pair === 'no-twin')) return false;
  if (pairs.includes('scaled-down')) return true;
  const back = new Set((await servicesToSendBack(ctx, begun)).map(({ found }) => refKey(refOf(found))));
  const reached = await reachedTwins(ctx, begun);
  return reached.some(({ service }) => !back.has(refKey(service)));
}

/** The public Services that select a twin, as they are read now, and no ready pod of anything else. */
export async function reachedTwins(ctx: RunContext, { revision, state }: BegunAdoption): Promise<readonly Reached[]> {
  const { twins, services } = partsOf(revision);
  const found = await Promise.all(
    services.map(async service => {
      const ref = refOf(service.found);
      const live = await ctx.cluster.get(ref);
      const isLed = live !== undefined && twins.some(twin => routesTo(live, twin));
      return isLed && (await othersBehind(ctx, live, twins)).length === 0 ? [ref] : [];
    }),
  );
  return found.flat().map(service => ({ kind: 'reached', service, to: state.operation.role }));
}

/**
 * The public Services that this adoption has narrowed, and whose users can be sent back: as they were found, they select ready
 * pods of the live Deployments.
 */
export async function servicesToSendBack(
  ctx: RunContext,
  { revision, state }: BegunAdoption,
): Promise<readonly AdoptedService[]> {
  const { twins, services } = partsOf(revision);
  const sent = new Set((state.operation.sent ?? []).map(refKey));
  const checked = await Promise.all(
    services.map(async service => {
      const isOurs = sent.has(refKey(refOf(service.found))) && (await isNarrowed(ctx, service));
      return isOurs && (await othersBehind(ctx, service.found, twins)).length > 0;
    }),
  );
  return services.filter((_, index) => checked[index]);
}

/** The ready pods behind this version of a Service that are not of a twin. */
async function othersBehind(
  ctx: RunContext,
  service: KubeObject,
  twins: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  const pods = await routerOf(ctx).readyPods(service);
  return pods.filter(({ metadata }) => !twins.some(twin => selects(templateLabels(twin), metadata.labels ?? {})));
}
