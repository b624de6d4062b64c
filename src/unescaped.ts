/** From one position to before another. */
export type Range = readonly [from: number, to: number];

/** A text in which all ways to write a value look the same, and where in the source each part of it comes from. */
export interface Unescaped {
  readonly text: string;
  /** The part of the source that this part stands for. `range`: not empty. */
  originOf(range: Range): Range;
}

// Escaped text may be escaped again, such as JSON in JSON or in a URL: a run of the escaping character stands for one.
const percent = '%(?:25)*';
const backslash = String.raw`(?:\\|${percent}5[cC])`;
const byte = String.raw`(?:${percent}|${backslash}+x|${backslash}+u00)`;
const entity = '&(?:amp;)*';
const hex = '[\\da-fA-F]';

/** White space, or an escape of it in JSON, a shell or a URL. */
const space = String.raw`(?:\s|${backslash}+[abfnrtv]|${byte}(?:0[9a-dA-D]|20))+`;
/** Quotes of both kinds: shells and YAML write one of them as several. */
const quote = String.raw`(?:${backslash}*['"]|${byte}2[27]|${entity}(?:quot|apos|#0*3[49]|#x0*2[27]);)+`;
/** All that is not as it is. Every run is consumed at once, so that no text makes the search go through it again and again. */
const escapes = new RegExp(
  [
    `(?<space>${space})`,
    `(?<quote>${quote})`,
    `${byte}(?<ascii>[0-7]${hex})`,
    `(?<utf8>(?:(?:${percent}|${backslash}+x)[89a-fA-F]${hex})+)`,
    `${backslash}+u(?<unit>${hex}{4})`,
    `${entity}(?:#(?<decimal>\\d{1,7})|#x(?<point>${hex}{1,6})|(?<name>lt|gt));`,
    '(?<ampersand>&(?:amp;)+)',
    `${backslash}+`,
  ].join('|'),
  'g',
);

/** Without these a text has no escapes. */
const escaping = /[\s\\%&'"]/;

/**
 * The text without escapes of JSON, URLs, HTML, shells and YAML, however often it is escaped. Runs of white space are one space, or
 * nothing; runs of quotes are one quote; backslashes are nothing. A value without escapes and the same value with escapes give the
 * same text, if it is compared in this form as well.
 */
export function unescaped(text: string, spaces: ' ' | ''): Unescaped {
  if (!escaping.test(text)) return { text, originOf: range => range };
  const parts: string[] = [];
  /** Where in the source each character of the text begins and ends. */
  const [starts, ends] = [new Uint32Array(text.length), new Uint32Array(text.length)];
  let [length, at] = [0, 0];
  const copy = (to: number): void => {
    if (to > at) parts.push(text.slice(at, to));
    for (; at < to; at += 1, length += 1) {
      starts[length] = at;
      ends[length] = at + 1;
    }
  };
  for (const { 0: found, index, groups } of text.matchAll(escapes)) {
    copy(index);
    at += found.length;
    const meaning = groups?.['space'] === undefined ? meaningOf(groups ?? {}) : spaces;
    parts.push(meaning);
    for (const last = length + meaning.length; length < last; length += 1) {
      starts[length] = index;
      ends[length] = at;
    }
  }
  copy(text.length);
  return { text: parts.join(''), originOf: ([from, to]) => [starts[from] ?? 0, ends[to - 1] ?? 0] };
}

function meaningOf(groups: Record<string, string | undefined>): string {
  const { quote, ascii, utf8, unit, decimal, point, name, ampersand } = groups;
  if (quote !== undefined) return "'";
  if (utf8 !== undefined) return Buffer.from(utf8.match(lastDigits)?.join('') ?? '', 'hex').toString();
  if (name !== undefined) return name === 'lt' ? '<' : '>';
  if (ampersand !== undefined) return '&';
  const digits = ascii ?? unit ?? point;
  const code = digits === undefined ? Number(decimal ?? 0) : parseInt(digits, 16);
  return code > 0x10ffff ? '' : String.fromCodePoint(code).replace(/[\p{Cc}\\]/u, '');
}

/** The digits of each byte in a run of escaped bytes. */
const lastDigits = /[\da-fA-F]{2}(?=[%\\]|$)/g;
