import type { Trouble } from './http-connection.js';

/** What the sending thread is started with. */
export interface TrafficPlan {
  readonly host: string;
  readonly port: number;
  /** Value of the Host header. */
  readonly authority: string;
  readonly path: string;
  /** Requests a second on connections of their own; 0 is none. */
  readonly perSecond: number;
  readonly keptAlive: { readonly connections: number; readonly perSecond: number };
  readonly status: number;
  readonly timeoutMs: number;
  readonly rotateSource: boolean;
}

/** What the sending thread can be asked while it sends. */
export type TrafficOrder = 'report' | 'stop' | { readonly more: number };

/** An order with its number from 1 on. It is answered by one batch that bears the number. */
export interface TrafficRequest {
  readonly id: number;
  readonly order: TrafficOrder;
}

/** How one request ended. Times are milliseconds after the start. */
export interface Outcome {
  /** Number of the kept-alive connection; `undefined` for a connection of its own. */
  readonly line: number | undefined;
  readonly begun: number;
  readonly ended: number;
  /** Body of a proper answer, or why there is none. */
  readonly result: string | { readonly trouble: Trouble; readonly why: string };
}

/** What happened since the last batch, and where the counters stand. */
export interface TrafficBatch {
  /** The request that this answers; `undefined` for a batch that was not asked for. */
  readonly id: number | undefined;
  /** Start of the stream in epoch milliseconds. */
  readonly startedAt: number;
  /** Milliseconds from the start until now, or until the stream was told to stop. */
  readonly elapsedMs: number;
  readonly latenessMs: number;
  /** Requests begun on connections of their own. */
  readonly sent: number;
  readonly keptAlive: { readonly sent: number; readonly opened: number; readonly retried: number };
  /** In the order in which they ended. */
  readonly outcomes: readonly Outcome[];
}
