import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { isBudget } from '../../../kubernetes/budget.js';
import { referredTo } from '../../../kubernetes/pods/config-references.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { isOwnedBy } from '../../../manifests/owner.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { findRevisionOfRole } from '../../recorded/find-revision.js';

/** Kinds that hold data or the objects of others: leaving the roles deletes none of them. */
const keptKinds = new Set(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume']);

/**
 * The live objects of a role: those of its recorded revision that carry the annotation of this release, and that the manifests
 * neither have nor refer to. `manifests`: what is deployed in their place.
 */
export async function objectsOfRole(
  ctx: RunContext,
  { state, role }: { readonly state: BlueGreenState; readonly role: string },
  manifests: Pick<Revision, 'objects' | 'secrets'>,
): Promise<readonly KubeObject[]> {
  const { objects, secrets } = manifests;
  const kept = new Set([...objects.map(refOf), ...secrets.map(({ ref }) => ref), ...referredTo(objects)].map(refKey));
  const refs = await refsOfRole(ctx, { state, role });
  const own = refs.filter(ref => !kept.has(refKey(ref)) && !keptKinds.has(ref.kind));
  const found = await Promise.all(own.map(ref => ctx.cluster.get(ref)));
  return found.filter(live => live !== undefined).filter(live => isOwnedBy(live, ctx.records));
}

/** What the recorded revision of a role names; empty where there is none on record. */
export async function refsOfRole(
  ctx: RunContext,
  { state, role }: { readonly state: BlueGreenState; readonly role: string },
): Promise<readonly ObjectRef[]> {
  const revision = await findRevisionOfRole(ctx, state.roles[role] ?? {}, role);
  if (revision === undefined) return [];
  return [...[...revision.applyAfterSwitch, ...revision.objects].map(refOf), ...revision.secrets.map(({ ref }) => ref)];
}

/** Whether the object scales pods or protects them: of these, a pod may have one only. */
export function isOnePerPod(object: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return isAutoscaler(object) || isBudget(object);
}

/** Whether the object is configuration that pods read. */
export function isConfig({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret');
}

/** The order in which objects of a role are deleted: what scales its pods first, what they read last. */
export function inDeletionOrder(objects: readonly KubeObject[]): readonly KubeObject[] {
  const rank = (object: KubeObject): number => (isOnePerPod(object) ? 0 : isConfig(object) ? 2 : 1);
  return [...objects].sort((one, other) => rank(one) - rank(other));
}
