import type { IncomingMessage } from 'node:http';
import { asCutoverError, CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Clock } from '../clock.js';
import type { WatchEvent } from '../cluster.js';
import { WatchCache } from './watch-cache.js';

/** The requests of a watch. */
export interface WatchSource {
  /** Kind in log lines. */
  readonly kind: string;
  /** Opens a stream of JSON lines; throws as any other request. */
  open(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage>;
  /** All objects, with the version from which a watch continues. */
  list(): Promise<{ readonly objects: readonly KubeObject[]; readonly resourceVersion: string }>;
}

export interface WatchParts {
  readonly source: WatchSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly random: () => number;
}

/** One line of the stream. */
type Line =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number; readonly message?: string } };

/** The API server ends each watch after this time; a connection without data is closed a little later. */
const timeoutSeconds = 240;
/** Interval of lists where watching is forbidden. */
const pollMs = 2_000;
const initialEventsEnd = 'k8s.io/initial-events-end';

/**
 * Existing objects, `synced`, then every change until the signal aborts. A dropped connection resumes at the last version;
 * an expired version starts a new initial list and reports deleted objects. Without the permission to watch, all objects
 * are listed every two seconds instead, and a warning contains the missing rule. Throws errors that a retry cannot solve.
 */
export async function* watchKind(parts: WatchParts): AsyncGenerator<WatchEvent, void, undefined> {
  const { source, clock, log, signal, random } = parts;
  const cache = new WatchCache();
  let streamsInitialList = true; // until the API server says that it cannot stream the initial list
  let synced = false;
  let fruitlessConnections = 0; // consecutive connections without an event
  while (!signal.aborted) {
    let receivedEvents = false;
    try {
      if (cache.resourceVersion === undefined && !streamsInitialList) {
        const { objects, resourceVersion } = await source.list();
        yield* cache.replaceAll(objects, resourceVersion);
        if (!synced) yield { type: 'synced' };
        synced = true;
      }
      const starting = cache.resourceVersion === undefined;
      if (starting) cache.beginList();
      for await (const line of linesOf(parts, startQuery(cache.resourceVersion))) {
        if (line.type === 'ERROR') {
          if (line.object.code === 410)
            throw new CutoverError('the resourceVersion of the watch has expired', { code: 'expired' });
          log.debug(`watch of ${source.kind}: ${line.object.message ?? 'error without a message'}`);
          break;
        }
        receivedEvents = true;
        if (line.type !== 'BOOKMARK') {
          yield* cache.update(line.type, line.object);
          continue;
        }
        if (line.object.metadata.annotations?.[initialEventsEnd] === 'true') yield* cache.completeList();
        cache.setVersion(line.object);
        if (cache.isComplete && !synced) {
          synced = true;
          yield { type: 'synced' };
        }
      }
      log.debug(`watch of ${source.kind} ended; resuming`);
    } catch (thrown) {
      if (isAborted(signal)) return;
      if (!(thrown instanceof CutoverError)) log.debug(`watch of ${source.kind} was interrupted; resuming`);
      else if (thrown.code === 'expired') cache.clearVersion();
      else if (thrown.code === 'invalid' && streamsInitialList && cache.resourceVersion === undefined)
        streamsInitialList = false;
      else if (thrown.code === 'forbidden') return yield* pollList(parts, { cache, synced, denied: thrown });
      else throw thrown;
    }
    fruitlessConnections = receivedEvents && cache.isComplete ? 0 : fruitlessConnections + 1;
    // The first reconnect is immediate: most connections end because of their timeout. Later ones come within a second,
    // because a delay also delays every wait for pods.
    if (fruitlessConnections > 1)
      await clock.wait(Math.min(125 * 2 ** fruitlessConnections, 1_000) * (0.5 + random() / 2), signal);
  }
}

/** The same without the permission to watch. Throws `denied` if there is no permission to list either. */
async function* pollList(
  { source, clock, log, signal }: WatchParts,
  state: { readonly cache: WatchCache; readonly synced: boolean; readonly denied: CutoverError },
): AsyncGenerator<WatchEvent, void, undefined> {
  const { cache, denied } = state;
  const { message, hint = '' } = denied;
  let { synced } = state;
  let warned = false;
  while (!signal.aborted) {
    const { objects, resourceVersion } = await source.list().catch((thrown: unknown) => {
      throw asCutoverError(thrown).code === 'forbidden' ? denied : thrown;
    });
    if (!warned) log.warning(`${message}; listing every ${pollMs / 1000} s instead. ${hint}`.trim());
    warned = true;
    yield* cache.replaceAll(objects, resourceVersion);
    if (!synced) yield { type: 'synced' };
    synced = true;
    await clock.wait(pollMs, signal);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function startQuery(resourceVersion: string | undefined): Readonly<Record<string, string>> {
  const always = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds) };
  if (resourceVersion !== undefined) return { ...always, resourceVersion };
  return { ...always, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' };
}

/** The lines of one connection, until it ends, the signal aborts, or no data arrives for too long. */
async function* linesOf(
  parts: WatchParts,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<Line, void, undefined> {
  const { source, clock, signal } = parts;
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const body = await source.open(query, end);
  const idleTimeout = clock.wait((timeoutSeconds + 15) * 1000, end).then(() => body.destroy());
  body.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of body) {
      const lines = `${rest}${chunk as string}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as Line;
    }
  } finally {
    ending.abort();
    body.destroy();
    await idleTimeout;
  }
}
