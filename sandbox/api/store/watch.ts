import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Faults } from '../../faults.js';
import type { SeenCall } from '../../sandbox.js';
import { objectAt, type JsonObject } from '../schema/json.js';
import { apiVersionOf, resourceOf } from '../schema/kinds.js';
import { inVersion } from '../schema/versions.js';
import { selection } from '../writes/reads.js';
import type { Registry } from './registry.js';
import { isTrue, type ResourceRequest } from '../http/request.js';
import {
  expired,
  forbiddenValue,
  invalid,
  notANumber,
  refusal,
  unsupportedValue,
  type ApiError,
} from '../http/status.js';
import type { Change } from './storage.js';
import { tableOf } from '../http/table.js';

/** The parameters of a watch. */
export interface WatchCall {
  readonly request: ResourceRequest;
  readonly call: SeenCall;
  readonly table: boolean;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** End after the first events, as a dropped connection would. */
  readonly endEarly: boolean;
}

/** The interval of bookmarks, if the client allows them. */
const bookmarkMs = 60_000;
/** A watch without `timeoutSeconds` ends after this, as on a real API server (30 to 60 minutes). */
const longestMs = 30 * 60_000;

function checkOptions(
  { query }: ResourceRequest,
  revision: number,
): { readonly initial: boolean; readonly from: number | undefined } {
  const initial = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch');
  const listOptions = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' };
  if (initial !== null && match !== 'NotOlderThan') {
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    const unknown = match === null ? [] : [unsupportedValue('resourceVersionMatch', match, ['NotOlderThan'])];
    throw invalid(listOptions, '', [forbiddenValue('resourceVersionMatch', why), ...unknown]);
  }
  if (initial === null && match !== null) {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    throw invalid(listOptions, '', [forbiddenValue('resourceVersionMatch', why)]);
  }
  const version = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(version)) throw refusal(500, '', { message: notANumber(version) });
  const all = version === '' || version === '0';
  if (initial !== null && !isTrue(initial)) return { initial: false, from: all ? revision : Number(version) };
  return { initial: isTrue(initial), from: all || isTrue(initial) ? undefined : Number(version) };
}

/** Streams changes as JSON lines until the client disconnects, the time is over, or a fault ends it. */
export function watchObjects(registry: Registry, faults: Faults, watch: WatchCall): void {
  const { request, response } = watch;
  const { kind, query } = request;
  const { initial, from } = checkOptions(request, registry.storage.revision);
  const matches = selection(request);
  const inNamespace = (object: JsonObject): boolean =>
    request.namespace === '' || objectAt(object, 'metadata').namespace === request.namespace;
  const wanted = (object: JsonObject): boolean => inNamespace(object) && matches(object);

  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  // Headers go out at once: a watch over nothing must still be seen to have begun.
  response.flushHeaders();
  const tell = (type: string, object: JsonObject): void => {
    const shown = inVersion(kind, object);
    response.write(`${JSON.stringify({ type, object: watch.table ? tableOf(kind, [shown], {}) : shown })}\n`);
  };
  const bookmark = (annotations?: JsonObject): void => {
    const metadata: JsonObject = { resourceVersion: String(registry.storage.revision) };
    if (annotations !== undefined) metadata.annotations = annotations;
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  };
  const fail = (error: ApiError): void => {
    response.write(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`);
    end();
  };
  const show = (change: Change): void => {
    const now = change.type !== 'DELETED' && wanted(change.object);
    const before = change.previous !== undefined && wanted(change.previous);
    if (now) tell(before ? 'MODIFIED' : 'ADDED', change.object);
    else if (before) tell('DELETED', lastSeen(change));
  };

  const timers: NodeJS.Timeout[] = [];
  const ends: (() => void)[] = [];
  const end = (): void => {
    timers.forEach(timer => clearTimeout(timer));
    ends.splice(0).forEach(stop => stop());
    response.end();
  };
  const tooOld = (): ApiError => expired(`too old resource version: ${from ?? 0} (${registry.storage.revision})`);

  if (from === undefined) {
    for (const object of registry.list(kind, request.namespace).filter(matches)) tell('ADDED', object);
    if (initial && isTrue(query.get('allowWatchBookmarks'))) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else {
    const missed = registry.storage.since(resourceOf(kind), from);
    if (missed === undefined) {
      fail(tooOld());
      return;
    }
    missed.forEach(show);
  }
  if (watch.endEarly) {
    end();
    return;
  }
  ends.push(registry.storage.listen(resourceOf(kind), show));
  ends.push(
    faults.watching(watch.call, fault => {
      if (fault.do === 'gone') fail(tooOld());
      else end();
    }),
  );
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  timers.push(setTimeout(end, seconds > 0 ? seconds * 1000 : longestMs));
  if (isTrue(query.get('allowWatchBookmarks'))) timers.push(setInterval(() => bookmark(), bookmarkMs));
  watch.incoming.on('close', end);
  response.on('close', end);
}

/** What a DELETED event carries: the object as it was last selected, under the revision of the change. */
function lastSeen(change: Change): JsonObject {
  if (change.type === 'DELETED') return change.object;
  const last = change.previous ?? change.object;
  return { ...last, metadata: { ...objectAt(last, 'metadata'), resourceVersion: String(change.revision) } };
}
