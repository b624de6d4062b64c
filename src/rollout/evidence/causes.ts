import type { KubeObject } from '../../kubernetes/object.js';
import { oneLine } from '../one-line.js';
import type { PodFailure } from '../pod-failure.js';
import { controllerToleranceMs, type Patience } from '../readiness/readiness.js';
import { patienceWith } from '../readiness/refusal.js';
import type { WarningEvent } from './events.js';

/** Why a controller cannot create pods. */
export interface Refusal extends Patience {
  readonly reason: string;
}

/** The refusal that an event of a controller tells; `undefined`: it tells none. Such an event has lasted for some seconds. */
export function refusedPods({ reason, message }: WarningEvent): Refusal | undefined {
  if (reason !== 'FailedCreate') return undefined;
  const why = message.replace(/^.*?(Error creating|failed error): /, '');
  const { toleranceMs, ...patience } = patienceWith(message);
  return {
    ...patience,
    reason: `its pods cannot be created: ${oneLine(why)}`,
    toleranceMs: toleranceMs - controllerToleranceMs,
  };
}

/** The ConfigMap, Secret or key that a volume of the pod lacks; `undefined`: the event tells of none. */
export function missingVolume({ reason, message }: WarningEvent, pod: KubeObject): PodFailure | undefined {
  const isMissing = /(configmap|secret) "[^"]*" not found|references non-existent (config|secret) key/i.test(message);
  if (reason !== 'FailedMount' || !isMissing) return undefined;
  const { name, namespace = 'default' } = pod.metadata;
  return {
    pod,
    container: '',
    message: `pod ${namespace}/${name} cannot be started (FailedMount: ${oneLine(message)})`,
    hint: 'Create what the volume names, or mark the volume as optional.',
    toleranceMs: 0,
    mayEndWith: 'others',
    log: 'none',
  };
}
