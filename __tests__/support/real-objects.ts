import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../src/kubernetes/object.js';

// What `kubectl get -o json` printed on Kubernetes 1.37.1, cut down to what readiness reads, by kind and by what had been
// done to it; names of namespaces and registries were changed. The statuses of custom resources were written by hand, since
// no controller of them ran, and of one pod the deletion that had just begun was left out.
const objects = JSON.parse(readFileSync('__tests__/fixtures/kubernetes-1.37.json', 'utf8')) as Readonly<
  Record<string, Readonly<Record<string, KubeObject>>>
>;

/** One object of them, as in `real('jobs', 'failed')`. */
export function real(kind: string, name: string): KubeObject {
  const found = objects[kind]?.[name];
  if (found === undefined) throw new Error(`there is no ${name} among the ${kind}`);
  return found;
}

/** A changed copy of an object, as it looks in between. */
export function changed(
  object: KubeObject,
  change: { readonly metadata?: object; readonly spec?: object; readonly status?: object },
): KubeObject {
  const spec = object['spec'] as object | undefined;
  const status = object['status'] as object | undefined;
  return {
    ...object,
    metadata: { ...object.metadata, ...change.metadata },
    spec: { ...spec, ...change.spec },
    status: { ...status, ...change.status },
  };
}
