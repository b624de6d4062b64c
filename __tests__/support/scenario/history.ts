import type { Named } from '../kube.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { TestNamespace } from './test-namespace.js';

/** What the API server told about an object once. */
export interface Happening {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

const paths = { Pod: 'api/v1', ReplicaSet: 'apis/apps/v1', Service: 'api/v1' } as const;

/**
 * Everything that happens to the objects of a kind from now on: the function that this resolves with asks the API server for
 * all changes since, in order. A watch from a version on tells what came after it, so that nothing is missed in between.
 */
export async function recordHistory(
  { cluster: { kube }, namespace }: TestNamespace,
  kind: Named['kind'] & keyof typeof paths,
): Promise<() => Promise<readonly Happening[]>> {
  const path = `/${paths[kind]}/namespaces/${namespace}/${kind.toLowerCase()}s`;
  const { body } = await kube.send({ path });
  const { resourceVersion } = (body as KubeObject).metadata;
  return async () => {
    const answer = await kube.send({ path: `${path}?watch=true&timeoutSeconds=1&resourceVersion=${resourceVersion}` });
    // One line is a single JSON text, which the client has parsed already.
    const text = (answer.body as { readonly text?: string }).text ?? JSON.stringify(answer.body);
    return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Happening]));
  };
}

/** What there was after each happening; objects on their way out do not count. */
export function replay(first: readonly KubeObject[], history: readonly Happening[]): (readonly KubeObject[])[] {
  const objects = new Map(first.map(object => [object.metadata.name, object]));
  return history.map(({ type, object }) => {
    const { name, deletionTimestamp } = object.metadata;
    if (type === 'DELETED' || deletionTimestamp !== undefined) objects.delete(name);
    else objects.set(name, object);
    return [...objects.values()];
  });
}
