import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Clock } from '../clock.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { networkFailure, unreachable } from './network-error.js';
import { describeAsked, refusal, statusOf } from './refusal.js';
import type { Asked } from './refusal.js';
import { decide, delayMs, giveUpAfterMs, retryAfterMs } from './retry.js';
import type { Failure } from './retry.js';
import { cancelled } from './transport.js';
import type { Access, HttpAnswer, HttpRequest, Transport } from './transport.js';

/** Says who asks, and says it anew when the API server no longer accepts it. */
export interface Credentials {
  access(): Promise<Access>;
  /** Fresh ones (exec plugins are run again), unless that was already done since `stale` was handed out. */
  renew(stale: Access): Promise<Access>;
}

/** One request, with what an error about it has to name. */
export interface Call {
  readonly asked: Asked;
  readonly request: HttpRequest;
}

/** What {@link Api} is made of. */
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

interface Exchange<T> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Body of a refusal; `undefined` for success. */
  readonly refused?: Buffer;
  readonly value: T;
}

const operation = 10;

/** Requests to the API server: who asks, how often, and what an answer means. */
export class Api {
  readonly #parts: ApiParts;
  readonly #gate = new ConcurrencyLimit(operation);
  #reached = false;

  constructor(parts: ApiParts) {
    this.#parts = parts;
  }

  /** The answer of a success; everything else is thrown. */
  async send(call: Call): Promise<HttpAnswer> {
    return this.#gate.run(() =>
      this.#persist(call, async access => {
        const answer = await this.#parts.transport.send(call.request, access);
        return { ...answer, value: answer, ...(answer.status >= 400 && { refused: answer.body }) };
      }),
    );
  }

  /** The body of a success as it comes in, for as long as `signal` allows. It takes no part in the limit of requests. */
  async open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#persist(call, async access => {
      const { status, headers, body } = await this.#parts.transport.open(call.request, access, signal);
      if (status < 400) return { status, headers, value: body };
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return { status, headers, value: body, refused: Buffer.concat(chunks) };
    });
  }

  /** The answer whatever its status, tried once: for what lies behind the API server. */
  async pass(call: Call): Promise<HttpAnswer> {
    const { credentials, transport, server } = this.#parts;
    const attempt = async (access: Access): Promise<HttpAnswer> => {
      try {
        return await transport.send(call.request, access);
      } catch (thrown) {
        if (thrown instanceof CutoverError) throw thrown;
        throw unreachable(server, describeAsked(call.asked), networkFailure(thrown));
      }
    };
    const access = await credentials.access();
    const answer = await attempt(access);
    const ours = answer.status === 401 && statusOf(answer.body) !== undefined;
    return ours ? attempt(await credentials.renew(access)) : answer;
  }

  /** Repeats what can succeed later: by code, with patience that grows, for at most a minute of unbroken failure. */
  async #persist<T>(call: Call, exchange: (access: Access) => Promise<Exchange<T>>): Promise<T> {
    const { credentials, clock, log, signal, random } = this.#parts;
    let access = await credentials.access();
    let renewed = false;
    let failures = 0;
    let since: number | undefined;
    for (;;) {
      const { failure, error, waitMs, value } = await this.#attempt(call, () => exchange(access));
      if (failure === undefined) return value;
      if (failure.from === 'server' && failure.status === 401 && !renewed) {
        log.debug(`${error.message}; renewing the credentials`);
        access = await credentials.renew(access);
        renewed = true;
        continue;
      }
      const { again } = decide(failure, { method: call.request.method, reached: this.#reached });
      failures += 1;
      const now = clock.now();
      since ??= now;
      const delay = delayMs(failures, { random: random(), ...(waitMs !== undefined && { retryAfterMs: waitMs }) });
      if (!again || now + delay - since > giveUpAfterMs(failure)) throw error;
      log.info(`${error.message}; trying again in ${(delay / 1000).toFixed(1)} s`);
      await clock.wait(delay, signal);
      if (signal.aborted) throw cancelled();
    }
  }

  async #attempt<T>(call: Call, exchange: () => Promise<Exchange<T>>): Promise<Outcome<T>> {
    let answer: Exchange<T>;
    try {
      answer = await exchange();
    } catch (thrown) {
      if (thrown instanceof CutoverError) throw thrown;
      const failure = networkFailure(thrown);
      const error = unreachable(this.#parts.server, describeAsked(call.asked), failure);
      return { failure: { from: 'network', failure }, error };
    }
    this.#reached = true;
    if (answer.refused === undefined) return { value: answer.value };
    const status = statusOf(answer.refused);
    const waitMs = retryAfterMs(answer.headers, status);
    return {
      failure: {
        from: 'server',
        status: answer.status,
        ...(status?.reason && { reason: status.reason }),
        ...(status?.message && { message: status.message }),
      },
      error: refusal(answer.status, answer.refused, call.asked),
      ...(waitMs !== undefined && { waitMs }),
    };
  }
}

type Outcome<T> =
  | { readonly value: T; readonly failure?: undefined; readonly error?: undefined; readonly waitMs?: undefined }
  | { readonly failure: Failure; readonly error: CutoverError; readonly waitMs?: number; readonly value?: undefined };
