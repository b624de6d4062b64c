import { replicasOf } from '../../../kubernetes/deployment.js';
import { fieldAt } from '../../../kubernetes/fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import { activePods, isReady } from '../../../kubernetes/pods/pod.js';
import { conditionOf } from '../../../kubernetes/status.js';
import type { ClosingTime } from '../../outcome/connections.js';

/** A Deployment as it is live, and its pods. Pods absent: they are not known. */
export interface ToReplace {
  readonly live: KubeObject;
  readonly pods?: readonly KubeObject[];
}

/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const defaultGraceSeconds = 30;

/** How many pods are replaced at once: at most a quarter, so that the rest can serve if users are sent back; at least one. */
export function batchSize(replicas: number): number {
  return Math.max(1, Math.floor(replicas / 4));
}

/** What it takes to replace the pods of these Deployments, one Deployment after the other. */
export function closingTime(deployments: readonly ToReplace[]): ClosingTime {
  const parts = deployments.map(({ live, pods }) => {
    const { length } = activePods(pods ?? []);
    // Of a role that was just scaled down, more pods may be there than stay.
    const count = pods === undefined ? replicasOf(live) : Math.min(length, replicasOf(live));
    const atOnce = batchSize(replicasOf(live));
    const grace = fieldAt(live, ['spec', 'template', 'spec', 'terminationGracePeriodSeconds']);
    const graceMs = (typeof grace === 'number' ? grace : defaultGraceSeconds) * 1000;
    // A pod that was not ready for a while, or restarted, seems to have taken that long: no start is that slow.
    const slowestMs = Number(fieldAt(live, ['spec', 'progressDeadlineSeconds']) ?? 600) * 1000;
    const starts = (pods ?? []).map(startOf).filter(ms => ms !== undefined && ms <= slowestMs);
    const startMs = medianOf(starts.filter(ms => ms !== undefined));
    return { count, atOnce, batches: Math.ceil(count / atOnce), graceMs, startMs };
  });
  const starts = parts.map(({ startMs }) => startMs).filter(ms => ms !== undefined);
  return {
    pods: parts.reduce((sum, { count }) => sum + count, 0),
    atOnce: Math.max(0, ...parts.map(({ atOnce }) => atOnce)),
    batches: parts.reduce((sum, { batches }) => sum + batches, 0),
    graceMs: Math.max(0, ...parts.map(({ graceMs }) => graceMs)),
    ...(starts.length > 0 && { startMs: Math.max(...starts) }),
  };
}

/** How long it takes at most, as far as is known. */
export function totalMs({ batches, graceMs, startMs = 0 }: ClosingTime): number {
  return batches * startMs + graceMs;
}

/** From its creation until it was ready; both times are of the cluster. A restart makes it look longer. */
function startOf(pod: KubeObject): number | undefined {
  if (!isReady(pod)) return undefined;
  const readyAt = Date.parse(conditionOf(pod, 'Ready')?.lastTransitionTime ?? '');
  const createdAt = Date.parse(pod.metadata.creationTimestamp ?? '');
  return Number.isNaN(readyAt - createdAt) ? undefined : Math.max(0, readyAt - createdAt);
}

function medianOf(values: readonly number[]): number | undefined {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
}
