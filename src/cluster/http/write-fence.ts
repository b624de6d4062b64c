import type { HttpRequest } from './transport.js';

/** Decides when a write may be sent, so that it cannot end after another holder of the lock has begun to write. */
export interface WriteFence {
  /** Milliseconds from sending a write until it has ended: answered, refused or given up by both sides. */
  readonly longestWriteMs: number;
  /** Resolves once a write may be sent, so not before {@link isOpen}; rejects when none may ever be sent again. */
  ready(): Promise<void>;
  /** Whether a write that is sent now ends before another holder can write. */
  isOpen(): boolean;
}

/**
 * The write with a limit of its time. The client stops waiting then; the API server counts from the arrival of the request
 * and stores nothing after its `timeout`.
 */
export function boundedWrite(request: HttpRequest, { longestWriteMs: timeoutMs }: WriteFence): HttpRequest {
  const separator = request.path.includes('?') ? '&' : '?';
  return { ...request, path: `${request.path}${separator}timeout=${timeoutMs / 1000}s`, timeoutMs };
}
