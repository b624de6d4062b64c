import type { IncomingMessage } from 'node:http';
import { asCutoverError, CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Clock } from '../clock.js';
import type { WatchEvent } from '../cluster.js';
import { WatchMemory } from './watch-memory.js';

/** How a watch reads the cluster. */
export interface WatchSource {
  /** The kind's name, for the log. */
  readonly kind: string;
  /** Opens a stream of JSON lines; throws as every request does. */
  open(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage>;
  /** Everything there is, with the version from which a watch continues. */
  list(): Promise<{ readonly objects: readonly KubeObject[]; readonly resourceVersion: string }>;
}

export interface WatchParts {
  readonly source: WatchSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly random: () => number;
}

/** What one connection told before it ended. */
type Line =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number; readonly message?: string } };

/** The API server ends each watch after this many seconds; a silent connection is given up a little later. */
const serverEndsAfter = 240;
/** Between two questions where watching is forbidden and listing is not. */
const pollMs = 2_000;
const initialEventsEnd = 'k8s.io/initial-events-end';

/**
 * What is there, `synced`, then every change until the signal aborts. A dropped connection resumes where it stopped; a
 * version that is too old starts again and tells what vanished. Where the right to watch is missing, everything is listed
 * every two seconds instead, and a warning names the rule. Throws only what trying again cannot mend.
 */
export async function* watchKind(parts: WatchParts): AsyncGenerator<WatchEvent, void, undefined> {
  const { source, clock, log, signal, random } = parts;
  const memory = new WatchMemory();
  let streamed = true; // until the API server says that it cannot stream the initial list
  let synced = false;
  let quiet = 0; // connections in a row that brought it no further
  while (!signal.aborted) {
    let told = false;
    try {
      if (memory.resourceVersion === undefined && !streamed) {
        const { objects, resourceVersion } = await source.list();
        yield* memory.replaceAll(objects, resourceVersion);
        if (!synced) yield { type: 'synced' };
        synced = true;
      }
      const starting = memory.resourceVersion === undefined;
      if (starting) memory.restart();
      for await (const line of linesOf(parts, startQuery(memory.resourceVersion))) {
        if (line.type === 'ERROR') {
          if (line.object.code === 410) throw new CutoverError('the watch is too old', { code: 'expired' });
          log.debug(`watch of ${source.kind}: ${line.object.message ?? 'an error without words'}`);
          break;
        }
        told = true;
        if (line.type !== 'BOOKMARK') {
          yield* memory.tell(line.type, line.object);
          continue;
        }
        if (line.object.metadata.annotations?.[initialEventsEnd] === 'true') yield* memory.complete();
        memory.advance(line.object);
        if (memory.whole && !synced) {
          synced = true;
          yield { type: 'synced' };
        }
      }
      log.debug(`watch of ${source.kind} ended; resuming`);
    } catch (thrown) {
      if (isAborted(signal)) return;
      if (!(thrown instanceof CutoverError)) log.debug(`watch of ${source.kind} broke; resuming`);
      else if (thrown.code === 'expired') memory.forgetVersion();
      else if (thrown.code === 'invalid' && streamed && memory.resourceVersion === undefined) streamed = false;
      else if (thrown.code === 'forbidden') return yield* listed(parts, { memory, synced, denied: thrown });
      else throw thrown;
    }
    quiet = told && memory.whole ? 0 : quiet + 1;
    // The first repetition is immediate: most connections end because their time was up. Later ones come within a second,
    // since whoever waits for pods would learn of them that much later.
    if (quiet > 1) await clock.wait(Math.min(125 * 2 ** quiet, 1_000) * (0.5 + random() / 2), signal);
  }
}

/** The same without the right to watch. Throws that denial if there is no right to list either. */
async function* listed(
  { source, clock, log, signal }: WatchParts,
  from: { readonly memory: WatchMemory; readonly synced: boolean; readonly denied: CutoverError },
): AsyncGenerator<WatchEvent, void, undefined> {
  const { memory, denied } = from;
  const { message, hint = '' } = denied;
  let { synced } = from;
  let told = false;
  while (!signal.aborted) {
    const { objects, resourceVersion } = await source.list().catch((thrown: unknown) => {
      throw asCutoverError(thrown).code === 'forbidden' ? denied : thrown;
    });
    if (!told) log.warning(`${message}; asking every ${pollMs / 1000} s instead. ${hint}`.trim());
    told = true;
    yield* memory.replaceAll(objects, resourceVersion);
    if (!synced) yield { type: 'synced' };
    synced = true;
    await clock.wait(pollMs, signal);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function startQuery(resourceVersion: string | undefined): Readonly<Record<string, string>> {
  const always = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(serverEndsAfter) };
  if (resourceVersion !== undefined) return { ...always, resourceVersion };
  return { ...always, sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' };
}

/** The lines of one connection. It ends with the connection, with the signal, or when nothing came for too long. */
async function* linesOf(
  parts: WatchParts,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<Line, void, undefined> {
  const { source, clock, signal } = parts;
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const body = await source.open(query, end);
  const silence = clock.wait((serverEndsAfter + 15) * 1000, end).then(() => body.destroy());
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
    await silence;
  }
}
