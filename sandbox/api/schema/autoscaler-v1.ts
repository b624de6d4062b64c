import { clone, isObject, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from './json.js';

/** Annotations that hold, in autoscaling/v1, what its fields cannot say. */
const annotation = (name: string): string => `autoscaling.alpha.kubernetes.io/${name}`;
const carried = ['metrics', 'current-metrics', 'behavior', 'conditions', 'scale-down-tolerance', 'scale-up-tolerance'];

/** Where v1 has the fields of a metric, and where v2 has them. `#` is `target` in a spec, `current` in a status. */
const metricFields: Readonly<Record<string, string>> = {
  object:
    'target=describedObject metricName=metric.name #Value=#.value selector=metric.selector averageValue=#.averageValue',
  pods: 'metricName=metric.name #AverageValue=#.averageValue selector=metric.selector',
  resource: 'name=name #AverageUtilization=#.averageUtilization #AverageValue=#.averageValue',
  containerResource:
    'name=name #AverageUtilization=#.averageUtilization #AverageValue=#.averageValue container=container',
  external: 'metricName=metric.name metricSelector=metric.selector #Value=#.value #AverageValue=#.averageValue',
};

type Place = 'target' | 'current';

/** Pairs of a path in v1 and a path in v2. */
const pathsOf = (source: string, place: Place): (readonly [string, string])[] =>
  (metricFields[source] ?? '')
    .replaceAll('#', place)
    .split(' ')
    .map(pair => pair.split('='))
    .map(([v1 = '', v2 = '']) => [v1, v2]);

/** The metric with the members of its source at their places in the other version. */
function moved(metric: JsonObject, place: Place, to: 'v1' | 'v2'): JsonObject {
  const result: JsonObject = { type: metric.type ?? '' };
  for (const source of Object.keys(metricFields)) {
    const held = metric[source];
    if (!isObject(held)) continue;
    const made: JsonObject = {};
    for (const [v1, v2] of pathsOf(source, place)) {
      const [from, path] = to === 'v1' ? [v2, v1] : [v1, v2];
      const [parent = '', name] = from.split('.');
      const value = name === undefined ? held[parent] : objectAt(held, parent)[name];
      if (value !== undefined) put(made, path, value);
    }
    if (to === 'v2' && place === 'target') put(made, 'target.type', targetType(source, objectAt(made, 'target')));
    result[source] = made;
  }
  return result;
}

function put(object: JsonObject, path: string, value: JsonValue): void {
  const [parent = '', name] = path.split('.');
  object[parent] = name === undefined ? value : { ...objectAt(object, parent), [name]: value };
}

function targetType(source: string, { averageUtilization, averageValue, value }: JsonObject): string {
  if (averageUtilization !== undefined) return 'Utilization';
  const single = value !== undefined && (source !== 'object' || averageValue === undefined);
  return single ? 'Value' : 'AverageValue';
}

const capital = (name: string): string => name.slice(0, 1).toUpperCase() + name.slice(1);
const ruleNames = ['stabilizationWindowSeconds', 'selectPolicy', 'policies', 'tolerance'];
const policyNames = ['type', 'value', 'periodSeconds'];

/** The annotation holds the Go structs of the API server: capital names, and null for what is absent. */
function shownBehavior(behavior: JsonObject): JsonObject {
  const shown = (held: JsonObject, names: readonly string[]): JsonObject =>
    Object.fromEntries(names.map(name => [capital(name), held[name] ?? null]));
  const rules = (name: string): JsonValue => {
    const held = behavior[name];
    if (!isObject(held)) return null;
    const policies = objectsAt(held, 'policies').map(policy => shown(policy, policyNames));
    return shown(held.policies === undefined ? held : { ...held, policies }, ruleNames);
  };
  return { ScaleUp: rules('scaleUp'), ScaleDown: rules('scaleDown') };
}

function readBehavior(shown: JsonObject): JsonObject {
  const read = (held: JsonObject, names: readonly string[]): JsonObject =>
    Object.fromEntries(names.flatMap(name => Object.entries(orNone(name, held[capital(name)] ?? undefined))));
  const behavior: JsonObject = {};
  for (const name of ['scaleUp', 'scaleDown']) {
    const held = shown[capital(name)];
    if (!isObject(held)) continue;
    const policies = objectsAt(held, 'Policies').map(policy => read(policy, policyNames));
    behavior[name] = { ...read(held, ruleNames), ...(Array.isArray(held.Policies) ? { policies } : {}) };
  }
  return behavior;
}

/** The value of an annotation; `undefined` when there is none, or none that can be read. */
function carriedValue(object: JsonObject, name: string): JsonValue | undefined {
  const text = textAt(objectAt(object, 'metadata', 'annotations'), annotation(name));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
  } catch {
    return undefined;
  }
}

