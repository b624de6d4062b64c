/** What replacing the pods of a role takes. */
export interface ClosingTime {
  /** Pods that are replaced. */
  readonly pods: number;
  /** The largest batch. */
  readonly atOnce: number;
  /** Batches, one after the other. */
  readonly batches: number;
  /** How long the pods of the last batch may take to end. */
  readonly graceMs: number;
  /** How long a pod has taken to become ready, as those that run show. Absent: that is not known. */
  readonly startMs?: number;
}

/** What became of the connections that users kept open to the role that they left. Absent: they were not to be closed. */
export type Connections =
  | { readonly kind: 'closed'; readonly pods: number }
  /** Some may be open. */
  | { readonly kind: 'open'; readonly reason: string };
