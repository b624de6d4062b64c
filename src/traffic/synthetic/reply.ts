import type { HttpAnswer } from '../../verify/expectation.js';

/** What one request tells about the application. */
export type Reply =
  | {
      readonly kind: 'answered';
      /** A status under 500. */
      readonly answer: HttpAnswer;
      /** Whether it opened a connection. Absent: it never shares one. */
      readonly isNewConnection?: boolean;
    }
  /** No answer of the application, or a 5xx. */
  | { readonly kind: 'failed'; readonly why: string; readonly isTimeout?: true }
  /** The way to the application failed, so nothing is known of it. */
  | { readonly kind: 'unknown'; readonly why: string; readonly isTimeout?: true }
  /** No more may be sent. */
  | { readonly kind: 'stop'; readonly why: string };

/** Sends one GET request; the signal ends it. Never rejects for what the network or a server does. */
export type Send = (signal: AbortSignal) => Promise<Reply>;

/** How much of a body is kept, in bytes: what tells versions apart comes before. */
export const longestBody = 1_000_000;

/** How long a request may take, in milliseconds: as long as an `http` check. */
export const longestRequestMs = 10_000;

/** The User-Agent, by which the requests can be found in the application's log. */
export const userAgent = 'cutover-synthetic-traffic';

/** What an answer of the application tells. A 429 asks for fewer requests, whoever sent it: users may share that limit. */
export function replyOf(answer: HttpAnswer, isNewConnection?: boolean): Reply {
  if (answer.status === 429) return { kind: 'stop', why: 'the answer was 429, too many requests' };
  if (answer.status >= 500) return { kind: 'failed', why: String(answer.status) };
  return { kind: 'answered', answer, ...(isNewConnection !== undefined && { isNewConnection }) };
}

/** The reply of a request that took too long. */
export const noAnswer = `no answer within ${longestRequestMs / 1000} s`;
