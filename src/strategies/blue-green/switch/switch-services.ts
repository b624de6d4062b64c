import { asCutoverError } from '../../../errors.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { SwitchedService } from '../../../release/operation.js';
import { withSent, type Switching } from '../../../release/transitions.js';
import type { OperationContext } from '../../../run/context.js';
import type { Look } from '../../../traffic/look.js';
import type { TrafficRouter, TrafficTarget } from '../../../traffic/router.js';
import type { TrafficSwitch } from './traffic-switch.js';

/** Errors of a write that may have been made; `moved`, since a repeated write finds its own first attempt. */
const unsure: ReadonlySet<string> = new Set(['unreachable', 'api', 'moved']);

/**
 * The journal of a switch as it is recorded before its first write: that Service is written next, so it counts as sent. What an
 * interrupted run to the same role had sent stays so, with what that run had found.
 */
export function journalOf(trafficSwitch: TrafficSwitch): readonly SwitchedService[] {
  const { liveBefore, publicServices } = trafficSwitch;
  const earlier = earlierJournal(trafficSwitch);
  return inSwitchOrder(publicServices).map((object, index): SwitchedService => {
    const ref = refOf(object);
    const found = earlier.find(({ before }) => refKey(before.ref) === refKey(ref));
    const before = found?.before ?? liveBefore.find(one => refKey(one.ref) === refKey(ref)) ?? { ref };
    return { before, ...((index === 0 || found?.sent) && { sent: true as const }) };
  });
}

/** What an interrupted run to the same role has recorded; empty: there was none. */
function earlierJournal({ state: { operation }, to }: TrafficSwitch): readonly SwitchedService[] {
  return operation?.kind === 'switch' && operation.role === to ? operation.services : [];
}

/** The main Service comes last: what its pods call leads to the new role by then. */
function inSwitchOrder<T>(services: readonly T[]): readonly T[] {
  return [...services].reverse();
}

/** The Services of one switch, written one after the other. Each is on record as sent before its write. */
export class ServiceSwitch {
  #switching: Switching;
  /** Keys of those whose write may have been made. */
  readonly #mayBeMade: Set<string>;

  constructor(trafficSwitch: TrafficSwitch, switching: Switching) {
    this.#switching = switching;
    const sent = earlierJournal(trafficSwitch).filter(one => one.sent);
    this.#mayBeMade = new Set(sent.map(({ before }) => refKey(before.ref)));
  }

  /** Whether another run has changed the record between two writes. */
  isTaken = false;

  /** The state as it is on record now. */
  get switching(): Switching {
    return this.#switching;
  }

  /** The Services whose write may have been made, by this run or by an interrupted one. */
  get mayBeMade(): readonly ObjectRef[] {
    const refs = this.#switching.operation.services.map(({ before }) => before.ref);
    return refs.filter(ref => this.#mayBeMade.has(refKey(ref)));
  }

  /**
   * Writes all of them, each on condition that it is as it was in the look. Resolves with the time between the first write and
   * the last, in milliseconds, in which the Services led to both roles; 0 for one Service. Stops at the first failure.
   */
  async write(
    ctx: OperationContext,
    {
      router,
      look,
      targets,
    }: { readonly router: TrafficRouter; readonly look: Look; readonly targets: readonly TrafficTarget[] },
  ): Promise<number> {
    let began: number | undefined;
    for (const target of inSwitchOrder(targets)) {
      const ref = refOf(target.object);
      await this.#record(ctx, ref);
      ctx.signal.throwIfAborted();
      began ??= ctx.clock.now();
      await this.#send(ref, () => router.set(target, beforeOf(look, target.object), ctx.writer));
    }
    const mixedMs = targets.length < 2 || began === undefined ? 0 : Math.ceil(ctx.clock.now() - began);
    if (targets.length > 1)
      ctx.log.info(`${targets.length} Services were switched within ${mixedMs} ms: until then, they led to both roles`);
    return mixedMs;
  }

  async #record(ctx: OperationContext, ref: ObjectRef): Promise<void> {
    const isOnRecord = ({ before, sent }: SwitchedService): boolean =>
      sent === true && refKey(before.ref) === refKey(ref);
    if (this.#switching.operation.services.some(isOnRecord)) return;
    const switching = withSent(this.#switching, ref);
    try {
      await ctx.records.writeState(switching);
    } catch (error) {
      this.isTaken = asCutoverError(error).code === 'changed';
      throw error;
    }
    this.#switching = switching;
  }

  async #send(ref: ObjectRef, write: () => Promise<void>): Promise<void> {
    try {
      await write();
      this.#mayBeMade.add(refKey(ref));
    } catch (error) {
      if (unsure.has(asCutoverError(error).code)) this.#mayBeMade.add(refKey(ref));
      throw error;
    }
  }
}

function beforeOf(look: Look, object: KubeObject): Look['before'][number] {
  const ref = refOf(object);
  const before = look.before.find(one => refKey(one.ref) === refKey(ref));
  if (before === undefined) throw new Error(`${describeRef(ref)} is not in the look`);
  return before;
}
