import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import type { Clock } from '../clock.js';
import type { Applied, Cluster } from '../cluster.js';
import { fieldManager } from './field-manager.js';
import { takeOver } from './ownership-migration.js';
import { untilObject } from '../watch/wait-for-object.js';
import { cancelled } from '../http/transport.js';

/** What carrying out a plan needs beside the plan. */
export interface CarryOutOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether fields are taken over from whoever owns them. */
  readonly force: boolean;
  /** How long to wait for an object to be gone that is made again. */
  readonly timeoutMs: number;
}

/** An API server of a control plane may learn of a new kind some seconds after another one. */
const newKind = { everyMs: 500, forMs: 30_000 };
/** Status is written all the time, and each write moves the version. */
const takeoverAttempts = 5;

/** Does to the cluster what the dry run said of one object: the takeover first, or the deletion of what is made anew. */
export async function applyChange(planned: PlannedChange, options: CarryOutOptions): Promise<Applied> {
  const { cluster, force } = options;
  const { object } = planned.resource;
  if (planned.change === 'recreated' && planned.live !== undefined) await removeAndWait(planned.live, options);
  if (planned.from !== undefined && planned.live !== undefined) await takeFromFormer(planned.live, object, cluster);
  const apply = (): Promise<Applied> => cluster.apply(object, { force: planned.force ?? force });
  return planned.after === undefined ? onceServed(apply, options) : apply();
}

async function takeFromFormer(planned: KubeObject, wanted: KubeObject, cluster: Cluster): Promise<void> {
  let live: KubeObject | undefined = planned;
  for (let attempt = 1; live !== undefined; attempt += 1) {
    const takeover = takeOver(live, wanted, fieldManager);
    if (takeover === undefined) return;
    try {
      await cluster.reassign(live, takeover.managedFields);
      return;
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'moved' || attempt >= takeoverAttempts) throw thrown;
    }
    live = await cluster.get(refOf(live));
  }
}

/** Tries again while the kind is not served yet: its definition was applied in this run and is established. */
async function onceServed<T>(ask: () => Promise<T>, { clock, signal }: CarryOutOptions): Promise<T> {
  const until = clock.now() + newKind.forMs;
  for (;;) {
    try {
      return await ask();
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'unknown-kind' || clock.now() + newKind.everyMs > until) throw thrown;
    }
    await clock.wait(newKind.everyMs, signal);
    if (signal.aborted) throw cancelled();
  }
}

/** Deletes this very object, and waits until its name is free. */
export async function removeAndWait(
  live: KubeObject,
  { cluster, clock, signal, timeoutMs }: Omit<CarryOutOptions, 'force'>,
): Promise<void> {
  const ref = refOf(live);
  const { uid = '' } = live.metadata;
  await cluster.remove(ref, { uid });
  const isGone = (now: KubeObject | undefined): true | undefined => now?.metadata.uid !== uid || undefined;
  if (isGone(await cluster.get(ref)) ?? (await untilObject(ref, { cluster, clock, signal, timeoutMs }, isGone))) return;
  if (signal.aborted) throw cancelled();
  throw new CutoverError(
    `${describeRef(ref)} was deleted to be made again, but is not gone after ${timeoutMs / 1000} s`,
    {
      code: 'timeout',
      object: describeRef(ref),
      hint: 'Its finalizers say who holds it: see metadata.finalizers.',
    },
  );
}
