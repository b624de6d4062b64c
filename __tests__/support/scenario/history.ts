import type { Named } from '../kube.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { TestNamespace } from './test-namespace.js';

/** One watch event. */
export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

const paths = { Pod: 'api/v1', ReplicaSet: 'apis/apps/v1', Service: 'api/v1' } as const;

/**
 * Records what happens to the objects of a kind from now on. The function that this resolves with returns all events since,
 * in order: it watches from the resource version of this call, so that none is missed.
 */
export async function recordHistory(
  { cluster: { kube }, namespace }: TestNamespace,
  kind: Named['kind'] & keyof typeof paths,
): Promise<() => Promise<readonly ObjectEvent[]>> {
  const path = `/${paths[kind]}/namespaces/${namespace}/${kind.toLowerCase()}s`;
  const { body } = await kube.send({ path });
  const { resourceVersion } = (body as KubeObject).metadata;
  return async () => {
    const answer = await kube.send({ path: `${path}?watch=true&timeoutSeconds=1&resourceVersion=${resourceVersion}` });
    // A single line is valid JSON, which the client has parsed already.
    const text = (answer.body as { readonly text?: string }).text ?? JSON.stringify(answer.body);
    return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as ObjectEvent]));
  };
}

/** The objects that existed after each event, without those that are being deleted. */
export function replay(first: readonly KubeObject[], history: readonly ObjectEvent[]): (readonly KubeObject[])[] {
  const objects = new Map(first.map(object => [object.metadata.name, object]));
  return history.map(({ type, object }) => {
    const { name, deletionTimestamp } = object.metadata;
    if (type === 'DELETED' || deletionTimestamp !== undefined) objects.delete(name);
    else objects.set(name, object);
    return [...objects.values()];
  });
}
