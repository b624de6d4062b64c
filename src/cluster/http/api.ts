import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Clock } from '../clock.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { networkFailure, redirected, unreachable } from './network-error.js';
import { loggedTransport } from './request-log.js';
import { describeRequest, isRefusedByBudget, parseStatus, type RequestDescription } from './api-status.js';
import { isQuotaRace } from './conflict-error.js';
import { apiError } from './error-status.js';
import { shouldRetry, delayMs, giveUpAfterMs, retryAfterMs } from './retry.js';
import type { Failure } from './retry.js';
import { cancelled } from './transport.js';
import type { Access, HttpAnswer, HttpRequest, HttpUpgrade, Transport } from './transport.js';
import { boundedWrite } from './write-fence.js';
import type { WriteFence } from './write-fence.js';

/** Credentials for the API server, which can be renewed. */
export interface Credentials {
  access(): Promise<Access>;
  /** New credentials (exec plugins run again), unless they were already renewed since `stale` was returned. */
  renew(stale: Access): Promise<Access>;
}

/** One request, with its description for errors. */
export interface Call {
  readonly description: RequestDescription;
  readonly request: HttpRequest;
  /** What a write waits for before each attempt; it also limits how long the write may take. Absent: nothing. */
  readonly fence?: WriteFence;
}

/** What {@link Api} needs. */
export interface ApiParts {
  readonly server: URL;
  readonly credentials: Credentials;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Between 0 and 1, for jitter. */
  readonly random: () => number;
}

/** How a lane of requests differs from the {@link Api} that it belongs to. */
export interface LaneOptions {
  /** Whether transient failures are retried. */
  readonly retries: boolean;
  /** Milliseconds until a request without an answer fails. */
  readonly timeoutMs: number;
}

interface ExchangeResult<T> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Body of an error answer; absent for success. */
  readonly errorBody?: Buffer;
  readonly value: T;
}

const maxConcurrentRequests = 10;

/** Requests to the API server, with credentials, retries and errors. */
export class Api {
  readonly #parts: ApiParts;
  readonly #transport: Transport;
  readonly #limit = new ConcurrencyLimit(maxConcurrentRequests);
  readonly #lane: LaneOptions | undefined;
  #reached = false;

  /** `lane`: absent for the requests of a run in general. */
  constructor(parts: ApiParts, lane?: LaneOptions) {
    this.#parts = parts;
    this.#transport = loggedTransport(parts.transport, parts);
    this.#lane = lane;
  }

  /** Requests with the same credentials that wait for no slot and no connection of other requests. */
  lane(options: LaneOptions): Api {
    const lane = new Api(this.#parts, options);
    lane.#reached = this.#reached;
    return lane;
  }

  /**
   * The answer if successful; throws any other as an error. A request counts towards the limit only while it is in flight,
   * not while it waits for its next attempt or for its fence. Throws what the fence rejects with.
   */
  async send(call: Call): Promise<HttpAnswer> {
    const request = this.#requestOf(call);
    const exchange = async (access: Access): Promise<ExchangeResult<HttpAnswer>> => {
      const answer = await this.#transport.send(request, access);
      return { ...answer, value: answer, ...(answer.status >= 300 && { errorBody: answer.body }) };
    };
    return this.#sendWithRetries(call, exchange, this.#limit);
  }

  /** The body of a successful answer as a stream, until `signal` aborts. Does not count towards the limit of requests. */
  async open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const request = this.#requestOf(call);
    const exchange = async (access: Access): Promise<ExchangeResult<IncomingMessage>> => {
      const { status, headers, body } = await this.#transport.open(request, access, signal);
      if (status < 300) return { status, headers, value: body };
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return { status, headers, value: body, errorBody: Buffer.concat(chunks) };
    };
    return this.#sendWithRetries(call, exchange, new ConcurrencyLimit(Infinity));
  }

  /** The answer with any status, without retries: for requests that the API server proxies. */
  sendOnce(call: Call): Promise<HttpAnswer> {
    return this.#once(call, access => this.#transport.send(call.request, access));
  }

  /** As {@link sendOnce}, with another protocol on the connection if the server agrees. */
  upgrade(call: Call): Promise<HttpUpgrade> {
    return this.#once(call, access => this.#transport.upgrade(call.request, access));
  }

