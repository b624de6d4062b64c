import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { systemClock, type Clock } from '../../cluster/clock.js';
import type { HttpAnswer } from '../../verify/expectation.js';
import { longestBody, longestRequestMs, noAnswer, replyOf, userAgent, type Reply, type Send } from './reply.js';
import { untilTooLong } from './too-long.js';

/** How much of a body is read on a connection that is kept alive, in bytes: it can only be used again after the end of the answer. */
const longestRead = 5_000_000;
const tooLarge = 'the page is too large to be read to its end, so the connection cannot be used again';

/** Errors of this machine, which would meet any other address too. */
const ownErrors: ReadonlySet<string> = new Set([
  ...['EAI_AGAIN', 'EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENETDOWN', 'ENETUNREACH'],
]);

/** Requests over the network, as users send them: each on a connection of its own. Redirects are not followed. */
export function byUrl(url: string, clock: Clock = systemClock): Send {
  return signal => exchange({ url, clock, agent: false, signal });
}

/** The same on one connection that is kept alive. Only one request may be under way. `close` ends the connection. */
export function onKeptConnection(
  url: string,
  clock: Clock = systemClock,
): { readonly send: Send; readonly close: () => void } {
  const isHttps = new URL(url).protocol === 'https:';
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = isHttps ? new HttpsAgent(options) : new HttpAgent(options);
  /** Whether the last answer was broken off here, so that the server is not to blame for the next connection. */
  let isClosedHere = false;
  return {
    send: async signal => {
      const ended = { byServer: false };
      const reply = await exchange({ url, clock, agent, signal, ended });
      // As browsers do: the server had closed the idle connection, and has not seen the request.
      const last = ended.byServer ? await exchange({ url, clock, agent, signal, ended }) : reply;
      const wasClosedHere = isClosedHere;
      isClosedHere = last.kind === 'unknown' && last.why === tooLarge;
      return wasClosedHere && last.kind === 'answered' ? { ...last, isNewConnection: false } : last;
    },
    close: () => agent.destroy(),
  };
}

interface Exchange {
  readonly url: string;
  readonly clock: Clock;
  readonly agent: RequestOptions['agent'];
  readonly signal: AbortSignal;
  /** On a connection that is kept alive: where it is noted that the server had closed it before the request. */
  readonly ended?: { byServer: boolean };
}

async function exchange({ url, clock, agent, signal, ended }: Exchange): Promise<Reply> {
  const send = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest;
  const request = send(url, { agent, signal, headers: { 'user-agent': userAgent, accept: '*/*' } });
  const isKept = ended !== undefined;
  const progress: Progress = { hasAnswered: false, bytes: 0, mostBytes: isKept ? longestRead : longestBody };
  const reply = answerTo(request, progress).then(
    (answer): Reply =>
      isKept && progress.bytes > longestRead
        ? { kind: 'unknown', why: tooLarge }
        : replyOf(answer, !request.reusedSocket),
    (thrown: unknown): Reply => {
      const { code = String(thrown) } = thrown as NodeJS.ErrnoException;
      if (ended !== undefined && request.reusedSocket && !progress.hasAnswered && code === 'ECONNRESET')
        ended.byServer = true;
      return { kind: ownErrors.has(code) ? 'unknown' : 'failed', why: code };
    },
  );
  const done = new AbortController();
  const late = untilTooLong(clock, longestRequestMs, AbortSignal.any([signal, done.signal])).then((own): Reply => {
    if (!done.signal.aborted) request.destroy();
    if (progress.bytes > longestBody) return { kind: 'unknown', why: tooLarge };
    return own === undefined ? { kind: 'failed', why: noAnswer } : { kind: 'unknown', why: own };
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    done.abort();
  }
}

interface Progress {
  hasAnswered: boolean;
  /** Of the body. */
  bytes: number;
  /** More of the body is not read. */
  readonly mostBytes: number;
}

function answerTo(request: ClientRequest, progress: Progress): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', response => {
      progress.hasAnswered = true;
      read(response, progress).then(resolve, reject);
    });
    request.end();
  });
}

async function read(response: IncomingMessage, progress: Progress): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    if (progress.bytes <= longestBody) chunks.push(chunk as Buffer);
    progress.bytes += (chunk as Buffer).length;
    if (progress.bytes > progress.mostBytes) break;
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')] as const);
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) };
}
