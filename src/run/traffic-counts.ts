/** How the requests reached the application: that decides what they can tell. */
export type TrafficPath =
  /** As a user, over the network. Without credentials and query. */
  | { readonly kind: 'url'; readonly url: string }
  /** Through the API server, which picks a pod itself: node proxies and load balancers are not on the way. */
  | { readonly kind: 'api-server'; readonly service: string; readonly path: string };

/** Requests without a good answer: no answer, or a 5xx. */
export interface FailureWindow {
  /** When the first of them was sent, in milliseconds after the start of the counts. */
  readonly fromMs: number;
  /** When the next one that was answered was sent, or when the counts ended. */
  readonly toMs: number;
  readonly failed: number;
  /** What was wrong with the first of them: `503`, `ECONNREFUSED`. */
  readonly why: string;
}

/** What became of the requests that were sent in one second. */
export interface TrafficSecond {
  /** Answered as `verify` expects of the new version; where versions cannot be told apart, all that were answered. */
  readonly expected: number;
  /** Answered otherwise: by another version. */
  readonly other: number;
  readonly failed: number;
  /** The way to the application failed, so nothing is known of it. */
  readonly unknown: number;
}

/** The version that users had before, and whether it was seen once all of them should be on the new one. */
export interface VersionCounts {
  /** Requests that the new version answered. */
  readonly expected: number;
  /** Requests that another version answered. */
  readonly other: number;
  /** Those of another version that were sent after users were moved, and when the last of these was sent, in ms after the move. */
  readonly late: { readonly requests: number; readonly lastMs: number };
}

/** The requests of one connection that is kept alive. */
export interface KeptAliveCounts {
  readonly sent: number;
  readonly failed: number;
  /** How often the server had closed it, and a new one took its place. */
  readonly reopened: number;
  /** Why some requests tell nothing: the first reason. Absent: all tell something. */
  readonly unknown?: string;
  /** Whether the last answer was of the new version. Absent: versions cannot be told apart. */
  readonly isOnExpected?: boolean;
}

/** What one steady stream of GET requests met. All counts begin with the first request that was answered. */
export interface TrafficCounts {
  readonly path: TrafficPath;
  readonly perSecond: number;
  /** Start of the counts in epoch milliseconds. */
  readonly startedAt: number;
  /** Requests whose result is known, each on a connection of its own. */
  readonly sent: number;
  readonly failed: number;
  /** Failed requests on all connections that were sent before the change began: it did not cause them. */
  readonly failedBefore: number;
  /** Requests whose result is unknown, because the way to the application failed, and the first reason. */
  readonly unknown: { readonly requests: number; readonly why?: string };
  /**
   * Requests that were answered with a status under 500 that the check of the path does not expect, or that is no 2xx where there is none,
   * and the first answer: `301, to https://shop.example.com`. It may not be the application's. Absent: there was none.
   */
  readonly unlike?: { readonly requests: number; readonly first: string };
  readonly slowestMs: number;
  /** The longest time between two answers. */
  readonly longestGapMs: number;
  /** Absent: the path has no connections that users would have. */
  readonly keptAlive?: KeptAliveCounts;
  /** Absent: versions cannot be told apart. */
  readonly versions?: VersionCounts;
  /** The new version, as in `revision 7`. Absent: users stay on theirs. */
  readonly version?: string;
  /** One entry for each second. */
  readonly seconds: readonly TrafficSecond[];
  /** The first hundred. */
  readonly windows: readonly FailureWindow[];
  /** Why nothing was counted: the first reason for which requests were not answered. Absent: one was. */
  readonly unanswered?: string;
  /** In milliseconds after the start of the counts. Absent: users were not moved. */
  readonly movedMs?: number;
  /** Why no more requests were sent before the end. Absent: they were sent to the end. */
  readonly stopped?: string;
}
