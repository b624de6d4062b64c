import type { Clock } from '../../../src/cluster/clock.js';
import type { Cluster, WatchEvent } from '../../../src/cluster/cluster.js';
import type { KindRef, KubeObject } from '../../../src/kubernetes/object.js';
import type { Log } from '../../../src/log.js';

/** A cluster that a test moves by hand: watches tell what they are told to. */
export interface FakeCluster {
  readonly port: Cluster;
  /** Kinds watched so far, as `Pod shop`. */
  readonly watched: string[];
  /** Requests beside watches, as `logs web-1/app previous`. */
  readonly asked: string[];
  tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', ...objects: KubeObject[]): Promise<void>;
  synced(): Promise<void>;
  /** Every watch breaks with this error. */
  breakWatches(error: Error): Promise<void>;
}

export interface FakeAnswers {
  readonly events?: readonly object[];
  readonly logs?: string | Error;
}

type Told = WatchEvent | { readonly type: 'broken'; readonly error: Error };

/** Lets everything that is ready to run, run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

export function fakeCluster(answers: FakeAnswers = {}): FakeCluster {
  const watched: string[] = [];
  const asked: string[] = [];
  const streams: { readonly kind: string; readonly send: (told: Told) => void }[] = [];
  const refuse = (): never => {
    throw new Error('a wait only reads');
  };

  async function* watch(kind: KindRef, { signal }: { signal: AbortSignal }): AsyncGenerator<WatchEvent> {
    watched.push([kind.kind, kind.namespace].filter(Boolean).join(' '));
    const queue: Told[] = [];
    let wake: () => void = () => undefined;
    streams.push({
      kind: kind.kind,
      send: told => {
        queue.push(told);
        wake();
      },
    });
    signal.addEventListener('abort', () => wake());
    while (!signal.aborted) {
      const next = queue.shift();
      if (next === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      } else if (next.type === 'broken') {
        throw next.error;
      } else {
        yield next;
      }
    }
  }

  return {
    watched,
    asked,
    port: {
      namespace: 'shop',
      apply: refuse,
      create: refuse,
      setManagedFields: refuse,
      replace: refuse,
      get: refuse,
      remove: refuse,
      proxy: refuse,
      watch,
      list: (kind, options) => {
        asked.push(`list ${kind.kind} ${options?.fieldSelector ?? ''}`);
        return Promise.resolve((answers.events ?? []) as KubeObject[]);
      },
      logs: (pod, { container, previous }) => {
        asked.push(`logs ${pod.name}/${container}${previous ? ' previous' : ''}`);
        return answers.logs instanceof Error ? Promise.reject(answers.logs) : Promise.resolve(answers.logs ?? '');
      },
    },
    async tell(type, ...objects) {
      for (const object of objects) {
        for (const { kind, send } of streams) if (kind === object.kind) send({ type, object });
      }
      await settle();
    },
    async synced() {
      for (const { send } of streams) send({ type: 'synced' });
      await settle();
    },
    async breakWatches(error) {
      for (const { send } of streams) send({ type: 'broken', error });
      await settle();
    },
  };
}

/** A clock that only moves when told to. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>;
}

export function manualClock(): ManualClock {
  let now = 0;
  const waits = new Set<{ readonly at: number; readonly end: () => void }>();
  return {
    now: () => now,
    wait: (ms, signal) =>
      new Promise(resolve => {
        const wait = {
          at: now + ms,
          end: () => {
            waits.delete(wait);
            resolve();
          },
        };
        waits.add(wait);
        signal.addEventListener('abort', wait.end);
        if (signal.aborted) wait.end();
      }),
    async advance(ms) {
      now += ms;
      for (const wait of [...waits]) if (wait.at <= now) wait.end();
      await settle();
    },
  };
}

/** A log that keeps its lines. */
export function keptLines(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  return {
    lines,
    log: {
      info: keep,
      debug: () => undefined,
      warning: keep,
      error: keep,
      mask: () => undefined,
      group: (_title, work) => work(),
    },
  };
}
