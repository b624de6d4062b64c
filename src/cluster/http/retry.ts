import type { IncomingHttpHeaders } from 'node:http';
import { repeatable } from './network-error.js';
import type { NetworkFailure } from './network-error.js';
import type { Status } from './refusal.js';

/** A try that did not succeed. */
export type Failure =
  | { readonly from: 'network'; readonly failure: NetworkFailure }
  | { readonly from: 'server'; readonly status: number; readonly reason?: string; readonly message?: string };

/** What decides whether a failed try is repeated. */
export interface Circumstances {
  readonly method: string;
  /** Whether this API server has ever answered in this run. */
  readonly reached: boolean;
}

/**
 * Milliseconds of unbroken failure after which a request is given up. A webhook that does not answer may be one whose pods
 * start right now, as a part of this very deploy; the API server tells it from other internal errors by words alone.
 */
export function giveUpAfterMs(failure: Failure): number {
  const webhook =
    failure.from === 'server' && /failed calling webhook|conversion webhook for/.test(failure.message ?? '');
  return webhook ? 120_000 : 60_000;
}

/** Whether to try again, and why (not). */
export function decide(failure: Failure, { method, reached }: Circumstances): { again: boolean; reason: string } {
  const idempotent = method !== 'POST';
  if (failure.from === 'network') {
    const { again, sent } = repeatable(failure.failure);
    if (!again) return { again, reason: `${failure.failure.code} does not heal by itself` };
    // ECONNRESET at the very first request is what a restarting load balancer does; the others mean a wrong address.
    if (!reached && failure.failure.code !== 'ECONNRESET') return { again: false, reason: 'it has never answered' };
    if (sent && !idempotent) return { again: false, reason: 'it may have been carried out' };
    return { again, reason: failure.failure.code };
  }
  const { status } = failure;
  if (status === 429) return { again: true, reason: 'the API server asks for patience' };
  const passing = status === 502 || status === 503 || status === 504;
  // A 500 without a reason is a refusal of the object; trying again would only repeat it.
  if (!passing && !(status === 500 && failure.reason === 'InternalError'))
    return { again: false, reason: 'it is final' };
  return idempotent ? { again: true, reason: `${status}` } : { again: false, reason: 'it may have been carried out' };
}

/** Milliseconds until try number `tries + 1`: 0.5 s doubling to 8 s, jittered, but never before the server's wish. */
export function delayMs(tries: number, options: { readonly random: number; readonly retryAfterMs?: number }): number {
  const step = Math.min(500 * 2 ** (tries - 1), 8_000);
  return Math.max(step * (0.5 + options.random / 2), options.retryAfterMs ?? 0);
}

/** The server's wish in milliseconds; `undefined` when it has none. */
export function retryAfterMs(headers: IncomingHttpHeaders, status: Status | undefined): number | undefined {
  const seconds = Number(headers['retry-after'] ?? status?.details?.retryAfterSeconds);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
