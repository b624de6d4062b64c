import type { Path } from '../../kubernetes/fields.js';
import { isSecret } from '../../kubernetes/kinds.js';
import { refKey, refOf, type Json, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import type { FormerObject } from '../state.js';
import { checked, integer, list, mapOf, oneOf, shape, text, WrongField, flag, type Guard } from './guard.js';

/** Objects that nest deeper than this are refused; a schema of a CustomResourceDefinition has some tens of levels. */
const deepest = 500;

/** A DNS label, such as the name of a namespace. */
export const dnsLabel = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a DNS label');

/** The name of a role. Maps by role are plain objects, which inherit a member `constructor`. */
export const roleName = checked(dnsLabel, role => role !== 'constructor', { expected: 'a DNS label, not constructor' });

const apiVersion = text(
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'an API version',
);
const kind = text(/^[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, 'a kind');
/** What may be one segment of a path: RBAC allows names that DNS does not. */
const name = text(/^(?!\.{1,2}$)[^/%\s\p{Cc}]{1,253}$/u, 'the name of an object');

/** A reference to an object of any kind. */
export const objectRef: Guard<ObjectRef> = shape({ apiVersion, kind, name }, { namespace: dnsLabel });

/** An object that left the manifests. */
export const formerObject: Guard<FormerObject> = shape(
  { apiVersion, kind, name },
  { namespace: dnsLabel, neededBy: integer(1) },
);

/** A reference to a Service. */
export const serviceRef: Guard<ObjectRef> = checked(objectRef, isService, { expected: 'a Service', field: ['kind'] });

const metadata = shape(
  { name },
  {
    namespace: dnsLabel,
    labels: mapOf(text()),
    annotations: mapOf(text()),
    uid: text(),
    resourceVersion: text(),
    generation: integer(0),
    creationTimestamp: text(),
    deletionTimestamp: text(),
    ownerReferences: list(shape({ apiVersion, kind, name, uid: text() }, { controller: flag })),
    managedFields: list<Json>(value => value as Json),
  },
);
const identity = shape({ apiVersion, kind, metadata });

/** An object of any kind but Secret, with all its fields: the data of Secrets is never on record. */
export const kubeObject: Guard<KubeObject> = (value, path) => {
  const object = identity(value, path);
  if (isSecret(object)) throw new WrongField([...path, 'kind'], 'not a Secret');
  refuseDeepNesting(value, path);
  return value as KubeObject;
};

/** A Service. */
export const service: Guard<KubeObject> = checked(kubeObject, isService, { expected: 'a Service', field: ['kind'] });

/** A snapshot, whose object is the one that it names. */
export const snapshot: Guard<Snapshot> = checked(
  shape({ ref: objectRef }, { object: kubeObject, withheld: oneOf(true), unseen: oneOf(true), recreated: oneOf(true) }),
  ({ ref, object }) => object === undefined || refKey(refOf(object)) === refKey(ref),
  { expected: 'the object that `ref` names', field: ['object'] },
);

function isService({ apiVersion: version, kind: name }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return version === 'v1' && name === 'Service';
}

/** Without recursion: the depth is what is not known yet. */
function refuseDeepNesting(value: unknown, path: Path): void {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) throw new WrongField(path, `an object of at most ${deepest} levels`);
    level = level.flatMap(each =>
      each !== null && typeof each === 'object' ? (Object.values(each) as unknown[]) : [],
    );
  }
}
