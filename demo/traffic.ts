import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

/** How a steady stream of requests is made. */
export interface TrafficOptions {
  readonly url: string;
  /** Requests a second, each on a connection of its own. Default 50. */
  readonly perSecond?: number;
  /** Requests a second on one kept-alive connection, counted apart. Default 0. */
  readonly keptAlivePerSecond?: number;
  /** Which version an answer comes from. Default: the body, in one line. */
  readonly version?: (body: string) => string;
  /** Status of an answer that is not lost. Default 200. */
  readonly status?: number;
  /** Milliseconds after which an unanswered request is lost. Default 5 000. */
  readonly timeoutMs?: number;
  /**
   * Go round the source addresses 127.0.0.2–251 (Linux only). A real node's connection tracking may hold a source port
   * for a pod that is gone; without this, a busy client sees losses that no user would.
   */
  readonly rotateSource?: boolean;
}

/** One request without a proper answer. */
export interface Loss {
  /** Milliseconds after the start. */
  readonly atMs: number;
  readonly why: string;
}

/** What was seen so far. */
export interface TrafficCounts {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** The first hundred losses. */
  readonly losses: readonly Loss[];
  /** Answers by version. */
  readonly byVersion: Readonly<Record<string, number>>;
  /** The version of the answers in the order in which they came; equal neighbours are one entry. */
  readonly timeline: readonly { readonly version: string; readonly fromMs: number; readonly toMs: number }[];
  /** Milliseconds between two answers that came one after the other, at most. */
  readonly longestGapMs: number;
  /** Milliseconds of the slowest answer. */
  readonly slowestMs: number;
  /** The same counts for the kept-alive connection. A connection that the server closed is opened again. */
  readonly keptAlive: { readonly sent: number; readonly lost: number; readonly byVersion: Record<string, number> };
}

/** A running stream of requests. */
export interface Traffic {
  counts(): TrafficCounts;
  /** Resolves once `answers` more requests than now have been answered or lost; by counting, not by time. */
  more(answers: number): Promise<void>;
  /** No new requests; resolves when the last one is answered or lost. */
  stop(): Promise<TrafficCounts>;
}

/** Starts the stream at once. */
export function startTraffic(options: TrafficOptions): Traffic {
  const begun = performance.now();
  const now = (): number => performance.now() - begun;
  const version = options.version ?? ((body: string) => body.trim().replaceAll(/\s+/g, ' '));
  const losses: Loss[] = [];
  const byVersion: Record<string, number> = {};
  const timeline: { version: string; fromMs: number; toMs: number }[] = [];
  const keptAlive = { sent: 0, lost: 0, byVersion: {} as Record<string, number> };
  const waiting = new Set<{ due: number; done: () => void }>();
  const open = new Set<Promise<void>>();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let sent = 0;
  let lost = 0;
  let answered = 0;
  let longestGapMs = 0;
  let slowestMs = 0;
  let lastAnswer: number | undefined;

  const settle = (): void => {
    for (const waiter of waiting)
      if (answered + lost >= waiter.due) {
        waiting.delete(waiter);
        waiter.done();
      }
  };
  const one = async (): Promise<void> => {
    const number = (sent += 1);
    const at = now();
    try {
      const seen = version(await ask(options, number));
      answered += 1;
      byVersion[seen] = (byVersion[seen] ?? 0) + 1;
      const end = now();
      slowestMs = Math.max(slowestMs, end - at);
      if (lastAnswer !== undefined) longestGapMs = Math.max(longestGapMs, end - lastAnswer);
      lastAnswer = end;
      const last = timeline.at(-1);
      if (last?.version === seen) last.toMs = end;
      else timeline.push({ version: seen, fromMs: end, toMs: end });
    } catch (reason) {
      lost += 1;
      if (losses.length < 100) losses.push({ atMs: at, why: why(reason) });
    }
    settle();
  };
  const oneKeptAlive = async (): Promise<void> => {
    keptAlive.sent += 1;
    try {
      const seen = version(await ask({ ...options, agent }, 0));
      keptAlive.byVersion[seen] = (keptAlive.byVersion[seen] ?? 0) + 1;
    } catch {
      keptAlive.lost += 1;
    }
  };

  const streams = [
    steadily(options.perSecond ?? 50, () => hold(one())),
    ...(options.keptAlivePerSecond ? [steadily(options.keptAlivePerSecond, () => hold(oneKeptAlive()))] : []),
  ];
  function hold(work: Promise<void>): void {
    open.add(work);
    void work.finally(() => open.delete(work));
  }
  const counts = (): TrafficCounts => ({
    sent,
    answered,
    lost,
    losses: [...losses],
    byVersion: { ...byVersion },
    timeline: timeline.map(entry => ({ ...entry })),
    longestGapMs,
    slowestMs,
    keptAlive: { ...keptAlive, byVersion: { ...keptAlive.byVersion } },
  });
  return {
    counts,
    more: answers => new Promise(done => waiting.add({ due: answered + lost + answers, done })),
    stop: async () => {
      for (const end of streams) end();
      await Promise.all(open);
      agent.destroy();
      return counts();
    },
  };
}

/** Calls `work` at a steady pace that does not drift; a late timer is made up for. Returns the end of it. */
function steadily(perSecond: number, work: () => void): () => void {
  const begun = performance.now();
  let calls = 0;
  const timer = setInterval(
    () => {
      const due = ((performance.now() - begun) / 1000) * perSecond;
      // A machine that stood still must not answer with a burst: at most five at a time are made up for.
      if (due - calls > 5) calls = Math.floor(due) - 5;
      while (calls < due) {
        calls += 1;
        work();
      }
    },
    Math.max(1, 1000 / perSecond / 2),
  );
  return () => clearInterval(timer);
}

type Ask = TrafficOptions & { readonly agent?: Agent };

/** One GET. Resolves with the body of a proper answer, throws for anything else. */
async function ask(options: Ask, number: number): Promise<string> {
  return await new Promise((resolve, reject) => {
    const sending: ClientRequest = request(
      options.url,
      {
        agent: options.agent ?? false,
        ...(options.rotateSource === true ? { localAddress: `127.0.0.${2 + (number % 250)}` } : {}),
      },
      answer => {
        read(answer, options).then(resolve, reject);
      },
    );
    sending.setTimeout(options.timeoutMs ?? 5000, () => {
      sending.destroy(new Error(`no answer within ${options.timeoutMs ?? 5000} ms`));
    });
    sending.on('error', (error: NodeJS.ErrnoException) => {
      // The server may close an idle connection just as a request is sent on it; every client then asks once more.
      if (sending.reusedSocket && error.code === 'ECONNRESET') ask(options, number).then(resolve, reject);
      else reject(error);
    });
    sending.end();
  });
}

async function read(answer: IncomingMessage, options: Ask): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  const expected = options.status ?? 200;
  if (answer.statusCode !== expected) throw new Error(`status ${answer.statusCode ?? 0}, not ${expected}`);
  return Buffer.concat(parts).toString('utf8');
}

function why(reason: unknown): string {
  const error = reason as NodeJS.ErrnoException;
  return error.code === undefined ? error.message : `${error.code}: ${error.message}`;
}
