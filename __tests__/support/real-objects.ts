import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../src/kubernetes/object.js';

// Output of `kubectl get -o json` on Kubernetes 1.37.1, reduced to the fields that readiness reads, by kind and scenario.
// Namespaces and registries are renamed. The statuses of custom resources are written by hand because their controllers did
// not run, and one pod lacks the deletion that had just begun.
const objects = JSON.parse(readFileSync('__tests__/fixtures/kubernetes-1.37.json', 'utf8')) as Readonly<
  Record<string, Readonly<Record<string, KubeObject>>>
>;

/** One recorded object, such as `real('jobs', 'failed')`. */
export function real(kind: string, name: string): KubeObject {
  const found = objects[kind]?.[name];
  if (found === undefined) throw new Error(`there is no ${name} among the ${kind}`);
  return found;
}

/** A changed copy of an object, for states between the recorded ones. */
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
