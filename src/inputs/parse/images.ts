import type { ImageOverride } from '../inputs.js';
import { entries } from './lists.js';
import { parseReference, repositoryParts } from './image-reference.js';
import { Refusal, type Parse } from '../refusal.js';
import { isDnsLabel } from './scalars.js';

const form = 'expected repository:tag, repository@sha256:<64 hex digits> or container=image';

/** One entry a line: `repo/name:tag`, `repo/name@sha256:…`, or `container=image`. Each repository or container once. */
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
  if (container !== undefined && !isDnsLabel(container)) return `does not begin with a container's name; ${form}`;
  const parts = parseReference(image);
  if (parts === undefined) return `is not an image (${flaw(image)}); ${form}`;
  if (parts.tag === undefined && parts.digest === undefined) {
    return `has neither tag nor digest, so nobody could tell which version it is; ${form}`;
  }
  return container === undefined
    ? { by: 'repository', repository: parts.written, image }
    : { by: 'container', container, image };
}

/** What most likely keeps a text from being an image. */
function flaw(image: string): string {
  const [named = '', digest] = image.split('@');
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) return 'its digest is not sha256:<64 hex digits>';
  const tag = /^.+:([^/]*)$/.exec(named)?.[1];
  if (tag !== undefined && parseReference(named.slice(0, -tag.length - 1)) !== undefined) {
    return 'a tag is up to 128 letters, digits, _, . and -, beginning with none of the last two';
  }
  return 'repositories are lower case';
}
