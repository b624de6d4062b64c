import type { YAMLException } from 'js-yaml';

/** What the parser takes a value for that begins with one of these characters; a password can. */
const mistaken: readonly { readonly reason: RegExp; readonly told: string }[] = [
  {
    reason: /\balias\b/,
    told: 'a value that begins with * is an alias, and its anchor is not defined; put it in quotes',
  },
  { reason: /\btag\b/, told: 'a value that begins with ! is a tag, and its tag is not valid here; put it in quotes' },
];

/** Why a text is not YAML, without any part of the text: it may be a secret. */
export function yamlReason({ reason }: YAMLException): string {
  // The parser quotes names in double quotes, in `!<…>` or after a colon.
  if (!/"|!<|: /.test(reason)) return reason;
  return mistaken.find(each => each.reason.test(reason))?.told ?? 'the parser gives a reason that quotes the text';
}
