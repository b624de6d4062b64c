import { describeRef, groupOf, type ObjectRef } from '../../kubernetes/object.js';

/** Kinds whose deletion deletes data, or objects of others. */
const withData = new Set(['Namespace', 'PersistentVolume', 'PersistentVolumeClaim', 'CustomResourceDefinition']);

/** The objects that left the manifests, and how to delete them, in a few sentences. */
export function describeLeftObjects(refs: readonly ObjectRef[]): string {
  const commands = [...new Set(refs.map(({ namespace }) => namespace))].flatMap(namespace => {
    const names = refs
      .filter(ref => ref.namespace === namespace && !withData.has(ref.kind))
      .map(ref => `${resourceOf(ref)}/${ref.name}`)
      .filter(name => /^[\w.:/-]+$/.test(name));
    const scope = namespace === undefined ? '' : ` -n ${namespace}`;
    return names.length === 0 ? [] : [`\`kubectl delete${scope} ${names.join(' ')}\``];
  });
  const held = refs.filter(({ kind }) => withData.has(kind)).map(describeRef);
  return [
    `No longer among the manifests, but still live: ${refs.map(describeRef).join(', ')}.`,
    ...(commands.length === 0 ? [] : [`If nobody needs them: ${commands.join(', ')}.`]),
    ...(held.length === 0 ? [] : [`To delete ${held.join(', ')} deletes what is in it: look first.`]),
  ].join(' ');
}

/** `deployment.apps`, `configmap`: how kubectl names a kind. */
function resourceOf({ apiVersion, kind }: ObjectRef): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
}
