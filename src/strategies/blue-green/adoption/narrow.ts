import { migrateFieldOwnership } from '../../../cluster/apply/apply-change.js';
import { CutoverError } from '../../../errors.js';
import { replicasOf } from '../../../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { canonical } from '../../../kubernetes/canonical.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { routesTo, selects } from '../../../kubernetes/selectors.js';
import type { Revision } from '../../../release/revision.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import { requireReadyRole } from '../../../traffic/switch-precondition.js';
import type { Reached } from '../../outcome/restored.js';
import { isFound } from '../../recorded/found-objects.js';
import { requireOwnedService } from '../../recorded/owned-objects.js';
import { sizesOf } from '../operation/sizes.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';
import type { ReadyTwin } from './bring-up-twin.js';
import { takesOver } from './find/narrowed-service.js';

/** Whether the public Service selects the adopted role. */
export async function isNarrowed(ctx: RunContext, revision: Revision): Promise<boolean> {
  const { narrowed } = partsOf(revision);
  return routerOf(ctx).isSetTo({ object: narrowed, force: false });
}

/**
 * Whether the role has replaced the live Deployment, so that the adoption cannot be taken back: the public Service selects the
 * role, another tool has set the Service back after the live Deployment was scaled to zero, or users have no pods but the twin's.
 */
export async function isReplaced(ctx: RunContext, begun: BegunAdoption): Promise<boolean> {
  const { revision, state } = begun;
  if (await isNarrowed(ctx, revision)) return true;
  const { ref, uid } = state.operation.deployment;
  const [live, twin] = await Promise.all([ref, refOf(partsOf(revision).twin)].map(one => ctx.cluster.get(one)));
  if (twin === undefined || replicasOf(twin) === 0) return false;
  if (isFound(ctx, live, uid) && replicasOf(live) === 0) return true;
  return (await reachedTwin(ctx, begun)) !== undefined;
}

/** Whether the public Service, as it is read now, selects the twin, and no ready pod of anything else; `undefined`: it does not. */
export async function reachedTwin(ctx: RunContext, { revision, state }: BegunAdoption): Promise<Reached | undefined> {
  const { twin, service } = partsOf(revision);
  const ref = refOf(service);
  const live = await ctx.cluster.get(ref);
  if (live === undefined || !routesTo(live, twin)) return undefined;
  const others = (await routerOf(ctx).readyPods(live)).filter(
    ({ metadata }) => !selects(templateLabels(twin), metadata.labels ?? {}),
  );
  return others.length === 0 ? { kind: 'reached', service: ref, to: state.operation.role } : undefined;
}

/**
 * Narrows the public Service to the twin by one write, on condition that the Service is as it was found. Ownership of its fields
 * is migrated before. Throws `changed` when somebody else changed it, `record` when it is not the release's, and `switch` when pods
 * of the twin are missing.
 */
export async function narrow(
  ctx: OperationContext,
  { revision, state }: BegunAdoption,
  twin: ReadyTwin,
): Promise<void> {
  const { narrowed, service } = partsOf(revision);
  const ref = refOf(narrowed);
  const router = routerOf(ctx);
  const found = requireSame(await ctx.cluster.get(ref), service);
  requireOwnedService(ctx, { state, publicService: narrowed, live: found, foundUid: service.metadata.uid });
  const live = requireSame(await migrateFieldOwnership(found, narrowed, ctx), service);
  const { role } = state.operation;
  const decidedOn = [{ ref, object: live }];
  const { verified, readyUntilMs } = twin;
  const sizes = sizesOf(ctx, { role, services: [narrowed] }, { deployments: [state.operation.deployment.ref] });
  const precondition = { router, decidedOn, targets: [narrowed], role, verified, readyUntilMs, sizes };
  const look = await requireReadyRole(ctx, precondition);
  const force = await takesOver(ctx, { narrowed, force: revision.force });
  await router.set({ object: narrowed, force }, look.before[0] ?? { ref }, ctx.writer);
}

/** The live Service, which must still be the one that the adoption found. */
function requireSame(live: KubeObject | undefined, found: KubeObject): KubeObject {
  const isSame = live?.metadata.uid === found.metadata.uid && canonical(live?.['spec']) === canonical(found['spec']);
  if (live === undefined || !isSame) throw serviceChanged(describeRef(refOf(found)));
  return live;
}

function serviceChanged(name: string): CutoverError {
  return new CutoverError(`${name} was changed while the version behind it was being adopted`, {
    code: 'changed',
    object: name,
    hint: 'Run this step again: it starts from what is live now.',
  });
}
