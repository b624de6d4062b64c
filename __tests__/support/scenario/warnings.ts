import type { Kube } from '../kube.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { field } from '../field.js';

/**
 * The Warning events of a namespace and all events of nodes, as `from–to count× reason Kind: message`. Events that differ
 * only in the object's name or address share a line. They show whether requests were lost to the deploy or to a stalled node.
 */
export async function warningsOf(kube: Kube, namespace: string): Promise<readonly string[]> {
  const events = await Promise.all([kube.list('Event', namespace), kube.list('Event', 'default')]);
  const lines = new Map<string, { times: string[]; count: number }>();
  for (const event of events.flat()) {
    const kind = text(event, 'involvedObject', 'kind');
    if (text(event, 'type') !== 'Warning' && kind !== 'Node') continue;
    const name = text(event, 'involvedObject', 'name');
    const message = text(event, 'message')
      .replaceAll(name, '…')
      .replaceAll(/[\d.]+:\d+/g, '…');
    const line = `${text(event, 'reason')} ${kind}: ${message}`;
    const counted = lines.get(line) ?? { times: [], count: 0 };
    const times = ['firstTimestamp', 'lastTimestamp', 'eventTime'].map(at => text(event, at)).filter(at => at !== '');
    const count = field(event, 'count');
    lines.set(line, {
      times: [...counted.times, ...times],
      count: counted.count + (typeof count === 'number' ? count : 1),
    });
  }
  return [...lines].map(([line, { times, count }]) => {
    const [first = '', ...later] = times.toSorted();
    return `${first}–${later.at(-1) ?? first} ${count}× ${line}`;
  });
}

function text(object: KubeObject, ...path: readonly string[]): string {
  const value = field(object, ...path);
  return typeof value === 'string' ? value : '';
}
