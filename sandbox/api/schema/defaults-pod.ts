import { childOf, isObject, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from './json.js';

/** Sets what is absent. */
export function fill(object: JsonObject, values: JsonObject): void {
  for (const [name, value] of Object.entries(values)) object[name] ??= value;
}

/** An image without tag, or with `latest`, is pulled each time; others only when missing. */
function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function httpDefaults(holder: JsonObject): void {
  const get = holder.httpGet;
  if (isObject(get)) fill(get, { path: '/', scheme: 'HTTP' });
}

function containerDefaults(container: JsonObject): void {
  fill(container, {
    imagePullPolicy: pullPolicy(textAt(container, 'image') ?? ''),
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  for (const port of objectsAt(container, 'ports')) fill(port, { protocol: 'TCP' });
  for (const variable of objectsAt(container, 'env')) {
    const field = objectAt(variable, 'valueFrom').fieldRef;
    if (isObject(field)) fill(field, { apiVersion: 'v1' });
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[name];
    if (!isObject(probe)) continue;
    fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
    httpDefaults(probe);
    if (isObject(probe.grpc)) fill(probe.grpc, { service: '' });
  }
  for (const hook of ['postStart', 'preStop']) httpDefaults(objectAt(container, 'lifecycle', hook));
}

function volumeDefaults(volume: JsonObject): void {
  if (Object.keys(volume).every(name => name === 'name')) volume.emptyDir = {};
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    const held: JsonValue | undefined = volume[source];
    if (isObject(held)) fill(held, { defaultMode: 420 });
  }
  const path = volume.hostPath;
  if (isObject(path)) fill(path, { type: '' });
}

/** Defaults of a pod's spec, alone or in a template. */
export function podSpecDefaults(spec: JsonObject): void {
  fill(spec, {
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  });
  const account = textAt(spec, 'serviceAccountName') ?? textAt(spec, 'serviceAccount');
  if (account !== undefined) fill(spec, { serviceAccountName: account, serviceAccount: account });
  for (const list of ['containers', 'initContainers']) objectsAt(spec, list).forEach(containerDefaults);
  objectsAt(spec, 'volumes').forEach(volumeDefaults);
}

/** What admission adds to a new pod; nobody owns these fields. */
export function admitPod(pod: JsonObject): void {
  const spec = childOf(pod, 'spec');
  const account = { serviceAccount: 'default', serviceAccountName: 'default' };
  fill(spec, { ...account, preemptionPolicy: 'PreemptLowerPriority', priority: 0 });
  const tolerations = Array.isArray(spec.tolerations) ? spec.tolerations : [];
  const tolerated = new Set(objectsAt(tolerations).map(({ key }) => key));
  const nodeTaints = ['not-ready', 'unreachable'].map(name => `node.kubernetes.io/${name}`);
  const own = nodeTaints
    .filter(key => !tolerated.has(key))
    .map(key => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  spec.tolerations = [...tolerations, ...own];
  childOf(pod, 'status').qosClass = qosClass(spec);
}

const equalAmounts = (resources: JsonObject): boolean =>
  ['cpu', 'memory'].every(name => {
    const limit = objectAt(resources, 'limits')[name];
    return limit !== undefined && limit === (objectAt(resources, 'requests')[name] ?? limit);
  });

/** The QoS class of a pod, from the resource requests of its containers. */
function qosClass(spec: JsonObject): string {
  const asked = [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')].map(container =>
    objectAt(container, 'resources'),
  );
  if (asked.every(equalAmounts)) return 'Guaranteed';
  const amounts = asked.flatMap(({ limits, requests }) => [limits, requests]).map(one => Object.keys(objectAt(one)));
  return amounts.some(names => names.length > 0) ? 'Burstable' : 'BestEffort';
}

/** Defaults that only a pod itself gets, not a template. */
export function podDefaults(pod: JsonObject): void {
  const spec = childOf(pod, 'spec');
  podSpecDefaults(spec);
  fill(spec, { enableServiceLinks: true });
  for (const container of objectsAt(spec, 'containers')) {
    const limits = objectAt(container, 'resources', 'limits');
    if (Object.keys(limits).length > 0) fill(childOf(childOf(container, 'resources'), 'requests'), limits);
  }
}
