import type { Clock } from '../../../src/cluster/clock.js';
import type { Cluster, ProxyAnswer, ProxyRequest } from '../../../src/cluster/cluster.js';
import type { KubeObject, ObjectRef } from '../../../src/kubernetes/object.js';
import type { Log } from '../../../src/log.js';

/** A cluster that only proxies and knows pods; anything else is a mistake of the test. */
export function fakeCluster(options: {
  readonly proxy: (request: ProxyRequest) => ProxyAnswer | Promise<ProxyAnswer>;
  readonly pod?: (name: string) => KubeObject | undefined;
}): Cluster & { readonly asked: ProxyRequest[]; readonly read: ObjectRef[] } {
  const asked: ProxyRequest[] = [];
  const read: ObjectRef[] = [];
  const unexpected = (): never => {
    throw new Error('checks only read');
  };
  return {
    asked,
    read,
    namespace: 'shop',
    apply: unexpected,
    create: unexpected,
    setManagedFields: unexpected,
    replace: unexpected,
    remove: unexpected,
    list: unexpected,
    watch: unexpected,
    logs: unexpected,
    get: ref => {
      read.push(ref);
      const pod = options.pod ?? ((name: string) => livePod(name));
      return Promise.resolve(pod(ref.name));
    },
    proxy: async request => {
      asked.push(request);
      return await options.proxy(request);
    },
  };
}

export function livePod(name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, ...metadata } };
}

export function answer(status: number, body = '', headers: Record<string, string> = {}): ProxyAnswer {
  return { status, headers, body: Buffer.from(body), fromApiServer: false };
}

export function fromApiServer(status: number, body: string): ProxyAnswer {
  return { status, headers: {}, body: Buffer.from(body), fromApiServer: true };
}

/** A log that keeps its lines. */
export function listLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  return {
    lines,
    info: keep,
    debug: keep,
    warning: keep,
    error: keep,
    mask: () => undefined,
    group: (_, work) => work(),
  };
}

/** A clock on which waiting takes no time; `waited` lists the waits. */
export function fakeClock(): Clock & { readonly waited: number[] } {
  let now = 0;
  const waited: number[] = [];
  return {
    waited,
    now: () => now,
    wait: ms => {
      waited.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
}
