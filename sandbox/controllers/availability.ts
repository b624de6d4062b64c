import type { KubeObject } from '../object.js';
import type { Clock } from './clock.js';
import type { Pod } from './pod.js';
import { isReady } from './pod.js';

/** Which pods have been ready for long enough. */
export interface Availability {
  /** `next`: Kubernetes seconds until another may be available; absent when none is near it. */
  look(
    pods: readonly Pod[],
    minReadySeconds?: number,
  ): { readonly available: ReadonlySet<Pod>; readonly next?: number };
  forget(pod: KubeObject): void;
}

export function createAvailability(clock: Clock): Availability {
  /** Since when each pod is ready, in Kubernetes seconds, by uid. */
  const readySince = new Map<string, number>();
  return {
    look(pods, minReadySeconds = 0) {
      const available = new Set<Pod>();
      const waits: number[] = [];
      for (const pod of pods) {
        const { uid = '' } = pod.metadata;
        if (!isReady(pod)) {
          readySince.delete(uid);
          continue;
        }
        const since = readySince.get(uid) ?? clock.now();
        readySince.set(uid, since);
        const wait = minReadySeconds - (clock.now() - since);
        if (wait > 0) waits.push(wait);
        else available.add(pod);
      }
      return waits.length === 0 ? { available } : { available, next: Math.min(...waits) + 0.01 };
    },
    forget: pod => void readySince.delete(pod.metadata.uid ?? ''),
  };
}