const carriedList = (object: JsonObject, name: string): JsonObject[] | undefined => {
  const value = carriedValue(object, name);
  return Array.isArray(value) ? value.filter(isObject) : undefined;
};

/** The metadata with these annotations in place of all that carry something. */
function carrying(object: JsonObject, values: Readonly<Record<string, JsonValue>>): JsonObject {
  const { annotations: old, ...metadata } = objectAt(object, 'metadata');
  const names = new Set(carried.map(annotation));
  const annotations = Object.fromEntries([
    ...Object.entries(objectAt(old)).filter(([name]) => !names.has(name)),
    ...Object.entries(values).map(([name, value]) => [annotation(name), JSON.stringify(value)]),
  ]) as JsonObject;
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

const isCpu = (metric: JsonObject): boolean =>
  metric.type === 'Resource' && objectAt(metric, 'resource').name === 'cpu';
const cpu = (place: Place, rest: JsonObject): JsonObject => ({
  type: 'Resource',
  resource: { name: 'cpu', [place]: rest },
});
const utilization = (metric: JsonObject, place: Place): JsonValue | undefined =>
  objectAt(metric, 'resource', place).averageUtilization;
const orNone = (name: string, value: JsonValue | undefined): JsonObject =>
  value === undefined ? {} : { [name]: value };

/** An autoscaling/v2 autoscaler as v1 shows it: one metric in its fields, and the rest in annotations. */
export function autoscalerToV1(v2: JsonObject): JsonObject {
  const { metrics: _metrics, behavior, ...spec } = objectAt(v2, 'spec');
  const { currentMetrics: _current, conditions, ...status } = objectAt(v2, 'status');
  const metrics = objectsAt(v2, 'spec', 'metrics');
  const current = objectsAt(v2, 'status', 'currentMetrics');
  const others = metrics.filter(metric => !isCpu(metric) || utilization(metric, 'target') === undefined);
  const first = metrics.find(isCpu);
  const last = current.filter(metric => isCpu(metric) && utilization(metric, 'current') !== undefined).at(-1);
  const metadata = carrying(v2, {
    ...(others.length === 0 ? {} : { metrics: others.map(metric => moved(metric, 'target', 'v1')) }),
    ...(current.length === 0 ? {} : { 'current-metrics': current.map(metric => moved(metric, 'current', 'v1')) }),
    ...(isObject(behavior) ? { behavior: shownBehavior(behavior) } : {}),
    ...(Array.isArray(conditions) && conditions.length > 0 ? { conditions } : {}),
  });
  const v1: JsonObject = { ...v2, apiVersion: 'autoscaling/v1', metadata };
  const target = first && utilization(first, 'target');
  if (v2.spec !== undefined) v1.spec = { ...spec, ...orNone('targetCPUUtilizationPercentage', target) };
  const used = orNone('currentCPUUtilizationPercentage', last && utilization(last, 'current'));
  if (v2.status !== undefined) v1.status = { currentReplicas: 0, ...status, ...used };
  return clone(v1);
}

/** An autoscaling/v1 autoscaler as v2 shows it. Without any metric it gets 80 % of the CPU. */
export function autoscalerToV2(v1: JsonObject): JsonObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = objectAt(v1, 'spec');
  const { currentCPUUtilizationPercentage: used, currentReplicas = 0, ...status } = objectAt(v1, 'status');
  const others = (carriedList(v1, 'metrics') ?? []).map(metric => moved(metric, 'target', 'v2'));
  const own = others.length === 0 ? (target ?? 80) : target;
  const metrics =
    own === undefined ? others : [...others, cpu('target', { type: 'Utilization', averageUtilization: own })];
  const shown = carriedValue(v1, 'behavior');
  const behavior = readBehavior(isObject(shown) ? shown : {});
  const v2: JsonObject = { ...v1, apiVersion: 'autoscaling/v2', metadata: carrying(v1, {}) };
  v2.spec = { ...spec, metrics, ...(Object.keys(behavior).length === 0 ? {} : { behavior }) };
  if (v1.status !== undefined) {
    const seen = used === undefined ? null : [cpu('current', { averageUtilization: used })];
    v2.status = {
      ...status,
      ...(currentReplicas === 0 ? {} : { currentReplicas }),
      currentMetrics: carriedList(v1, 'current-metrics')?.map(metric => moved(metric, 'current', 'v2')) ?? seen,
      ...orNone('conditions', carriedList(v1, 'conditions')),
    };
  }
  return clone(v2);
}
