import { Worker } from 'node:worker_threads';
import { build, stop as stopCompiler } from 'esbuild';
import type { TrafficBatch, TrafficOrder, TrafficPlan, TrafficRequest } from './batch.js';
import { Tally } from './tally.js';
import type { TrafficCounts } from './tally.js';

export type { Loss, StreamCounts, TrafficCounts, VersionTimes } from './tally.js';

/** Options of a steady stream of requests. */
export interface TrafficOptions {
  /** An `http:` URL. */
  readonly url: string;
  /** Requests per second, each on its own connection. Default 50. */
  readonly perSecond?: number;
  /**
   * Additional requests, counted separately: `perSecond` over all these connections in turn. A connection sends one request
   * after the other; one that the server closed is replaced. Default: none.
   */
  readonly keptAlive?: { readonly connections: number; readonly perSecond: number };
  /** Extracts the version from the body of an answer. Default: the body on one line. */
  readonly version?: (body: string) => string;
  /** Status of an answer that is not lost. Default 200. */
  readonly status?: number;
  /** Milliseconds after which an unanswered request is lost. Default 5 000. */
  readonly timeoutMs?: number;
  /**
   * Rotate the source addresses 127.0.0.2–251 (Linux only). The connection tracking of a real node may keep a source port
   * for a deleted pod; without rotation, a busy client has losses that no user would have. Default false.
   */
  readonly rotateSource?: boolean;
}

/** A running stream of requests. */
export interface Traffic {
  /** The counts so far; after `stop`, the final ones. */
  counts(): Promise<TrafficCounts>;
  /**
   * Resolves once this number of requests on their own connections, started after this call, were answered or lost. Rejects
   * if the stream is stopped before.
   */
  more(requests: number): Promise<void>;
  /** Stops sending; resolves when the last request is answered or lost. Returns the same promise each time. */
  stop(): Promise<TrafficCounts>;
}

/** Starts the stream in its own thread. Throws unless the URL is `http:`. */
export function startTraffic(options: TrafficOptions): Traffic {
  const plan = planOf(options);
  const tally = new Tally({ version: options.version ?? inOneLine, connections: plan.keptAlive.connections });
  const waiting = new Map<number, { readonly resolve: () => void; readonly reject: (reason: Error) => void }>();
  let ids = 0;
  let ended: Error | undefined;
  let stopped: Promise<TrafficCounts> | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  const thread = startThread(plan).then(worker => {
    worker.on('message', (batch: TrafficBatch) => {
      tally.take(batch);
      const id = batch.id ?? 0;
      waiting.get(id)?.resolve();
      waiting.delete(id);
    });
    worker.on('error', end);
    worker.on('exit', () => end(new Error('the stream of requests was stopped')));
    return worker;
  });
  const ask = async (order: TrafficOrder): Promise<void> => {
    const worker = await thread;
    if (ended) throw ended;
    await new Promise<void>((resolve, reject) => {
      waiting.set((ids += 1), { resolve, reject });
      worker.postMessage({ id: ids, order } satisfies TrafficRequest);
    });
  };
  const stop = async (): Promise<TrafficCounts> => {
    await ask('stop');
    await (await thread).terminate();
    return tally.counts();
  };
  return {
    counts: async () => {
      if (stopped) return await stopped;
      await ask('report');
      return tally.counts();
    },
    more: requests => ask({ more: requests }),
    stop: () => (stopped ??= stop()),
  };
}

function planOf(options: TrafficOptions): TrafficPlan {
  const { protocol, hostname, port, host, pathname, search } = new URL(options.url);
  if (protocol !== 'http:') throw new Error(`${options.url} is not an http: URL`);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    authority: host,
    path: pathname + search,
    perSecond: options.perSecond ?? 50,
    keptAlive: options.keptAlive ?? { connections: 0, perSecond: 0 },
    status: options.status ?? 200,
    timeoutMs: options.timeoutMs ?? 5000,
    rotateSource: options.rotateSource ?? false,
  };
}

let program: Promise<string> | undefined;

async function startThread(plan: TrafficPlan): Promise<Worker> {
  program ??= compile();
  return new Worker(await program, { eval: true, workerData: plan });
}

/** A worker thread can load neither jest's modules nor a bundle's, and Node 20 no TypeScript: a bundled text works everywhere. */
async function compile(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['__tests__/support/traffic/worker.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  });
  await stopCompiler();
  return outputFiles[0]?.text ?? '';
}

function inOneLine(body: string): string {
  return body.trim().replaceAll(/\s+/g, ' ');
}
