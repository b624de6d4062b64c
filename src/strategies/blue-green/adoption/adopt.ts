import { asCutoverError } from '../../../errors.js';
import { refOf } from '../../../kubernetes/object.js';
import { historyEntry } from '../../../release/revision.js';
import { abandonAdopt, begin, type Adopting } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';
import { FailedStep, type ObjectChange } from '../../outcome/outcome.js';
import { requireOwnedService } from '../../recorded/owned-objects.js';
import { checksOf } from '../../shared/checks.js';
import { noTraffic, underTraffic, type SyntheticTraffic } from '../../shared/synthetic-traffic.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import { beginAdoption, partsOf, type AdoptedService, type BegunAdoption } from './begun-adoption.js';
import { bringUpTwins } from './bring-up-twins.js';
import { adoptionFailed, notBegun, notTakenBack } from './failed-adoption.js';
import { findAdoption } from './find/find-adoption.js';
import { mayAdopt } from './find/may-adopt.js';
import { finishAdoption } from './finish-adoption.js';
import { Narrowing } from './narrow.js';
import { refuseStaging } from './refuse-staging.js';
import { restoreAdoption } from './restore-adoption.js';
import { templateIdentity } from './find/twin.js';
import { isReplaced, notNarrowed } from './users-on-twins.js';

/**
 * Adopts the application that is live without roles: its version is brought up once more as the first role, and users are sent
 * there. An operation and a revision of its own, before anything is staged. Does nothing where there is nothing to adopt: then
 * this resolves to `undefined`. Run again after it was killed, it finishes the work. `read` reads the record and renders the manifests after it again.
 */
export async function adoptLive(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  read: () => Promise<BlueGreenDeploy>,
): Promise<readonly ObjectChange[] | undefined> {
  if (!mayAdopt(deploy)) return undefined;
  if (unfinished(deploy) === undefined) {
    const adoption = await ctx.phase('Check', () => findAdoption(ctx, deploy));
    if (adoption === undefined) return undefined;
    await refuseStaging(ctx, deploy, adoption);
  }
  return underLock(ctx, deploy.inputs.lockTimeoutMs, async locked => {
    const now = locked.waited ? await read() : deploy;
    const adopting = unfinished(now);
    if (adopting === undefined) return adopt(locked, now);
    const recorded = await locked.records.readRevision(adopting.operation.revision);
    const revision = { ...recorded, force: recorded.force || now.inputs.forceConflicts };
    const begun = { state: adopting, revision };
    const isForward = (await isReplaced(locked, begun)) || (await isAsFound(locked, begun));
    // The twin may be of a version that is not live any more.
    if (!isForward && (await takeBack(locked, begun))) return adopt(locked, await read());
    const operation = { ...adopting.operation, ...begunBy(locked) };
    const state = { ...begin(adopting, operation), operation };
    return finish(locked, { deploy: now, begun: { ...begun, state } });
  });
}

/** What is adopted, and what the deploy was asked for. */
interface BegunDeploy {
  readonly deploy: BlueGreenDeploy;
  readonly begun: BegunAdoption;
}

async function adopt(ctx: LockedContext, deploy: BlueGreenDeploy): Promise<readonly ObjectChange[]> {
  // Found again: between the first look and the lock, another version may have gone live.
  const adoption = mayAdopt(deploy) ? await findAdoption(ctx, deploy) : undefined;
  return adoption === undefined ? [] : finish(ctx, { deploy, begun: await beginAdoption(ctx, deploy, adoption) });
}

/** Does everything that is not done yet. */
async function finish(ctx: LockedContext, { deploy, begun }: BegunDeploy): Promise<readonly ObjectChange[]> {
  const [main] = partsOf(begun.revision).services;
  // The record may name a Service of others: the narrowing refuses it, and until then nothing is sent to it.
  if (!(await isOwned(ctx, begun, main))) return moveToTwin(ctx, { deploy, begun }, noTraffic);
  return underTraffic(ctx, { service: main.narrowed, checks: deploy.inputs.verify }, traffic =>
    moveToTwin(ctx, { deploy, begun }, traffic),
  );
}

