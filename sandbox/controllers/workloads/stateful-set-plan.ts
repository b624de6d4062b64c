/** A pod as the plan sees it. */
export interface OrdinalPod {
  readonly ordinal: number;
  readonly state: 'leaving' | 'ended' | 'unavailable' | 'available';
  /** Whether it is of the current template. */
  readonly updated: boolean;
}

export interface StatefulGoal {
  readonly start: number;
  readonly replicas: number;
  /** Each pod waits for the one before; otherwise all are created and deleted at once. */
  readonly ordered: boolean;
  /** Pods of earlier templates from this ordinal on are replaced, so many at a time; absent: none is. */
  readonly update?: { readonly from: number; readonly maxUnavailable: number };
}

/** The next step; another one follows when a pod changes. */
export interface StatefulStep {
  readonly create: readonly number[];
  readonly remove: readonly number[];
}

export function planStateful(goal: StatefulGoal, pods: readonly OrdinalPod[]): StatefulStep {
  const { start, replicas, ordered } = goal;
  const create: number[] = [];
  const remove: number[] = [];
  const step = { create, remove };
  const end = start + replicas;

  for (let ordinal = start; ordinal < end; ordinal += 1) {
    const pod = pods.find(one => one.ordinal === ordinal);
    if (!pod) create.push(ordinal);
    else if (pod.state === 'ended') remove.push(ordinal);
    // This is why a broken pod stops the update, even after its template was fixed.
    if (ordered && pod?.state !== 'available') return step;
  }

  const surplus = pods.filter(({ ordinal }) => ordinal < start || ordinal >= end).sort(fromTheEnd);
  for (const [index, { ordinal, state }] of surplus.entries()) {
    const mayGo = !ordered || state === 'available' || isFirstIll(surplus, index);
    if (state !== 'leaving' && mayGo) remove.push(ordinal);
    if (ordered) return step;
  }

  const { update } = goal;
  if (!update) return step;
  const wanted = pods.filter(({ ordinal }) => ordinal >= start && ordinal < end).sort(fromTheEnd);
  let spare = update.maxUnavailable - (replicas - wanted.filter(({ state }) => state === 'available').length);
  for (const { ordinal, state, updated } of wanted) {
    if (updated || ordinal < update.from || state === 'leaving' || state === 'ended') continue;
    // An unready pod serves no users.
    if (state === 'available' && spare <= 0) continue;
    if (state === 'available') spare -= 1;
    remove.push(ordinal);
  }
  return step;
}

const fromTheEnd = (a: OrdinalPod, b: OrdinalPod): number => b.ordinal - a.ordinal;

/** An unready pod may be replaced without becoming ready first if it is the lowest unready one. */
function isFirstIll(surplus: readonly OrdinalPod[], index: number): boolean {
  return surplus.slice(index + 1).every(({ state }) => state === 'available');
}
