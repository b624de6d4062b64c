import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Clock } from '../clock.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { networkFailure, unreachable } from './network-error.js';
import { describeRequest, apiError, parseStatus } from './error-status.js';
import type { RequestDescription } from './error-status.js';
import { shouldRetry, delayMs, giveUpAfterMs, retryAfterMs } from './retry.js';
import type { Failure } from './retry.js';
import { cancelled } from './transport.js';
import type { Access, HttpAnswer, HttpRequest, Transport } from './transport.js';

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
  readonly #limit = new ConcurrencyLimit(maxConcurrentRequests);
  #reached = false;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** The same API server with a limit of its own. */
  lane({ timeoutMs }: { readonly timeoutMs: number }): Api {
    void timeoutMs;
    return new Api(this.#parts);
  }

  /** The answer if successful; throws any other as an error. */
  async send(call: Call): Promise<HttpAnswer> {
    return this.#limit.run(() =>
      this.#sendWithRetries(call, async access => {
        const answer = await this.#parts.transport.send(call.request, access);
        return { ...answer, value: answer, ...(answer.status >= 400 && { errorBody: answer.body }) };
      }),
    );
  }

  /** The body of a successful answer as a stream, until `signal` aborts. Does not count towards the limit of requests. */
  async open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#sendWithRetries(call, async access => {
      const { status, headers, body } = await this.#parts.transport.open(call.request, access, signal);
      if (status < 400) return { status, headers, value: body };
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return { status, headers, value: body, errorBody: Buffer.concat(chunks) };
    });
  }

  /** The answer with any status, without retries: for requests that the API server proxies. */
  async sendOnce(call: Call): Promise<HttpAnswer> {
    const { credentials, transport, server } = this.#parts;
    const attempt = async (access: Access): Promise<HttpAnswer> => {
      try {
        return await transport.send(call.request, access);
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

  /** Retries transient failures, with exponential backoff, until requests have failed for {@link giveUpAfterMs}. */
  async #sendWithRetries<T>(call: Call, exchange: (access: Access) => Promise<ExchangeResult<T>>): Promise<T> {
    const { credentials, clock, log, signal, random } = this.#parts;
    let access = await credentials.access();
    let renewed = false;
    let failures = 0;
    let failingSince: number | undefined;
    for (;;) {
      const { failure, error, waitMs, value } = await this.#attempt(call, () => exchange(access));
      if (failure === undefined) return value;
      if (failure.from === 'server' && failure.status === 401 && !renewed) {
        log.debug(`${error.message}; renewing the credentials`);
        access = await credentials.renew(access);
        renewed = true;
        continue;
      }
      const retry = shouldRetry(failure, { method: call.request.method, reached: this.#reached });
      failures += 1;
      const now = clock.now();
      failingSince ??= now;
      const delay = delayMs(failures, { random: random(), ...(waitMs !== undefined && { retryAfterMs: waitMs }) });
      if (!retry || now + delay - failingSince > giveUpAfterMs(failure)) throw error;
      log.info(`${error.message}; retrying in ${(delay / 1000).toFixed(1)} s`);
      await clock.wait(delay, signal);
      if (signal.aborted) throw cancelled();
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
      },
      error: apiError(answer.status, answer.errorBody, call.description),
      ...(waitMs !== undefined && { waitMs }),
    };
  }
}

type AttemptResult<T> =
  | { readonly value: T; readonly failure?: undefined; readonly error?: undefined; readonly waitMs?: undefined }
  | { readonly failure: Failure; readonly error: CutoverError; readonly waitMs?: number; readonly value?: undefined };
