import { Worker } from 'node:worker_threads';
import { build, stop as stopCompiler } from 'esbuild';
import type { TrafficBatch, TrafficOrder, TrafficPlan, TrafficRequest } from './batch.js';
import { Tally } from './tally.js';
import type { TrafficCounts } from './tally.js';

export type { Loss, StreamCounts, TrafficCounts, VersionTimes } from './tally.js';

/** How a steady stream of requests is made. */
export interface TrafficOptions {
  /** An `http:` address. */
  readonly url: string;
  /** Requests a second, each on a connection of its own. Default 50. */
  readonly perSecond?: number;
  /**
   * Requests beside those, counted apart: so many a second over all of these connections in turn. A connection sends
   * its requests one after the other; one that the server closed is made again. Default: none.
   */
  readonly keptAlive?: { readonly connections: number; readonly perSecond: number };
  /** Which version an answer comes from. Default: the body, in one line. */
  readonly version?: (body: string) => string;
  /** Status of an answer that is not lost. Default 200. */
  readonly status?: number;
  /** Milliseconds after which an unanswered request is lost. Default 5 000. */
  readonly timeoutMs?: number;
  /**
   * Go round the source addresses 127.0.0.2–251 (Linux only). A real node's connection tracking may hold a source port
   * for a pod that is gone; without this, a busy client sees losses that no user would. Default false.
   */
  readonly rotateSource?: boolean;
}

/** A running stream of requests. */
export interface Traffic {
  /** Everything that has ended so far. After `stop`, what it resolved with. */
  counts(): Promise<TrafficCounts>;
  /**
   * Resolves once so many requests on connections of their own that were begun after this call have been answered or
   * lost; by counting, not by time. Rejects when the stream is stopped before.
   */
  more(requests: number): Promise<void>;
  /** No new requests; resolves when the last one is answered or lost. The same promise each time. */
  stop(): Promise<TrafficCounts>;
}

/** Starts the stream. It is sent from a thread of its own. Throws for an address that is not `http:`. */
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
    worker.on('exit', () => end(new Error('the stream of requests has ended')));
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
  if (protocol !== 'http:') throw new Error(`${options.url} is not an address of http`);
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

/** Threads know neither jest's modules nor those of a bundle, and Node 20 no TypeScript: one text works everywhere. */
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
