import type { Snapshot } from '../../../plan/change.js';
import type { OperationContext } from '../../../run/context.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';

const pauseMs = 1_000;

/**
 * Waits, not for long, until the role that users left has a ready pod behind each public Service: of a role with one pod, that one may just be replaced. Users
 * can only be sent back then. A cancel does not end it.
 */
export async function untilWayBack(ctx: OperationContext, before: readonly Snapshot[]): Promise<void> {
  const untilMs = ctx.clock.now() + confirmMs;
  const router = routerOf(ctx);
  const isReady = async (): Promise<boolean> => {
    const pods = await Promise.all(before.map(({ object }) => router.readyPods(object)));
    return pods.every(({ length }) => length > 0);
  };
  while (!(await isReady()) && ctx.clock.now() < untilMs) await ctx.clock.wait(pauseMs, ctx.lockLost);
}
