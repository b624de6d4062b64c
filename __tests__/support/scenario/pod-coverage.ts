import { fieldAt } from '../../../src/kubernetes/fields.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { selectorMatches } from '../../../src/kubernetes/selectors.js';
import { Watched } from '../conformance/watched.js';
import { field } from '../field.js';
import { ApiClient } from '../sandbox/api-client.js';
import type { TestNamespace } from './test-namespace.js';

const collections = {
  Deployment: 'apis/apps/v1/*/deployments',
  HorizontalPodAutoscaler: 'apis/autoscaling/v2/*/horizontalpodautoscalers',
  Pod: 'api/v1/*/pods',
  PodDisruptionBudget: 'apis/policy/v1/*/poddisruptionbudgets',
} as const;
type Kind = keyof typeof collections;
const kinds = Object.keys(collections) as readonly Kind[];

/** Follows which autoscalers and budgets apply to which pods, at every change of any of them. */
export interface PodCoverage {
  /** Ends the watches. Returns how many states there were, and what was wrong in one of them, in words. */
  end(): Promise<{ readonly states: number; readonly wrong: readonly string[] }>;
}

/** Begins to follow all pods of a namespace. */
export async function followPodCoverage(ns: TestNamespace): Promise<PodCoverage> {
  const { cluster, namespace } = ns;
  const api = new ApiClient(cluster.kubeconfig);
  const watches = await Promise.all(
    kinds.map(async kind => {
      const path = `/${collections[kind].replace('*', `namespaces/${namespace}`)}`;
      const initial = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' };
      const incoming = await api.open({ method: 'GET', path, query: { watch: 'true', ...initial } });
      const watched = new Watched(incoming, cluster.pace.waitMs);
      await watched.begun;
      return { kind, watched };
    }),
  );
  return {
    end: async () => {
      for (const { kind, watched } of watches)
        for (const { metadata } of await ns.list(kind)) {
          const { name, resourceVersion } = metadata;
          await watched.until(`the watch has ${kind} ${name}`, () => {
            return (
              watched.changes.some(({ object }) => revisionOf(object) >= BigInt(resourceVersion ?? 0)) || undefined
            );
          });
        }
      for (const { watched } of watches) watched.end();
      api.close();
      const changes = watches.flatMap(({ kind, watched }) => watched.changes.map(change => ({ kind, ...change })));
      // Resource versions of all kinds are of one sequence, so this is the order in which the states were.
      changes.sort((one, other) => (revisionOf(one.object) < revisionOf(other.object) ? -1 : 1));
      const objects = new Map<string, KubeObject>();
      const wrong = changes.flatMap(({ kind, type, object }) => {
        const { name } = (object as unknown as KubeObject).metadata;
        const key = `${kind}/${name}`;
        if (type === 'DELETED') objects.delete(key);
        else objects.set(key, object as unknown as KubeObject);
        return wrongIn(objects);
      });
      return { states: changes.length, wrong: [...new Set(wrong)] };
    },
  };
}

function revisionOf(object: object): bigint {
  return BigInt(field(object, 'metadata', 'resourceVersion') as string);
}

/** Whether a pod is not being deleted: those that are do not count for an autoscaler. */
function isWanted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** The Deployment of a pod. */
function deploymentOf({ metadata }: KubeObject): string {
  const [replicaSet] = metadata.ownerReferences ?? [];
  return (replicaSet?.name ?? '').replace(/-[^-]*$/, '');
}

/**
 * What is wrong in one state: two autoscalers that scale one Deployment or select one pod, two budgets of one pod, or an
 * autoscaler that also counts pods of a Deployment that it does not scale.
 */
function wrongIn(objects: ReadonlyMap<string, KubeObject>): readonly string[] {
  const of = (kind: Kind): readonly KubeObject[] =>
    [...objects].filter(([key]) => key.startsWith(`${kind}/`)).map(([, object]) => object);
  const scaled = of('HorizontalPodAutoscaler').map(object => ({
    object,
    target: field(object, 'spec', 'scaleTargetRef', 'name') as string,
  }));
  const selectorOf = (deployment: string): unknown =>
    field(objects.get(`Deployment/${deployment}`), 'spec', 'selector');
  const targets = scaled.map(({ target }) => target);
  return [
    ...targets
      .filter((target, at) => targets.indexOf(target) !== at)
      .map(target => `Deployment ${target} has several autoscalers`),
    ...of('Pod').flatMap(pod => {
      const labels = pod.metadata.labels ?? {};
      const matching = (candidates: readonly { object: KubeObject; selector: unknown }[]): readonly string[] =>
        candidates
          .filter(({ selector }) => selector !== undefined && selectorMatches(selector, labels))
          .map(({ object }) => object.metadata.name);
      const covering = {
        autoscalers: matching(scaled.map(({ object, target }) => ({ object, selector: selectorOf(target) }))),
        budgets: matching(
          of('PodDisruptionBudget').map(object => ({ object, selector: fieldAt(object, ['spec', 'selector']) })),
        ),
      };
      const owner = deploymentOf(pod);
      const counting = scaled.filter(({ object }) => covering.autoscalers.includes(object.metadata.name));
      return [
        ...Object.entries(covering)
          .filter(([, names]) => names.length > 1)
          .map(([what, names]) => `Pod ${pod.metadata.name} has ${names.length} ${what}: ${names.join(', ')}`),
        ...counting
          .filter(({ target }) => target !== owner && isWanted(pod) && objects.has(`Deployment/${owner}`))
          .map(({ object }) => `Autoscaler ${object.metadata.name} counts pods of ${owner}`),
      ];
    }),
  ];
}
