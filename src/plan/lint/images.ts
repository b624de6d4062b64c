import { containersOf } from '../../kubernetes/pods/pod-spec.js';
import type { Rule } from './rule.js';
import { nameOf } from './context.js';

/** Tags that are usually pushed repeatedly. */
const moving = /^(latest|main|master|trunk|head|stable|edge|nightly|dev|develop|development|current|snapshot)$/i;

/** The tag of an image without a digest; empty if it has neither. */
function tagOf(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  return name.includes(':') ? name.slice(name.indexOf(':') + 1) : '';
}

export const movingTag: Rule = ({ resources }) =>
  resources.flatMap(resource =>
    containersOf(resource.object).flatMap(({ fields, path }) => {
      const { image } = fields;
      if (typeof image !== 'string' || image === '' || image.includes('@')) return [];
      const tag = tagOf(image);
      if (tag !== '' && !moving.test(tag)) return [];
      const has = tag === '' ? 'has no tag' : `has the tag ${tag}, which moves`;
      return [
        {
          resource,
          path: [...path, 'image'],
          message: `Image ${image} of ${nameOf(resource)} ${has}: pods that restart may run another version than the others, and no rollback can restore this one.`,
          remedy:
            'Use a tag that is never pushed again, such as the commit, or a digest; the input `images` can set it.',
        },
      ];
    }),
  );
