import type { Cluster, WatchEvent } from '../../../src/cluster/cluster.js';
import { CutoverError } from '../../../src/errors.js';
import { settle } from '../clock.js';
import { refusingCluster } from './refusing-cluster.js';
import type { KindRef, KubeObject } from '../../../src/kubernetes/object.js';

/** A cluster that a test moves by hand: it sends the events of every watch. */
export interface WatchedCluster {
  readonly port: Cluster;
  /** Watches so far, as `Pod shop` (kind and namespace). */
  readonly watched: string[];
  /** Other requests, such as `logs web-1/app previous`. */
  readonly asked: string[];
  send(type: 'ADDED' | 'MODIFIED' | 'DELETED', ...objects: KubeObject[]): Promise<void>;
  synced(): Promise<void>;
  /** Ends every watch with this error. */
  breakWatches(error: Error): Promise<void>;
}

/** What the cluster answers to requests beside watches. Default: no events, no log, no Secrets. */
export interface WatchedAnswers {
  readonly events?: readonly object[];
  readonly logs?: string | Error;
  /** By name; not encoded. */
  readonly secrets?: ReadonlyMap<string, string | Error>;
}

type StreamItem = WatchEvent | { readonly type: 'broken'; readonly error: Error };

export function watchedCluster(answers: WatchedAnswers = {}): WatchedCluster {
  const watched: string[] = [];
  const asked: string[] = [];
  const streams: { readonly kind: string; readonly send: (item: StreamItem) => void }[] = [];

  async function* watch(kind: KindRef, { signal }: { signal: AbortSignal }): AsyncGenerator<WatchEvent> {
    watched.push([kind.kind, kind.namespace].filter(Boolean).join(' '));
    const queue: StreamItem[] = [];
    let wake: () => void = () => undefined;
    streams.push({
      kind: kind.kind,
      send: item => {
        queue.push(item);
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
      ...refusingCluster('a wait only watches, lists, and reads Secrets, nodes and logs'),
      watch,
      get: ref => {
        if (ref.kind === 'Node')
          return Promise.reject(new CutoverError('nodes may not be read', { code: 'forbidden' }));
        asked.push(`get ${ref.kind} ${ref.namespace ?? ''}/${ref.name}`);
        const found = answers.secrets?.get(ref.name);
        if (found instanceof Error) return Promise.reject(found);
        const { apiVersion, kind, ...metadata } = ref;
        const data = { key: Buffer.from(found ?? '').toString('base64') };
        return Promise.resolve(found === undefined ? undefined : { apiVersion, kind, metadata, data });
      },
      list: (kind, options) => {
        asked.push(`list ${kind.kind} ${options?.fieldSelector ?? ''}`);
        return Promise.resolve((answers.events ?? []) as KubeObject[]);
      },
      logs: (pod, { container, previous }) => {
        asked.push(`logs ${pod.name}/${container}${previous ? ' previous' : ''}`);
        return answers.logs instanceof Error ? Promise.reject(answers.logs) : Promise.resolve(answers.logs ?? '');
      },
    },
    async send(type, ...objects) {
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
