import type { Deployment } from '../kinds.js';

/** A ReplicaSet as the plan sees it. Sets are listed oldest first. */
export interface SetState {
  readonly name: string;
  /** Wanted pods. */
  readonly replicas: number;
  /** Pods there are: more than wanted while some still have to be deleted. Absent: as wanted. */
  readonly existing?: number;
  /** Pods that are ready for minReadySeconds. */
  readonly available: number;
  /** Upper bound of all pods when the set was last scaled. Absent: never noted. */
  readonly maxReplicas?: number;
}

export interface Limits {
  /** Pods that may exist above the wanted number. */
  readonly maxSurge: number;
  /** Pods that may be missing from the wanted number. */
  readonly maxUnavailable: number;
}

/** New numbers of pods by the name of the set; sets that stay as they are are absent. */
export type Scaling = ReadonlyMap<string, number>;

/** Resolves percentages: maxSurge is rounded up, maxUnavailable down. If both are 0, maxUnavailable is 1. */
export function limitsOf(spec: Deployment['spec']): Limits {
  const replicas = spec.replicas ?? 1;
  if (spec.strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: replicas };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  const surge = podsOfShare(maxSurge, part => Math.ceil(part * replicas));
  const missing = podsOfShare(maxUnavailable, part => Math.floor(part * replicas));
  return { maxSurge: surge, maxUnavailable: Math.min(surge === 0 && missing === 0 ? 1 : missing, replicas) };
}

/** A number of pods as it is; `ofPart` turns a percentage, as a part of 1, into one. */
export function podsOfShare(value: number | string, ofPart: (part: number) => number): number {
  if (typeof value === 'number') return value;
  return ofPart(Number(value.replace('%', '')) / 100);
}

/** One step of a rolling update: the new set grows into the surge first; only when it cannot, old sets shrink. */
export function planRolling(
  goal: { readonly replicas: number; readonly limits: Limits },
  sets: { readonly current: SetState; readonly old: readonly SetState[] },
): Scaling {
  const { replicas, limits } = goal;
  const { current, old } = sets;
  const all = [...old, current];
  const total = sum(all.map(set => set.replicas));

  // Pods that are about to be deleted still count.
  const present = sum(all.map(set => Math.max(set.replicas, set.existing ?? 0)));
  const allowed = Math.max(0, replicas + limits.maxSurge - present);
  const grown = Math.min(replicas, current.replicas + allowed);
  if (grown !== current.replicas) return new Map([[current.name, grown]]);

  const needed = replicas - limits.maxUnavailable;
  let mayStop = total - needed - (current.replicas - current.available);
  const scaling = new Map<string, number>();
  if (mayStop <= 0) return scaling;

  // Unready old pods are deleted first: they serve no users.
  for (const set of old) {
    const stopped = Math.min(mayStop, Math.max(0, set.replicas - set.available));
    if (stopped > 0) scaling.set(set.name, set.replicas - stopped);
    mayStop -= stopped;
  }

  // Counts of sets that were scaled a moment ago are stale, hence the second bound.
  let spare = Math.min(mayStop, sum(all.map(set => set.available)) - needed);
  for (const set of old) {
    const left = scaling.get(set.name) ?? set.replicas;
    const stopped = Math.min(left, Math.max(0, spare));
    if (stopped > 0) scaling.set(set.name, left - stopped);
    spare -= stopped;
  }
  return scaling;
}

/**
 * The wanted number changed, or the rollout is paused: sets keep their shares. One set with pods takes all of it; a
 * complete new set leaves nothing to the old; in the middle of a rollout each gets its part of the new total.
 */
export function planScaling(
  goal: { readonly replicas: number; readonly limits: Limits },
  sets: { readonly current?: SetState; readonly old: readonly SetState[] },
): Scaling {
  const { replicas, limits } = goal;
  const { current, old } = sets;
  const all = current ? [...old, current] : old;
  const active = all.filter(set => set.replicas > 0);

  const only = active.length === 0 ? (current ?? all.at(-1)) : active.length === 1 ? active[0] : undefined;
  if (only) return only.replicas === replicas ? new Map() : new Map([[only.name, replicas]]);
  if (active.length === 0) return new Map();

  if (current && current.replicas === replicas && current.available === replicas) {
    return new Map(old.filter(set => set.replicas > 0).map(set => [set.name, 0]));
  }

  const size = replicas === 0 ? 0 : replicas + limits.maxSurge;
  const total = sum(active.map(set => set.replicas));
  const difference = size - total;
  const bySize = [...active].sort((a, b) => b.replicas - a.replicas);
  const scaling = new Map<string, number>();
  let rest = difference;
  for (const set of bySize) {
    const share = Math.round((set.replicas * size) / (set.maxReplicas ?? total)) - set.replicas;
    const change = difference > 0 ? clamp(share, 0, rest) : clamp(share, rest, 0);
    scaling.set(set.name, set.replicas + change);
    rest -= change;
  }
  const [largest] = bySize;
  if (largest) scaling.set(largest.name, Math.max(0, (scaling.get(largest.name) ?? 0) + rest));
  return new Map([...scaling].filter(([name, count]) => all.find(set => set.name === name)?.replicas !== count));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
