import { fieldAt, fieldsAt, isFields, listAt, textAt, withField, without } from '../../kubernetes/fields.js';
import { isBuiltInWorkload, isClusterScoped } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { mapContainers } from '../../kubernetes/pods/pod-spec.js';
import { isService } from '../../kubernetes/selectors.js';
import { own } from '../../own.js';
import { withOwner } from '../owner.js';

export interface Defaults {
  /** Namespace of the release, and of objects without one. */
  readonly namespace: string;
  /** Name of the release; absent while the name is being derived. */
  readonly release?: string;
  /** Cluster-scoped kinds that the manifests define, as `group/kind`. */
  readonly clusterKinds: ReadonlySet<string>;
}

const hasNull = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(item => item !== null && hasNull(item));
  if (!isFields(value)) return value === null;
  for (const name in value) if (hasNull(own(value, name))) return true;
  return false;
};

/** Without fields whose value is null: server-side apply would treat them as owned and unset. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value) || !hasNull(value)) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutNulls(field)]));
}

function withProtocol(ports: readonly unknown[]): readonly unknown[] {
  return ports.map(port => (isFields(port) && port['protocol'] === undefined ? { ...port, protocol: 'TCP' } : port));
}

/** The protocol is part of a port's merge key in server-side apply; without it, two ports could be merged into one. */
function withProtocols(object: KubeObject): KubeObject {
  if (isService(object)) {
    const ports = listAt(object, ['spec', 'ports']);
    return ports.length > 0 ? withField(object, ['spec', 'ports'], withProtocol(ports)) : object;
  }
  if (!isBuiltInWorkload(object)) return object;
  return mapContainers(object, ({ fields }) => {
    const ports = listAt(fields, ['ports']);
    return ports.length > 0 ? { ...fields, ports: withProtocol(ports) } : fields;
  });
}

/** stringData is write-only: a key that is later removed from it would stay in the Secret. */
function withEncodedData(object: KubeObject): KubeObject {
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret' || object['stringData'] === undefined) return object;
  // Other values are problems of the manifest, which are told before anything is done with it.
  const texts = Object.entries(fieldsAt(object, ['stringData'])).filter(entry => typeof entry[1] === 'string');
  const encoded = texts.map(([name, value]) => [name, Buffer.from(value as string).toString('base64')] as const);
  const data = { ...fieldsAt(object, ['data']), ...Object.fromEntries(encoded) };
  return withField(without(object, ['stringData']) as KubeObject, ['data'], data);
}

function withNamespace(object: KubeObject, { namespace, clusterKinds }: Defaults): KubeObject {
  if (isClusterScoped(object, clusterKinds)) {
    return withField(object, ['metadata'], without(object.metadata, ['namespace']));
  }
  return textAt(object, ['metadata', 'namespace']) ? object : withField(object, ['metadata', 'namespace'], namespace);
}

function withReleaseMetadata(object: KubeObject, { release, namespace }: Defaults): KubeObject {
  const label = ['metadata', 'labels', 'app.kubernetes.io/managed-by'];
  const labelled = fieldAt(object, label) === undefined ? withField(object, label, 'cutover') : object;
  return release === undefined ? labelled : withOwner(labelled, { release, namespace });
}

/** The object as it is applied: without nulls, with defaults, the managed-by label and the release annotation. */
export function withDefaults(object: KubeObject, defaults: Defaults): KubeObject {
  const own = withoutNulls(object) as KubeObject;
  return withReleaseMetadata(withNamespace(withEncodedData(withProtocols(own)), defaults), defaults);
}
