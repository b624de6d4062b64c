import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { describeRef, refOf } from '../manifests/object.js';
import type { KubeObject } from '../manifests/object.js';
import { spoken } from './failure.js';
import { crdReadiness, namespaceReadiness } from './readiness.js';
import type { Readiness } from './readiness.js';

const judges: Readonly<Record<string, (object: KubeObject) => Readiness>> = {
  CustomResourceDefinition: crdReadiness,
  Namespace: namespaceReadiness,
};

interface ServedOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly objects: readonly KubeObject[];
  readonly timeoutMs: number;
}

/** Waits until what other objects need to exist at all is there: definitions established, namespaces active. */
export async function served(options: ServedOptions): Promise<void> {
  await Promise.all(options.objects.map(object => one(object, options)));
}

async function one(object: KubeObject, { cluster, log, clock, signal, timeoutMs }: ServedOptions): Promise<void> {
  const judge = judges[object.kind];
  if (judge === undefined) return;
  let readiness = judge(object);
  if (readiness.ok) return;
  const { name, ...kind } = refOf(object);
  const who = describeRef(refOf(object));
  log.info(`Waiting up to ${spoken(timeoutMs)} for ${who}: ${readiness.reason}`);
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const overdue = clock.wait(timeoutMs, end).then(() => ending.abort());
  try {
    for await (const event of cluster.watch(kind, { fieldSelector: `metadata.name=${name}`, signal: end })) {
      if (event.type === 'synced' || event.object.metadata.uid !== object.metadata.uid) continue;
      readiness = judge(event.object);
      if (readiness.ok) return;
      if (readiness.done) throw new CutoverError(`${who}: ${readiness.reason}`, { code: 'rollout', object: who });
    }
  } finally {
    ending.abort();
    await overdue;
  }
  signal.throwIfAborted();
  throw new CutoverError(`${who} could not be used after ${spoken(timeoutMs)}: ${readiness.reason}`, {
    code: 'timeout',
    object: who,
    hint: 'Look at its conditions with kubectl describe.',
  });
}
