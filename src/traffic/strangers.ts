import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError } from '../errors.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { isServingWorkload } from '../kubernetes/workload.js';
import type { Inventory } from '../rollout/inventory.js';

/** Ready pods that a Service leads to, and that are not of the revision. */
export interface Strangers {
  readonly service: ObjectRef;
  /** What runs them: a Deployment, a StatefulSet, a custom resource or, if nothing does, a pod. */
  readonly owner: ObjectRef;
  readonly pods: number;
}

/** `Service shop/web also leads to pods that are not of this revision: Deployment shop/old (2 pods)`. */
export function describeStrangers({ service, owner, pods }: Strangers): string {
  const count = pods === 1 ? '1 pod' : `${pods} pods`;
  return `${describeRef(service)} also leads to pods that are not of this revision: ${describeRef(owner)} (${count})`;
}

/** Owners of an object that are followed; deeper ones, and those in a circle, count as unknown. */
const deepest = 8;

/** Finds what runs pods. Reads each object once. */
export class Runners {
  readonly #cluster: Cluster;
  readonly #inventory: Inventory;
  readonly #ours: ReadonlySet<string>;
  readonly #read = new Map<string, Promise<KubeObject | 'gone' | 'unknown'>>();

  /** `revision`: the objects of the revision. `inventory`: what need not be read, since a watch has reported it. */
  constructor(cluster: Cluster, inventory: Inventory, revision: readonly KubeObject[]) {
    this.#cluster = cluster;
    this.#inventory = inventory;
    // Which pods of these are of the revision is known already: others are of an earlier one.
    const ours = revision.filter(object => !isServingWorkload(object));
    this.#ours = new Set(ours.map(object => refKey(refOf(object))));
  }

  /**
   * What runs pods that no workload of the revision runs. Left out are those that another object of the revision runs, such as a
   * custom resource, and those of which this cannot be known.
   */
  async strangersBehind(service: KubeObject, pods: readonly KubeObject[]): Promise<readonly Strangers[]> {
    const owners = (await Promise.all(pods.map(pod => this.#runnerOf(pod)))).filter(owner => owner !== undefined);
    const byName = new Map(owners.map(owner => [describeRef(owner), owner]));
    return [...byName].map(([name, owner]) => {
      return { service: refOf(service), owner, pods: owners.filter(one => describeRef(one) === name).length };
    });
  }

  async #runnerOf(pod: KubeObject): Promise<ObjectRef | undefined> {
    let object = pod;
    for (let depth = 0; depth < deepest; depth += 1) {
      const controller = object.metadata.ownerReferences?.find(owner => owner.controller !== false);
      if (controller === undefined) return refOf(object);
      const { apiVersion, kind, name } = controller;
      const { namespace } = pod.metadata;
      const ref = { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
      if (this.#ours.has(refKey(ref))) return undefined;
      const live = this.#inventory.find(ref) ?? (await this.#get(ref));
      if (live === 'unknown') return undefined;
      if (live === 'gone') return ref;
      object = live;
    }
    return undefined;
  }

  #get(ref: ObjectRef): Promise<KubeObject | 'gone' | 'unknown'> {
    const key = refKey(ref);
    const read = this.#read.get(key) ?? this.#ask(ref);
    this.#read.set(key, read);
    return read;
  }

  async #ask(ref: ObjectRef): Promise<KubeObject | 'gone' | 'unknown'> {
    try {
      return (await this.#cluster.get(ref)) ?? 'gone';
    } catch (error) {
      if (['forbidden', 'unknown-kind', 'not-found'].includes(asCutoverError(error).code)) return 'unknown';
      throw error;
    }
  }
}
