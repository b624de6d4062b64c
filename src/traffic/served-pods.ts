import { readyEndpoints, type SliceEndpoint } from '../kubernetes/endpoint-slice.js';
import { describeRef, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { activePods, isActive, isBeingDeleted, isReady } from '../kubernetes/pods/pod.js';
import { hashLabel } from '../kubernetes/pods/pod-template.js';
import { selects, type Labels } from '../kubernetes/selectors.js';
import { ownedBy, specOf } from '../kubernetes/workload.js';
import { whyNotReady } from '../rollout/pod-failure.js';

/** Pods of one workload, by what ties them to it. Any of them may be replaced at any moment, so names identify none. */
export interface WorkloadPods {
  /** The workload, for messages. */
  readonly ref: ObjectRef;
  /** uid of the controller that owns the pods: for a Deployment, the ReplicaSet of its template. */
  readonly owner: string;
  /** Their label `pod-template-hash`. */
  readonly templateHash: string;
  /** How many of them must be ready. */
  readonly wanted: number;
}

/** Everything that decides whether users reach the right pods. */
export interface ServedPods {
  /** All EndpointSlices of the Service. */
  readonly slices: readonly KubeObject[];
  /** The pods that the Service selects. */
  readonly pods: readonly KubeObject[];
  /** The controllers of those pods: one that wants fewer pods by now need not have more. */
  readonly owners: readonly KubeObject[];
  /** Absent: every pod that the Service selects is right. */
  readonly workloads?: readonly WorkloadPods[];
  /** Labels of pods that are right, too, however many of them are ready. Absent: there are none. */
  readonly beside?: readonly Labels[];
}

export type ServedVerdict =
  | { readonly kind: 'served'; readonly reason: string }
  /** Users reach only right pods, but too few of them are ready. */
  | { readonly kind: 'too-few'; readonly reason: string }
  /** The endpoints are not yet the right pods that are ready. */
  | { readonly kind: 'lagging'; readonly reason: string };

/** Whether the pod is one of these: of the same controller and template. */
export function isOf({ owner, templateHash }: WorkloadPods, pod: KubeObject): boolean {
  return ownedBy(pod, owner) && pod.metadata.labels?.[hashLabel] === templateHash;
}

/** Whether the endpoints of a Service are exactly the right pods that are ready, enough of them, and no other pod. */
export function judgeServedPods(served: ServedPods): ServedVerdict {
  const { slices, pods, workloads, beside = [] } = served;
  const own = workloads === undefined ? pods : pods.filter(pod => workloads.some(workload => isOf(workload, pod)));
  const isBeside = ({ metadata: { labels = {} } }: KubeObject): boolean => beside.some(one => selects(one, labels));
  const right = pods.filter(pod => own.includes(pod) || isBeside(pod));
  const ready = right.filter(isReady);
  const families = familiesOf(slices);
  const endpoints = families.flatMap(family => family.endpoints);
  const isEndpoint = (pod: KubeObject, list: readonly SliceEndpoint[]): boolean => {
    return list.some(endpoint => pointsTo(endpoint, pod));
  };
  const missing = ready.filter(pod => {
    const expected = families.filter(({ type }) => hasAddress(pod, type));
    return expected.length === 0 || expected.some(family => !isEndpoint(pod, family.endpoints));
  });
  const others = pods.filter(pod => isReady(pod) && !right.includes(pod));
  const wrong = endpoints.flatMap(endpoint => {
    const pod = pods.find(one => pointsTo(endpoint, one));
    const reason = whyWrong(endpoint, { pod, isRight: pod !== undefined && right.includes(pod) });
    return reason === undefined ? [] : [`${endpoint.targetRef?.name ?? ''} (${reason})`];
  });
  const lagging = [
    ...list('not yet an endpoint', missing.map(nameOf)),
    ...list('still an endpoint', wrong),
    ...list('selected, but of another version', others.filter(pod => !isEndpoint(pod, endpoints)).map(nameOf)),
  ];
  if (lagging.length > 0) return { kind: 'lagging', reason: lagging.join('; ') };
  if (!own.some(isReady)) return { kind: 'too-few', reason: ['no pod is ready', ...unready(own)].join('; ') };
  const short = (workloads ?? []).flatMap(workload => shortage(workload, served));
  if (short.length > 0) return { kind: 'too-few', reason: short.join('; ') };
  const count = `${ready.length} endpoint${ready.length === 1 ? '' : 's'}`;
  return { kind: 'served', reason: `${count}, all of the expected pods` };
}

/** Why too few pods of a workload are ready; empty: enough are. */
export function shortage(
  workload: WorkloadPods,
  { pods, owners }: Pick<ServedPods, 'pods' | 'owners'>,
): readonly string[] {
  const own = pods.filter(pod => isOf(workload, pod));
  const owner = owners.find(({ metadata }) => metadata.uid === workload.owner);
  const wanted = owner === undefined ? workload.wanted : Math.min(workload.wanted, specOf(owner).replicas ?? 1);
  const ready = own.filter(isReady).length;
  if (ready >= wanted) return [];
  return [[`${describeRef(workload.ref)}: ${ready} of ${wanted} ready`, ...unready(own)].join('; ')];
}

function unready(pods: readonly KubeObject[]): readonly string[] {
  return activePods(pods)
    .filter(pod => !isReady(pod))
    .map(pod => `pod ${nameOf(pod)}: ${whyNotReady(pod)}`);
}

/** Why users should not reach an endpoint; `undefined`: they should. */
function whyWrong(
  { conditions }: SliceEndpoint,
  { pod, isRight }: { readonly pod: KubeObject | undefined; readonly isRight: boolean },
): string | undefined {
  if (pod === undefined) return 'not selected any more';
  if (!isRight) return 'of another version';
  // `publishNotReadyAddresses` makes a pod an endpoint that is not ready or terminates, and says so.
  if (isReady(pod) || conditions?.serving === false || conditions?.terminating === true) return undefined;
  if (isBeingDeleted(pod)) return 'being deleted';
  return isActive(pod) ? 'not ready' : 'ended';
}

/** The ready endpoints with a pod, by the address type of their slice: a dual-stack Service has slices of both. */
function familiesOf(
  slices: readonly KubeObject[],
): readonly { readonly type: unknown; readonly endpoints: readonly SliceEndpoint[] }[] {
  const types = [...new Set(slices.map(slice => slice['addressType']))];
  return types.map(type => ({
    type,
    endpoints: slices
      .filter(slice => slice['addressType'] === type)
      .flatMap(readyEndpoints)
      .filter(({ targetRef }) => targetRef?.name !== undefined),
  }));
}

/** Whether a pod can be an endpoint in slices of this address type. Without an address that is known, it can be in any. */
function hasAddress(pod: KubeObject, type: unknown): boolean {
  const { podIP, podIPs = [] } = (pod['status'] ?? {}) as {
    podIP?: string;
    podIPs?: readonly { readonly ip: string }[];
  };
  const addresses = podIPs.length > 0 ? podIPs.map(({ ip }) => ip) : podIP === undefined ? [] : [podIP];
  return addresses.length === 0 || addresses.some(ip => type === (ip.includes(':') ? 'IPv6' : 'IPv4'));
}

function pointsTo({ targetRef }: SliceEndpoint, { metadata }: KubeObject): boolean {
  if (targetRef?.uid !== undefined) return targetRef.uid === metadata.uid;
  return targetRef?.name === metadata.name;
}

function nameOf({ metadata }: KubeObject): string {
  return metadata.name;
}

function list(what: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`${what}: ${[...new Set(names)].join(', ')}`];
}
