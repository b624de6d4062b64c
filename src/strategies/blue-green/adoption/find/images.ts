import { parseReference } from '../../../../inputs/parse/image-reference.js';
import { textAt } from '../../../../kubernetes/fields.js';
import type { KubeObject } from '../../../../kubernetes/object.js';
import { containerStatusesOf } from '../../../../kubernetes/pods/pod.js';
import { containersOf, mapContainers } from '../../../../kubernetes/pods/pod-spec.js';

/** By the name of a container: the ID of the image that it runs. */
export type ImageIds = Readonly<Record<string, string>>;

/**
 * The image IDs of pods, or the container in which they differ. Containers that are not in the template, such as those that a
 * webhook adds, and those that have not started are left out.
 */
export function imageIdsOf(
  template: KubeObject,
  pods: readonly KubeObject[],
): { readonly ids: ImageIds; readonly differs?: string } {
  const ids = new Map<string, string>();
  const named = new Set(containersOf(template).map(({ fields }) => textAt(fields, ['name'])));
  for (const { name, imageID } of pods.flatMap(containerStatusesOf)) {
    if (!named.has(name) || imageID === undefined || imageID === '') continue;
    const id = withoutScheme(imageID);
    if ((ids.get(name) ?? id) !== id) return { ids: Object.fromEntries(ids), differs: name };
    ids.set(name, id);
  }
  return { ids: Object.fromEntries(ids) };
}

/**
 * The workload with each image set to the digest that serves now, so that a tag that was moved does not bring up another
 * version. An image whose ID is no digest of its repository stays as it is: the image IDs are compared in the end.
 */
export function withPinnedImages(workload: KubeObject, ids: ImageIds): KubeObject {
  return mapContainers(workload, ({ fields }) => {
    const pinned = pin(textAt(fields, ['image']) ?? '', textAt(ids, [textAt(fields, ['name']) ?? '']) ?? '');
    return pinned === undefined ? fields : { ...fields, image: pinned };
  });
}

function pin(image: string, id: string): string | undefined {
  const [named, run] = [parseReference(image), parseReference(id)];
  if (named === undefined || named.digest !== undefined || run?.digest === undefined) return undefined;
  if (named.registry !== run.registry || named.path !== run.path) return undefined;
  return `${image}@${run.digest}`;
}

/** Older runtimes write `docker-pullable://` before the reference. */
function withoutScheme(imageId: string): string {
  return imageId.replace(/^[a-z-]+:\/\//, '');
}
