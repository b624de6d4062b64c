import { fieldsAt, listAt, textsAt, type Fields } from './fields.js';
import { podLabels } from './pod-spec.js';
import type { KubeObject } from './object.js';

type Labels = Readonly<Record<string, string>>;

/** Objects that make pods, found by the labels of those: asked about each of thousands, it does not look at all of them. */
export class PodIndex {
  readonly #labels: ReadonlyMap<KubeObject, Labels>;
  readonly #byPair = new Map<string, KubeObject[]>();
  readonly #byNamespace = new Map<string, KubeObject[]>();

  constructor(workloads: readonly KubeObject[]) {
    this.#labels = new Map(workloads.map(object => [object, podLabels(object)]));
    for (const [object, labels] of this.#labels) {
      const { namespace = '' } = object.metadata;
      add(this.#byNamespace, namespace, object);
      for (const pair of Object.entries(labels)) add(this.#byPair, [namespace, ...pair].join('/'), object);
    }
  }

  /** Those in the namespace whose pods a label selector selects. */
  selectedBy(namespace: string | undefined, selector: Fields): readonly KubeObject[] {
    // Of all pairs the one that fewest share: a label such as `tier` would bring everything.
    const groups = Object.entries(textsAt(selector, ['matchLabels'])).map(pair => {
      return this.#byPair.get([namespace ?? '', ...pair].join('/')) ?? [];
    });
    const all = this.#byNamespace.get(namespace ?? '') ?? [];
    const fewest = groups.reduce((least, group) => (group.length < least.length ? group : least), all);
    return fewest.filter(object => labelsMatch(selector, this.#labels.get(object) ?? {}));
  }
}

function add(groups: Map<string, KubeObject[]>, key: string, object: KubeObject): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [object]);
  else group.push(object);
}

/** Whether a label selector, with its expressions, selects these labels. An empty one selects everything. */
export function labelsMatch(selector: Fields, labels: Labels): boolean {
  const equal = Object.entries(textsAt(selector, ['matchLabels'])).every(([name, value]) => labels[name] === value);
  return equal && listAt(selector, ['matchExpressions']).every(one => expressionHolds(one, labels));
}

function expressionHolds(expression: unknown, labels: Labels): boolean {
  const { key, operator } = fieldsAt(expression, []);
  const value = typeof key === 'string' ? labels[key] : undefined;
  const named = value !== undefined && listAt(expression, ['values']).includes(value);
  if (operator === 'In') return named;
  if (operator === 'NotIn') return !named;
  return operator === 'Exists' ? value !== undefined : value === undefined;
}

/** The objects that a Service routes to; one without a selector routes to none by itself. */
export function routedBy(service: KubeObject, index: PodIndex): readonly KubeObject[] {
  const matchLabels = textsAt(service, ['spec', 'selector']);
  return Object.keys(matchLabels).length === 0 ? [] : index.selectedBy(service.metadata.namespace, { matchLabels });
}
