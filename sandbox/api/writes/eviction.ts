import type { Body } from '../http/body.js';
import type { Reply } from '../http/reply.js';
import type { ResourceRequest } from '../http/request.js';
import { refusal } from '../http/status.js';
import { asText, isObject, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import type { Registry } from '../store/registry.js';
import type { ObjectKey } from '../store/storage.js';

interface KindName {
  readonly apiVersion: string;
  readonly kind: string;
}

/** POST of an Eviction: deletes the pod with its own grace, unless a PodDisruptionBudget forbids it now. */
export function evictPod(registry: Registry, request: ResourceRequest, body: Body): Reply {
  const { namespace, name } = request;
  const sent = isObject(body.value) ? body.value : {};
  const uid = textAt(objectAt(sent, 'deleteOptions', 'preconditions'), 'uid');
  evict(registry, { namespace, name }, uid);
  return { status: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

/** The same without a request. `uid`: the precondition; absent: none. */
export function evict(registry: Registry, key: ObjectKey, uid?: string): void {
  const kind = registry.kinds.byKind('v1', 'Pod');
  if (kind === undefined) throw new Error('pods are not served');
  const pod = registry.need(kind, key);
  // As a real API server does: a pod that serves nobody needs no budget.
  if (isRunning(pod)) requireBudget(registry, pod);
  registry.remove(kind, key, uid === undefined ? {} : { uid });
}

function requireBudget(registry: Registry, pod: JsonObject): void {
  const budgets = listOf(registry, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, pod).filter(budget =>
    isFor(budget, pod),
  );
  if (budgets.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw refusal(500, 'InternalError', { message });
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const pods = listOf(registry, { apiVersion: 'v1', kind: 'Pod' }, pod).filter(one => isFor(budget, one));
  const healthy = pods.filter(isReady).length;
  const needed = neededPods(objectAt(budget, 'spec'), expectedPods(registry, pods));
  // A pod that is not ready takes no ready one away.
  if (healthy > needed || (healthy === needed && !isReady(pod))) return;
  const name = textAt(objectAt(budget, 'metadata'), 'name') ?? '';
  const message = `The disruption budget ${name} needs ${needed} healthy pods and has ${healthy} currently`;
  throw refusal(429, 'TooManyRequests', {
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ reason: 'DisruptionBudget', message }] },
  });
}

function neededPods({ minAvailable, maxUnavailable }: JsonObject, expected: number): number {
  if (maxUnavailable !== undefined) return Math.max(0, expected - shareOf(maxUnavailable, expected));
  return shareOf(minAvailable ?? 1, expected);
}

/** A number, or a percentage, which is rounded up. */
function shareOf(value: JsonValue, expected: number): number {
  if (typeof value === 'number') return value;
  return Math.ceil((Number.parseInt(asText(value), 10) * expected) / 100);
}

/** What the controllers of the pods want. */
function expectedPods(registry: Registry, pods: readonly JsonObject[]): number {
  const owners = new Set(pods.map(ownerUid));
  const [first] = pods;
  if (first === undefined) return 0;
  return ['ReplicaSet', 'StatefulSet']
    .flatMap(kind => listOf(registry, { apiVersion: 'apps/v1', kind }, first))
    .filter(set => owners.has(textAt(objectAt(set, 'metadata'), 'uid')))
    .reduce((sum, set) => sum + Number(objectAt(set, 'spec').replicas ?? 1), 0);
}

function ownerUid(pod: JsonObject): string | undefined {
  const owner = objectsAt(pod, 'metadata', 'ownerReferences').find(({ controller }) => controller === true);
  return owner === undefined ? undefined : textAt(owner, 'uid');
}

/** The objects of a kind in the namespace of another object. */
function listOf(registry: Registry, of: KindName, beside: JsonObject): JsonObject[] {
  const kind = registry.kinds.byKind(of.apiVersion, of.kind);
  const namespace = textAt(objectAt(beside, 'metadata'), 'namespace') ?? '';
  return kind === undefined ? [] : registry.list(kind, namespace);
}

/** Only `matchLabels` are looked at. */
function isFor(budget: JsonObject, pod: JsonObject): boolean {
  const labels = objectAt(pod, 'metadata', 'labels');
  return Object.entries(objectAt(budget, 'spec', 'selector', 'matchLabels')).every(
    ([name, value]) => labels[name] === value,
  );
}

function isRunning(pod: JsonObject): boolean {
  const { phase } = objectAt(pod, 'status');
  return phase === 'Running' && objectAt(pod, 'metadata').deletionTimestamp === undefined;
}

function isReady(pod: JsonObject): boolean {
  const conditions = objectsAt(pod, 'status', 'conditions');
  return isRunning(pod) && conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
