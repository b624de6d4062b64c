import type { Pod } from '../pod.js';

/** A pod as the plan sees it. */
export interface DaemonState {
  readonly pod: Pod;
  readonly leaving: boolean;
  /** Failed or succeeded: the pod must be replaced. */
  readonly ended: boolean;
  readonly available: boolean;
  /** Whether it is of the current template. */
  readonly updated: boolean;
}

/** A node with the set's pods on it, oldest first. */
export interface NodePods {
  readonly node: string;
  readonly wanted: boolean;
  readonly pods: readonly DaemonState[];
}

/** `update`: on how many nodes there may be two pods, and on how many none. Absent: old pods stay. */
export interface DaemonGoal {
  readonly update?: { readonly surge: number; readonly missing: number };
}

/** The next step: nodes that get a pod, and pods to delete. */
export interface DaemonStep {
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

export function planDaemons({ update }: DaemonGoal, nodes: readonly NodePods[]): DaemonStep {
  const create: string[] = [];
  const remove: Pod[] = [];
  const wanted = nodes.filter(node => node.wanted);
  for (const { wanted: fits, node, pods } of nodes) {
    const staying = pods.filter(({ leaving }) => !leaving);
    if (fits && pods.length === 0) create.push(node);
    remove.push(...staying.filter(({ ended }) => !fits || ended).map(({ pod }) => pod));
  }
  if (!update) return { create, remove };

  let missing = update.missing - wanted.filter(({ pods }) => !pods.some(isServing)).length;
  let surge = update.surge - wanted.filter(({ pods }) => pods.filter(({ leaving }) => !leaving).length > 1).length;
  for (const { node, pods } of wanted) {
    const active = pods.filter(({ leaving, ended }) => !leaving && !ended);
    const old = active.find(({ updated }) => !updated);
    const fresh = active.find(({ updated }) => updated);
    if (!old) continue;
    if (fresh) {
      if (fresh.available || !old.available) remove.push(old.pod);
    } else if (update.surge > 0) {
      // An unavailable pod is replaced regardless of the limits.
      if (old.available && surge <= 0) continue;
      if (old.available) surge -= 1;
      create.push(node);
    } else if (!old.available || missing > 0) {
      if (old.available) missing -= 1;
      remove.push(old.pod);
    }
  }
  return { create, remove };
}

const isServing = ({ available, leaving }: DaemonState): boolean => available && !leaving;
