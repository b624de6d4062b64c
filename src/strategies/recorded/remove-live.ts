import { describeRef, type ObjectRef } from '../../kubernetes/object.js';
import type { OperationContext } from '../../run/context.js';
import { ownedLive } from './owned-objects.js';

/** Deletes the live object of this name, if there is one and the release owns it; with `uid` only the object with that uid. */
export async function removeLive(ctx: OperationContext, ref: ObjectRef, uid?: string): Promise<void> {
  const live = await ownedLive(ctx, ref);
  if (live?.metadata.uid === undefined || (uid !== undefined && uid !== live.metadata.uid)) return;
  await ctx.writer.remove(ref, { uid: live.metadata.uid });
  ctx.log.info(`${describeRef(ref)} removed`);
}