  async #once<T extends HttpAnswer>(call: Call, exchange: (access: Access) => Promise<T>): Promise<T> {
    const { credentials, server } = this.#parts;
    const attempt = async (access: Access): Promise<T> => {
      try {
        return await exchange(access);
      } catch (thrown) {
        if (thrown instanceof CutoverError) throw thrown;
        throw unreachable(server, describeRequest(call.description), networkFailure(thrown));
      }
    };
    const access = await credentials.access();
    const answer = await attempt(access);
    const fromApiServer = answer.status === 401 && parseStatus(answer.body) !== undefined;
    return fromApiServer ? attempt(await credentials.renew(access)) : answer;
  }

  #requestOf({ request, fence }: Call): HttpRequest {
    if (fence !== undefined) return boundedWrite(request, fence);
    if (this.#lane === undefined) return request;
    return { ...request, timeoutMs: this.#lane.timeoutMs, pool: 'lane' };
  }

  /**
   * Retries transient failures, with exponential backoff, until requests have failed for {@link giveUpAfterMs}. Only the
   * attempts themselves count towards `limit`.
   */
  async #sendWithRetries<T>(
    call: Call,
    exchange: (access: Access) => Promise<ExchangeResult<T>>,
    limit: ConcurrencyLimit,
  ): Promise<T> {
    const { credentials, clock, log, signal, random } = this.#parts;
    let access = await credentials.access();
    let renewed = false;
    let failures = 0;
    let failingSince: number | undefined;
    for (;;) {
      const waitsSince = clock.now();
      let sentAt = waitsSince;
      const { failure, error, waitMs, value } = await this.#whenOpen(call.fence, limit, () => {
        sentAt = clock.now();
        return this.#attempt(call, () => exchange(access));
      });
      if (failure === undefined) return value;
      if (failure.from === 'server' && failure.status === 401 && !renewed) {
        log.debug(`${error.message}; renewing the credentials`);
        access = await credentials.renew(access);
        renewed = true;
        continue;
      }
      const retry =
        this.#lane?.retries !== false && shouldRetry(failure, { method: call.request.method, reached: this.#reached });
      failures += 1;
      const now = clock.now();
      // The time before this attempt, in which the fence was closed, is no time of failure.
      failingSince = failingSince === undefined ? now : failingSince + sentAt - waitsSince;
      const delay = delayMs(failures, { random: random(), ...(waitMs !== undefined && { retryAfterMs: waitMs }) });
      if (!retry || now + delay - failingSince > giveUpAfterMs(failure)) throw error;
      log.info(`${error.message}; retrying in ${(delay / 1000).toFixed(1)} s`);
      await clock.wait(delay, signal);
      if (signal.aborted) throw cancelled();
    }
  }

  /** Does `attempt` in a slot of `limit`, with the fence open at its start. */
  async #whenOpen<T>(fence: WriteFence | undefined, limit: ConcurrencyLimit, attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      if (fence !== undefined) await unlessAborted(fence.ready(), this.#parts.signal);
      const done = await limit.run(async () => {
        // The fence can have closed while the request waited for a slot.
        if (fence?.isOpen() === false) return undefined;
        return { result: await attempt() };
      });
      if (done !== undefined) return done.result;
    }
  }

  async #attempt<T>(call: Call, exchange: () => Promise<ExchangeResult<T>>): Promise<AttemptResult<T>> {
    let answer: ExchangeResult<T>;
    try {
      answer = await exchange();
    } catch (thrown) {
      if (thrown instanceof CutoverError) throw thrown;
      const failure = networkFailure(thrown);
      const error = unreachable(this.#parts.server, describeRequest(call.description), failure);
      return { failure: { from: 'network', failure }, error };
    }
    this.#reached = true;
    if (answer.errorBody === undefined) return { value: answer.value };
    const status = parseStatus(answer.errorBody);
    const waitMs = retryAfterMs(answer.headers, status);
    return {
      failure: {
        from: 'server',
        status: answer.status,
        ...(status?.reason && { reason: status.reason }),
        ...(status?.message && { message: status.message }),
        isQuotaRace: isQuotaRace(status, call.description),
        isRefusedByBudget: isRefusedByBudget(status),
      },
      error:
        answer.status < 400
          ? redirected(this.#parts.server, describeRequest(call.description), answer)
          : apiError(answer.status, answer.errorBody, call.description),
      ...(waitMs !== undefined && { waitMs }),
    };
  }
}

type AttemptResult<T> =
  | { readonly value: T; readonly failure?: undefined; readonly error?: undefined; readonly waitMs?: undefined }
  | { readonly failure: Failure; readonly error: CutoverError; readonly waitMs?: number; readonly value?: undefined };

/** As `work`, but rejects with `cancelled` when `signal` aborts first. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(cancelled());
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
