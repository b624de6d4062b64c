import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import type { Clock } from '../clock.js';
import type { Log } from '../../log.js';
import { waitLogged } from '../heartbeat.js';
import type { Cluster } from '../cluster.js';

/** What {@link waitForObject} needs. */
export interface WaitForObjectOptions {
  readonly cluster: Pick<Cluster, 'watch'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly log: Pick<Log, 'info'>;
  /** What is waited for and why it takes so long: a line of the log each 30 s. */
  readonly describe: (secondsLeft: number) => string;
}

/**
 * Watches one object until `evaluate` returns a result. It is called with the object at each change, and with `undefined`
 * while the object does not exist. Resolves to `undefined` on timeout or when the signal aborts.
 */
export async function waitForObject<T>(
  ref: ObjectRef,
  { cluster, clock, signal, timeoutMs, log, describe }: WaitForObjectOptions,
  evaluate: (live: KubeObject | undefined) => T | undefined,
): Promise<T | undefined> {
  const { name, ...kind } = ref;
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const timeout = waitLogged(timeoutMs, { clock, log, signal: end }, describe).then(() => ending.abort());
  let live: KubeObject | undefined;
  try {
    for await (const event of cluster.watch(kind, { fieldSelector: `metadata.name=${name}`, signal: end })) {
      // Before `synced`, an object that was not reported yet may still exist.
      const isConclusive = event.type === 'synced' || event.object.metadata.name === name;
      if (event.type !== 'synced' && isConclusive) live = event.type === 'DELETED' ? undefined : event.object;
      const result = isConclusive ? evaluate(live) : undefined;
      if (result !== undefined) return result;
    }
    return undefined;
  } finally {
    ending.abort();
    await timeout;
  }
}
