import { groupKind } from '../kubernetes/kinds.js';
import type { KindRef, ObjectRef } from '../kubernetes/object.js';
import { isCustom } from './readiness/custom-resource.js';

type Kind = Pick<KindRef, 'apiVersion' | 'kind'>;

const workloads = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'batch/Job', '/Pod']);

/** Whether a deploy waits for objects of this kind: what runs pods, and every custom resource. */
export function isAwaited(kind: Kind): boolean {
  return workloads.has(groupKind(kind)) || isCustom(kind);
}

export function isJob(kind: Kind): boolean {
  return groupKind(kind) === 'batch/Job';
}

/** Which watches tell everything about the targets, each kind and namespace once. */
export function kindsFor(targets: readonly ObjectRef[]): readonly KindRef[] {
  const needed = new Map<string, KindRef>();
  const need = (kind: KindRef): void => void needed.set(kindKey(kind), kind);
  for (const { apiVersion, kind, namespace } of targets) {
    if (!isAwaited({ apiVersion, kind })) continue;
    const place = namespace === undefined ? {} : { namespace };
    need({ apiVersion, kind, ...place });
    if (isCustom({ apiVersion })) continue;
    need({ apiVersion: 'v1', kind: 'Pod', ...place });
    if (groupKind({ apiVersion, kind }) === 'apps/Deployment') need({ apiVersion, kind: 'ReplicaSet', ...place });
  }
  return [...needed.values()];
}

/** Equal for the same kind in the same namespace. */
export function kindKey({ apiVersion, kind, namespace = '' }: KindRef): string {
  return `${groupKind({ apiVersion, kind })} ${namespace}`;
}
