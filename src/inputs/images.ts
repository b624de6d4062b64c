import type { ImageOverride } from './inputs.js';
import { entries } from './lists.js';
import { Refusal, type Parse } from './refusal.js';
import { isDnsLabel } from './scalars.js';

// A first part in capitals is a host only if it has a dot or a port: `Team/app` is a misspelt repository.
const host = /(?=[^/A-Z]*\/|[^/]*[.:])(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?\//
  .source;
const path = /[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*/.source;
const reference = new RegExp(
  `^(?<repository>(?:${host})?${path}(?:/${path})*)(?<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?<digest>@sha256:[0-9a-f]{64})?$`,
);

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
    if (overrides.has(target)) reasons.push(`"${entry}" names ${target} a second time`);
    overrides.set(target, override);
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
  const { repository, tag, digest } = reference.exec(image)?.groups ?? {};
  if (repository === undefined) return `is not an image (repositories are lower case); ${form}`;
  if (tag === undefined && digest === undefined) {
    return `has neither tag nor digest, so nobody could tell which version it is; ${form}`;
  }
  return container === undefined ? { by: 'repository', repository, image } : { by: 'container', container, image };
}
