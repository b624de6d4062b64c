import type { LossCause } from './http-connection.js';

/** The start parameters of the sending thread. */
export interface TrafficPlan {
  readonly host: string;
  readonly port: number;
  /** Value of the Host header. */
  readonly authority: string;
  readonly path: string;
  /** Requests per second, each on its own connection; 0 is none. */
  readonly perSecond: number;
  readonly keptAlive: { readonly connections: number; readonly perSecond: number };
  readonly status: number;
  readonly timeoutMs: number;
  readonly rotateSource: boolean;
}

/** Requests to the sending thread. */
export type TrafficOrder = 'report' | 'stop' | { readonly more: number };

/** An order with its number, counted from 1. One batch with the same number answers it. */
export interface TrafficRequest {
  readonly id: number;
  readonly order: TrafficOrder;
}

/** How one request ended. Times are milliseconds after the start. */
export interface Outcome {
  /** Number of the kept-alive connection; `undefined` if the request had its own connection. */
  readonly line: number | undefined;
  readonly begun: number;
  readonly ended: number;
  /** Body of a successful answer, or the reason of the loss. */
  readonly result: string | { readonly cause: LossCause; readonly why: string };
}

/** Outcomes since the last batch, and the current counters. */
export interface TrafficBatch {
  /** The order that this answers; `undefined` for a batch that answers none. */
  readonly id: number | undefined;
  /** Start of the stream in epoch milliseconds. */
  readonly startedAt: number;
  /** Milliseconds from the start until now, or until the stop order. */
  readonly elapsedMs: number;
  readonly latenessMs: number;
  /** Requests started on their own connections. */
  readonly sent: number;
  readonly keptAlive: { readonly sent: number; readonly opened: number; readonly retried: number };
  /** In the order in which they ended. */
  readonly outcomes: readonly Outcome[];
}
