import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import type { Clock } from '../clock.js';
import type { Cluster } from '../cluster.js';

/** How to follow an object, and for how long. */
export interface FollowOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Follows one object until `look` has an answer: it is given the object at each change, and `undefined` while there is
 * none. Resolves with `undefined` when the time is over or the signal aborts.
 */
export async function untilObject<T>(
  ref: ObjectRef,
  { cluster, clock, signal, timeoutMs }: FollowOptions,
  look: (live: KubeObject | undefined) => T | undefined,
): Promise<T | undefined> {
  const { name, ...kind } = ref;
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const overdue = clock.wait(timeoutMs, end).then(() => ending.abort());
  let live: KubeObject | undefined;
  try {
    for await (const event of cluster.watch(kind, { fieldSelector: `metadata.name=${name}`, signal: end })) {
      // Until everything has been told, an object that was not told yet may still be there.
      const known = event.type === 'synced' || event.object.metadata.name === name;
      if (event.type !== 'synced' && known) live = event.type === 'DELETED' ? undefined : event.object;
      const answer = known ? look(live) : undefined;
      if (answer !== undefined) return answer;
    }
    return undefined;
  } finally {
    ending.abort();
    await overdue;
  }
}
