import { createHash } from 'node:crypto';
import { parseImageName } from './image-name.js';
import { parseTag, type FailureTag, type ImageTag } from './image-tag.js';
import type { Program } from '../pods/process.js';
import { siteProgram } from './site.js';
import { taskProgram } from './task.js';
import { tomcatProgram } from './tomcat.js';

/** Result of asking the registry for an image. */
export type Pulled =
  | { readonly kind: 'image'; readonly program: Program; readonly image: string; readonly imageID: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** Repositories by their last path segment, with the failure tags that each knows. */
const catalogue: Readonly<
  Record<string, { readonly failures: readonly FailureTag[]; readonly make: (tag: ImageTag) => Program }>
> = {
  tomcat: { failures: ['broken', 'never-ready', 'slow', 'http500', 'wrong'], make: tomcatProgram },
  site: { failures: ['broken', 'never-ready', 'slow', 'http500'], make: siteProgram },
  task: { failures: [], make: taskProgram },
};

const absentTags = new Set(['nosuchtag', 'missing']);

/** Looks the reference up in the catalogue. */
export function pullImage(reference: string): Pulled {
  const name = parseImageName(reference);
  if (!name) {
    const [, repository = ''] = /^([^:@]*)/.exec(reference) ?? [];
    const detail = /[A-Z]/.test(repository) ? `: repository name (${repository}) must be lowercase` : '';
    const why = `couldn't parse image name "${reference}": invalid reference format${detail}`;
    return { kind: 'invalid', message: `Failed to apply default image tag "${reference}": ${why}` };
  }
  const { full } = name;
  const failed = `failed to pull and unpack image "${full}": failed to resolve reference "${full}"`;
  const entry = Object.hasOwn(catalogue, name.name) ? catalogue[name.name] : undefined;
  if (!entry) {
    const why =
      'pull access denied, repository does not exist or may require authorization: ' +
      'server message: insufficient_scope: authorization failed';
    return { kind: 'refused', message: `${failed}: ${why}` };
  }
  if (absentTags.has(name.tag)) {
    const why = `failed to pull and unpack image "${full}": failed to resolve image: ${full}: not found`;
    return { kind: 'refused', message: `rpc error: code = NotFound desc = ${why}` };
  }
  const digest = name.digest ?? `sha256:${createHash('sha256').update(full).digest('hex')}`;
  const tag = name.digest === undefined || name.tag !== 'latest' ? name.tag : name.digest.slice(7, 19);
  const program = entry.make(parseTag(tag, entry.failures));
  return { kind: 'image', program, image: full, imageID: `${name.repository}@${digest}` };
}
