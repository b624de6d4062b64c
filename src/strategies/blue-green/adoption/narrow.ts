import { migrateFieldOwnership } from '../../../cluster/apply/apply-change.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import { canonical } from '../../../kubernetes/canonical.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { withNarrowing } from '../../../release/transitions.js';
import type { OperationContext } from '../../../run/context.js';
import type { TrafficTarget } from '../../../traffic/router.js';
import { routerOf } from '../../../traffic/routers.js';
import { requireReadyRole } from '../../../traffic/switch-precondition.js';
import { requireOwnedService } from '../../recorded/owned-objects.js';
import { sizesOf } from '../operation/sizes.js';
import { partsOf, type AdoptedService, type BegunAdoption } from './begun-adoption.js';
import type { ReadyTwins } from './bring-up-twins.js';
import { takesOver } from './find/narrowed-service.js';
import { notNarrowed } from './users-on-twins.js';

/** The narrowing of the public Services, one after the other, with the adoption as it is on record now. */
export class Narrowing {
  #begun: BegunAdoption;

  constructor(begun: BegunAdoption) {
    this.#begun = begun;
  }

  /** Whether another run has changed the record between two writes. */
  isTaken = false;

  get begun(): BegunAdoption {
    return this.#begun;
  }

  /**
   * Narrows the public Services that do not select the twins yet, each by one write, on condition that it is as it was found; the main
   * one last. Ownership of their fields is migrated before. Throws `changed` when somebody else changed one, `record` when it is not
   * the release's, and `switch` when pods of the twins are missing.
   */
  async write(ctx: OperationContext, twins: ReadyTwins): Promise<void> {
    const { revision, state } = this.#begun;
    const { role, deployments } = state.operation;
    const { services: all } = partsOf(revision);
    const router = routerOf(ctx);
    const open = new Set((await notNarrowed(ctx, revision)).map(keyOf));
    const decidedOn: Snapshot[] = [];
    for (const service of all) decidedOn.push(await this.#takeOver(ctx, service, open.has(keyOf(service))));
    const targets = all.map(({ narrowed }) => narrowed);
    const { verified, readyUntilMs } = twins;
    const serving = { deployments: deployments.map(({ ref }) => ref) };
    const sizes = sizesOf(ctx, { role, services: targets }, serving);
    const precondition = { router, decidedOn, targets, role, verified, readyUntilMs, sizes };
    const look = await requireReadyRole(ctx, precondition);
    const writes = await Promise.all(
      all.map(async (service, index) => {
        const before = look.before[index] ?? { ref: refOf(service.narrowed) };
        if (!open.has(keyOf(service))) return [];
        const force = await takesOver(ctx, { narrowed: service.narrowed, force: revision.force });
        return [{ target: { object: service.narrowed, force }, before }];
      }),
    );
    await this.#send(ctx, writes.flat().reverse());
  }

  /** The Service as a write is conditional on it, once Cutover owns what it writes of it. `isOpen`: it is not narrowed yet. */
  async #takeOver(ctx: OperationContext, { found, narrowed }: AdoptedService, isOpen: boolean): Promise<Snapshot> {
    const { state } = this.#begun;
    const ref = refOf(narrowed);
    const live = await ctx.cluster.get(ref);
    if (!isOpen) return { ref, ...(live !== undefined && { object: live }) };
    const same = requireSame(live, found);
    requireOwnedService(ctx, { state, publicService: narrowed, live: same, foundUid: found.metadata.uid });
    return { ref, object: requireSame(await migrateFieldOwnership(same, narrowed, ctx), found) };
  }

  /** Each but the last is on record before it is sent: once the last is made, nothing is taken back. */
  async #send(
    ctx: OperationContext,
    writes: readonly { readonly target: TrafficTarget; readonly before: Snapshot }[],
  ): Promise<void> {
    const router = routerOf(ctx);
    const began = ctx.clock.now();
    for (const [index, { target, before }] of writes.entries()) {
      if (index < writes.length - 1) await this.#record(ctx, before);
      ctx.signal.throwIfAborted();
      await router.set(target, before, ctx.writer);
    }
    if (writes.length < 2) return;
    ctx.log.info(
      `${writes.length} Services were narrowed within ${Math.ceil(ctx.clock.now() - began)} ms: until then, they led to the live Deployments and to their twins, which run the same version`,
    );
  }

  async #record(ctx: OperationContext, { ref }: Snapshot): Promise<void> {
    const state = withNarrowing(this.#begun.state, ref);
    if (state === this.#begun.state) return;
    try {
      await ctx.records.writeState(state);
    } catch (error) {
      this.isTaken = asCutoverError(error).code === 'changed';
      throw error;
    }
    this.#begun = { ...this.#begun, state };
  }
}

function keyOf({ narrowed }: AdoptedService): string {
  return refKey(refOf(narrowed));
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
