import { waitLogged } from '../../../cluster/heartbeat.js';
import type { RunContext } from '../../../run/context.js';

/** Waits as long as requests may take to end on the pods that users left. `name`: the role or the Deployment. Throws when cancelled. */
export async function drain(ctx: RunContext, name: string, drainMs: number): Promise<void> {
  ctx.log.info(`Draining ${name} for ${drainMs / 1000} s`);
  await waitLogged(drainMs, ctx, left => `Draining ${name}: requests that it still answers may end, ${left} s left`);
  ctx.signal.throwIfAborted();
}
