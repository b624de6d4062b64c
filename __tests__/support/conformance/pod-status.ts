import { objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { type ConformanceNamespace } from './conformance-namespace.js';
import { at, textOf } from './object-fields.js';

/** `waiting X: message`, `running`, `terminated 1 Error`. */
function stateOf(ns: ConformanceNamespace, state: JsonValue): string {
  const waiting = at(state, 'waiting');
  if (waiting !== null) {
    const message = at(waiting, 'message');
    const why = textOf(at(waiting, 'reason'));
    return ns.words(`waiting ${why}${typeof message === 'string' ? `: ${message}` : ''}`);
  }
  const ended = at(state, 'terminated');
  if (ended !== null) {
    const signal = at(ended, 'signal');
    return `terminated ${textOf(at(ended, 'exitCode'))} ${textOf(at(ended, 'reason'))}${signal === null ? '' : ' signal'}`;
  }
  return at(state, 'running') === null ? 'none' : 'running';
}

/** A line each: `web: running; ready, started`, `web: waiting X: message; before: terminated 1 Error; not ready, not started; restarted`. */
export function containersOf(ns: ConformanceNamespace, object: JsonObject, list = 'containerStatuses'): string[] {
  return objectsAt(object, 'status', list).map(one => {
    const before = stateOf(ns, one.lastState ?? null);
    const is = [one.ready === true ? 'ready' : 'not ready', one.started === true ? 'started' : 'not started'];
    return [
      `${textOf(one.name)}: ${stateOf(ns, one.state ?? null)}`,
      ...(before === 'none' ? [] : [`before: ${before}`]),
      is.join(', '),
      ...(one.restartCount === 0 ? [] : ['restarted']),
    ].join('; ');
  });
}
