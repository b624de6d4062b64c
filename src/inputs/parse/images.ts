import { Refusal, type Parse } from '../refusal.js';
import { parseReference, repositoryParts } from './image-reference.js';
import { entries } from './lists.js';
import { isDnsLabel } from './scalars.js';

/** `repo/name:tag` or `repo/name@sha256:…` for every container of that repository, or `container=image`. */
export type ImageOverride =
  | { readonly by: 'repository'; readonly repository: string; readonly image: string }
  | { readonly by: 'container'; readonly container: string; readonly image: string };

const form = 'write repository:tag, repository@sha256:<64 hex digits> or container=image';

/** A list of `repo/name:tag`, `repo/name@sha256:…` or `container=image`, each repository or container once. */
export const images: Parse<readonly ImageOverride[]> = text => {
  const reasons: string[] = [];
  const overrides = new Map<string, ImageOverride>();
  for (const entry of entries(text)) {
    const override = readEntry(entry);
    if (typeof override === 'string') {
      reasons.push(`"${entry}" ${override}`);
      continue;
    }
    const target =
      override.by === 'container' ? `container ${override.container}` : `repository ${override.repository}`;
    const key = override.by === 'container' ? target : Object.values(repositoryParts(override.repository)).join('/');
    if (overrides.has(key)) reasons.push(`"${entry}" names ${target} a second time`);
    overrides.set(key, override);
  }
  if (reasons.length > 0) throw Refusal.because(reasons);
  return [...overrides.values()];
};

/** The override, or what is wrong with the entry. */
function readEntry(entry: string): ImageOverride | string {
  const equals = entry.indexOf('=');
  const container = equals === -1 ? undefined : entry.slice(0, equals).trim();
  const image = entry.slice(equals + 1).trim();
  if (container !== undefined && !isDnsLabel(container)) return `does not begin with a container name; ${form}`;
  const parts = parseReference(image);
  if (parts === undefined) return `is not an image (${reasonFor(image)}); ${form}`;
  if (parts.tag === undefined && parts.digest === undefined) {
    return `has neither a tag nor a digest, so its version is unknown; ${form}`;
  }
  return container === undefined
    ? { by: 'repository', repository: parts.written, image }
    : { by: 'container', container, image };
}

/** The most likely reason why a text is not an image. */
function reasonFor(image: string): string {
  const [named = '', digest] = image.split('@');
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) return 'its digest is not sha256:<64 hex digits>';
  const tag = /^.+:([^/]*)$/.exec(named)?.[1];
  if (tag !== undefined && parseReference(named.slice(0, -tag.length - 1)) !== undefined) {
    return 'a tag has up to 128 letters, digits, _, . and -, and does not begin with . or -';
  }
  return 'a repository is lower case';
}