async function isOwned(
  ctx: LockedContext,
  { state }: BegunAdoption,
  { found, narrowed }: AdoptedService,
): Promise<boolean> {
  const live = await ctx.cluster.get(refOf(narrowed));
  try {
    requireOwnedService(ctx, { state, publicService: narrowed, live, foundUid: found.metadata.uid });
    return true;
  } catch (error) {
    ctx.log.debug(asCutoverError(error).message);
    return false;
  }
}

async function moveToTwin(
  ctx: LockedContext,
  { deploy, begun }: BegunDeploy,
  traffic: SyntheticTraffic,
): Promise<readonly ObjectChange[]> {
  const { inputs } = deploy;
  const { revision, state } = begun;
  const narrowing = new Narrowing(begun);
  let operation: OperationContext;
  try {
    operation = await ctx.recordOperation(state, [revision]);
  } catch (error) {
    throw new FailedStep(error, notBegun(ctx, begun));
  }
  // Only until users are confirmed on the role: after that, the only way is forward.
  const signal = AbortSignal.any([ctx.signal, traffic.exceeded]);
  const watched = { ...operation, signal };
  try {
    await ctx.phase('Adopt', async () => {
      if ((await notNarrowed(ctx, revision)).length > 0) {
        const waitOptions = { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs };
        await narrowing.write(watched, await bringUpTwins(watched, begun, waitOptions));
      }
      const router = routerOf(ctx);
      for (const { narrowed } of partsOf(revision).services)
        await router.confirm({ object: narrowed }, { timeoutMs: confirmMs, signal });
      await traffic.require([]);
      await finishAdoption(operation, narrowing.begun, inputs);
    });
  } catch (error) {
    const { rollbackOnFailure } = inputs;
    const { begun: now, isTaken } = narrowing;
    const failed = await adoptionFailed(operation, now, { rollbackOnFailure, isTaken });
    throw new FailedStep(error, { ...failed, checks: checksOf(error) });
  }
  return changesOf(begun);
}

function unfinished({ state }: BlueGreenDeploy): Adopting | undefined {
  const { operation } = state;
  return operation?.kind === 'adopt' ? { ...state, operation } : undefined;
}

/** Whether the live Deployments still have the templates that the adoption began with. */
async function isAsFound(ctx: RunContext, { state }: BegunAdoption): Promise<boolean> {
  const same = await Promise.all(
    state.operation.deployments.map(async ({ ref, uid, template }) => {
      const live = await ctx.cluster.get(ref);
      return live !== undefined && live.metadata.uid === uid && templateIdentity(live) === template;
    }),
  );
  return same.every(Boolean);
}

/** Restores what an interrupted adoption had changed; false: users have no other pods by now. Throws when not everything could be restored. */
async function takeBack(ctx: LockedContext, begun: BegunAdoption): Promise<boolean> {
  const operation = await ctx.recordOperation(begun.state);
  const { failed, isReached } = await ctx.phase('Restore', () => restoreAdoption(operation, begun));
  if (isReached) return false;
  if (failed.length > 0) throw notTakenBack(ctx, begun, failed);
  await ctx.records.writeState(abandonAdopt(begun.state, historyEntry(ctx.run, begun.revision, 'failed')));
  return true;
}

function changesOf({ revision, state }: BegunAdoption): readonly ObjectChange[] {
  const { up, budgets, services, liveAutoscalers, liveBudgets } = partsOf(revision);
  const created = [...up, ...budgets, ...revision.applyAfterSwitch].map(refOf);
  return [
    ...[...liveAutoscalers, ...liveBudgets].map((object): ObjectChange => ({ ref: refOf(object), change: 'deleted' })),
    ...created.map((ref): ObjectChange => ({ ref, change: 'created' })),
    ...services.map(({ narrowed }): ObjectChange => ({ ref: refOf(narrowed), change: 'changed' })),
    ...state.operation.deployments.map(({ ref }): ObjectChange => ({ ref, change: 'changed' })),
  ];
}
