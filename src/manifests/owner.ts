import { fieldAt, withField } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';

/** A release. Two releases with one name in different namespaces are different releases. */
export interface Owner {
  readonly release: string;
  readonly namespace: string;
}

const path = ['metadata', 'annotations', 'cutover/release'];

/** The value of the annotation `cutover/release`; `undefined`: no release has applied the object. */
export function releaseOf(object: KubeObject): string | undefined {
  const value = fieldAt(object, path);
  return typeof value === 'string' ? value : undefined;
}

/**
 * Whether a live object carries the annotation of the release. Elsewhere than in the namespace of the release, the name alone
 * proves nothing: a release of another namespace may have the same one.
 */
export function isOwnedBy(live: KubeObject, owner: Owner): boolean {
  return releaseOf(live) === ownerValue(live, owner);
}

/** The same, or no release has applied the object. */
export function isOwnedByNoOther(live: KubeObject, owner: Owner): boolean {
  return releaseOf(live) === undefined || isOwnedBy(live, owner);
}

/**
 * Whether a live object elsewhere than in the namespace of the release has the name of the release alone, as earlier versions wrote
 * it: it may be the release's own, or that of a release of the same name in another namespace.
 */
export function mayBeOwnedBy(live: KubeObject, owner: Owner): boolean {
  return releaseOf(live) === owner.release && !isOwnedBy(live, owner);
}

/** Whether the release owns it, or may own it as an object without a namespace. */
export function isOwnedOrUnknown(live: KubeObject, owner: Owner): boolean {
  return isOwnedBy(live, owner) || (live.metadata.namespace === undefined && mayBeOwnedBy(live, owner));
}

/** Why the release does not own a live object, as the rest of a sentence: `it belongs to release shop/api`. */
export function whyNotOwned(live: KubeObject, owner: Owner): string {
  const value = releaseOf(live);
  if (value === undefined) return 'it has no annotation cutover/release';
  if (value !== owner.release) return `it belongs to release ${value}`;
  const expected = ownerValue(live, owner);
  return `its annotation cutover/release is ${value}, not ${expected}, so that a release ${value} of another namespace may own it`;
}

/** The value of the annotation: `web` in the namespace of the release, `shop/web` elsewhere and without a namespace. */
export function ownerValue({ metadata }: KubeObject, { release, namespace }: Owner): string {
  return metadata.namespace === namespace ? release : `${namespace}/${release}`;
}

/** The object with the annotation of the release. */
export function withOwner(object: KubeObject, owner: Owner): KubeObject {
  return withField(object, path, ownerValue(object, owner));
}

/** The same, if the object has an annotation of a release. */
export function withOwnerIfAny(object: KubeObject, owner: Owner): KubeObject {
  return releaseOf(object) === undefined ? object : withOwner(object, owner);
}

/** A custom kind may prove to have no namespaces. `namespace`: the one that the object was rendered for. */
export function withoutNamespace(object: KubeObject, namespace: string): KubeObject {
  const { namespace: _none, ...metadata } = object.metadata;
  const bare = { ...object, metadata };
  const release = releaseOf(object);
  return release === undefined || release.includes('/') ? bare : withOwner(bare, { release, namespace });
}

/**
 * Whether another release than that of the desired object has applied the live one. One of the same name is this release where
 * the manifests name the object: earlier versions wrote the name alone into every object.
 */
export function isOfOtherRelease(desired: KubeObject, live: KubeObject): boolean {
  const [wanted, value] = [releaseOf(desired), releaseOf(live)];
  if (wanted === undefined || value === undefined || wanted === value) return false;
  // A custom kind without namespaces is not known as such before the API server is asked.
  const full = wanted.includes('/') ? wanted : `${desired.metadata.namespace ?? ''}/${wanted}`;
  const isElsewhere = live.metadata.namespace === undefined || wanted.includes('/');
  return !(isElsewhere && (value === full || full.endsWith(`/${value}`)));
}
