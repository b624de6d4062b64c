import { describeRef, groupOf, type ObjectRef } from '../../kubernetes/object.js';
import type { FormerObject } from '../../release/state.js';

/** Kinds whose deletion deletes data, or objects of others. */
const withData = new Set(['Namespace', 'PersistentVolume', 'PersistentVolumeClaim', 'CustomResourceDefinition']);

/** The objects that left the manifests, and how to delete them, in a few sentences. */
export function describeLeftObjects(all: readonly FormerObject[]): string {
  const unneeded = all.filter(({ neededBy }) => neededBy === undefined);
  const refs = unneeded.filter(({ ownedByName }) => ownedByName === undefined);
  const needed = all.filter(({ neededBy }) => neededBy !== undefined).map(describeRef);
  const commands = [...new Set(refs.map(({ namespace }) => namespace))].flatMap(namespace => {
    const names = refs
      .filter(ref => ref.namespace === namespace && !withData.has(ref.kind))
      .map(ref => `${resourceOf(ref)}/${ref.name}`)
      .filter(name => /^[\w.:/-]+$/.test(name));
    const scope = namespace === undefined ? '' : ` -n ${namespace}`;
    return names.length === 0 ? [] : [`\`kubectl delete${scope} ${names.join(' ')}\``];
  });
  const held = unneeded.filter(({ kind }) => withData.has(kind)).map(describeRef);
  return [
    `No longer among the manifests, but still live: ${all.map(describeRef).join(', ')}.`,
    ...(commands.length === 0 ? [] : [`If nobody needs them: ${commands.join(', ')}.`]),
    ...(held.length === 0 ? [] : [`To delete ${held.join(', ')} deletes what is in it: look first.`]),
    ...unneeded.flatMap(ref => (ref.ownedByName === undefined ? [] : [lookFirst(describeRef(ref), ref.ownedByName)])),
    ...(needed.length === 0
      ? []
      : [`Keep ${needed.join(', ')}: a revision on record needs it, and Cutover might not create it again.`]),
  ].join(' ');
}

function lookFirst(object: string, release: string): string {
  return `Look who needs ${object} before you delete it: its annotation cutover/release is ${release}, without a namespace, so a release ${release} of another namespace may own it.`;
}

/** `deployment.apps`, `configmap`: how kubectl names a kind. */
function resourceOf({ apiVersion, kind }: ObjectRef): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
}
