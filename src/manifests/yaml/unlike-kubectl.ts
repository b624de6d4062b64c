import { EVENT_ID, SCALAR_STYLE, type Event } from 'js-yaml';
import type { Problem } from '../../errors.js';
import type { ManifestDocument } from './documents.js';

/** A colon that ends a key of a list or map in brackets here. kubectl wants space behind it. */
const tightColon = /[ \t]*:[,[\]{}]/y;

/** What kubectl reads differently in a node, and its offset. */
function differencesIn(event: Event, source: string): readonly { readonly message: string; readonly offset: number }[] {
  if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP || event.type === EVENT_ID.ALIAS) return [];
  const { anchorStart, anchorEnd } = event;
  if (anchorStart !== -1 && /[^\w-]/.test(source.slice(anchorStart, anchorEnd))) {
    const message =
      'A value that begins with & is an anchor, and kubectl ends its name before any character that is no letter, digit, - or _; put the value in quotes.';
    return [{ message, offset: anchorStart - 1 }];
  }
  if (event.type !== EVENT_ID.SCALAR || event.style !== SCALAR_STYLE.PLAIN || event.valueStart === -1) return [];
  tightColon.lastIndex = event.valueEnd;
  if (!tightColon.test(source)) return [];
  const message =
    'kubectl reads a colon without space behind it as a part of the text; write the space, or put the text in quotes.';
  return [{ message, offset: event.valueStart }];
}

/** What YAML reads in one way and kubectl in another, both without an error. */
export function unlikeKubectl({ events, source, locate }: ManifestDocument): readonly Problem[] {
  return events
    .flatMap(event => differencesIn(event, source))
    .map(({ message, offset }) => ({ message, at: locate(offset) }));
}
