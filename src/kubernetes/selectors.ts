import { fieldAt, listAt, textAt, textsAt } from './fields.js';
import { groupKind } from './kinds.js';
import type { KubeObject } from './object.js';
import { templateLabels } from './pods/pod-spec.js';
import { own } from '../own.js';

/** Labels of an object, or the labels that a selector requires. */
export type Labels = Readonly<Record<string, string>>;

export function isService(object: KubeObject): boolean {
  return groupKind(object) === '/Service';
}

/** `spec.selector` of a Service; empty if it has none. Kubernetes ignores that of an ExternalName Service. */
export function selectorOf(service: KubeObject): Labels {
  return textAt(service, ['spec', 'type']) === 'ExternalName' ? {} : textsAt(service, ['spec', 'selector']);
}

/** A Service's selector as the API server takes it in `labelSelector`: `app=web,role=blue`. */
export function labelSelectorOf(service: KubeObject): string {
  return Object.entries(selectorOf(service))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Whether a Service's selector selects pods with these labels. An empty one selects none. */
export function selects(selector: Labels, labels: Labels): boolean {
  return Object.keys(selector).length > 0 && hasAll(labels, selector);
}

/**
 * Whether a label selector (`matchLabels`, `matchExpressions`) selects pods with these labels. An empty one selects every
 * pod, an unknown operator none.
 */
export function selectorMatches(selector: unknown, labels: Labels): boolean {
  return (
    hasAll(labels, textsAt(selector, ['matchLabels'])) &&
    listAt(selector, ['matchExpressions']).every(expression => expressionMatches(expression, labels))
  );
}

function hasAll(labels: Labels, required: Labels): boolean {
  return Object.entries(required).every(([name, value]) => own(labels, name) === value);
}

function expressionMatches(expression: unknown, labels: Labels): boolean {
  const label = own(labels, String(fieldAt(expression, ['key'])));
  const listed = label !== undefined && listAt(expression, ['values']).includes(label);
  switch (fieldAt(expression, ['operator'])) {
    case 'In':
      return listed;
    case 'NotIn':
      return !listed;
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
    default:
      return false;
  }
}

/** Whether an object is a Service that routes to the pods of a workload: labels match, in the same namespace. */
export function routesTo(service: KubeObject, workload: KubeObject): boolean {
  const sameNamespace = service.metadata.namespace === workload.metadata.namespace;
  return sameNamespace && isService(service) && selects(selectorOf(service), templateLabels(workload));
}

/** Workloads by the labels of their pods: finds what a selector selects without a look at each of thousands. */
export class PodIndex {
  readonly #labels: ReadonlyMap<KubeObject, Labels>;
  readonly #byPair = new Map<string, KubeObject[]>();
  readonly #byNamespace = new Map<string, KubeObject[]>();

  constructor(workloads: readonly KubeObject[]) {
    this.#labels = new Map(workloads.map(object => [object, templateLabels(object)]));
    for (const [object, labels] of this.#labels) {
      const { namespace } = object.metadata;
      add(this.#byNamespace, keyOf(namespace), object);
      for (const pair of Object.entries(labels)) add(this.#byPair, keyOf(namespace, pair), object);
    }
  }

  /** The workloads of the namespace whose pods a label selector selects; see {@link selectorMatches}. */
  selectedBy(namespace: string | undefined, selector: unknown): readonly KubeObject[] {
    // Of all pairs the one that fewest share: a label such as `tier` would return every workload.
    const groups = Object.entries(textsAt(selector, ['matchLabels'])).map(pair => {
      return this.#byPair.get(keyOf(namespace, pair)) ?? [];
    });
    const all = this.#byNamespace.get(keyOf(namespace)) ?? [];
    const fewest = groups.reduce((least, group) => (group.length < least.length ? group : least), all);
    return fewest.filter(object => selectorMatches(selector, this.#labels.get(object) ?? {}));
  }

  /** The workloads that a Service routes to; see {@link routesTo}. */
  routedBy(service: KubeObject): readonly KubeObject[] {
    const matchLabels = selectorOf(service);
    if (!isService(service) || Object.keys(matchLabels).length === 0) return [];
    return this.selectedBy(service.metadata.namespace, { matchLabels });
  }
}

function keyOf(namespace = '', pair: readonly string[] = []): string {
  return JSON.stringify([namespace, ...pair]);
}

function add(groups: Map<string, KubeObject[]>, key: string, object: KubeObject): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [object]);
  else group.push(object);
}
