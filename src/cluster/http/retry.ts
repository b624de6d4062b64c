import type { IncomingHttpHeaders } from 'node:http';
import { retryability } from './network-error.js';
import type { NetworkFailure } from './network-error.js';
import { isSchemaError, type Status } from './api-status.js';

/** A failed attempt. */
export type Failure =
  | { readonly from: 'network'; readonly failure: NetworkFailure }
  | {
      readonly from: 'server';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      /** As in `isQuotaRace`. Default: false. */
      readonly isQuotaRace?: boolean;
      /** As in `isRefusedByBudget`. Default: false. */
      readonly isRefusedByBudget?: boolean;
    };

/** What the decision to retry depends on. */
export interface RetryContext {
  readonly method: string;
  /** Whether this API server has ever answered in this run. */
  readonly reached: boolean;
}

/**
 * Milliseconds of continuous failure after which a request is given up. The pods of a webhook that does not answer may be
 * starting, even as a part of this deploy; only its message distinguishes this from other internal errors.
 */
export function giveUpAfterMs(failure: Failure): number {
  const isWebhook =
    failure.from === 'server' && /failed calling webhook|conversion webhook for/.test(failure.message ?? '');
  return isWebhook ? 120_000 : 60_000;
}

/** Whether a retry is safe and can help. */
export function shouldRetry(failure: Failure, { method, reached }: RetryContext): boolean {
  const idempotent = method !== 'POST';
  if (failure.from === 'network') {
    const { retry, sent } = retryability(failure.failure);
    // At the first request, ECONNRESET can come from a restarting load balancer; other errors mean a wrong address.
    if (!reached && failure.failure.code !== 'ECONNRESET') return false;
    // The API server may have processed a request that was sent.
    return retry && (idempotent || !sent);
  }
  const { status } = failure;
  // Whoever evicts decides how long to wait for the budget.
  if (failure.isRefusedByBudget) return false;
  // The API server limits the request rate, or could not count the object in a quota: it has not carried out the request.
  if (status === 429 || failure.isQuotaRace) return true;
  const isTransient = [502, 503, 504].includes(status) || (status === 500 && !isSchemaError(failure));
  return isTransient && idempotent;
}

/** Milliseconds until the next attempt: 0.5 s doubling to 8 s, with jitter, but at least `retryAfterMs` (default 0). */
export function delayMs(
  failures: number,
  options: { readonly random: number; readonly retryAfterMs?: number },
): number {
  const step = Math.min(500 * 2 ** (failures - 1), 8_000);
  return Math.max(step * (0.5 + options.random / 2), options.retryAfterMs ?? 0);
}

/** The `Retry-After` of an answer in milliseconds; `undefined`: not set. */
export function retryAfterMs(headers: IncomingHttpHeaders, status: Status | undefined): number | undefined {
  const seconds = Number(headers['retry-after'] ?? status?.details?.retryAfterSeconds);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
