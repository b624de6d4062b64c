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
const byte = String.raw`(?:${backslash}+u00|${backslash}+x|${percent})`;
const again = `(?:amp;|amp${percent}3B)*`;
const ampersand = `(?:&|${byte}26)${again}`;
const number = `(?:#|${percent}23)`;
const semicolon = `(?:;|${percent}3B)`;
const hex = '[\\da-fA-F]';

/** White space, or an escape of it in JSON, a shell or a URL. */
const space = String.raw`(?:\s|${backslash}+[abfnrtv]|${byte}(?:0[9a-dA-D]|20))+`;
/** Quotes of both kinds: shells and YAML write one of them as several. No run of backslashes can be divided in two ways. */
const quoteName = `${again}(?:quot|apos|${number}(?:0*3[49]|x0*2[27]))${semicolon}`;
const quote = `(?:${backslash}*(?:['"]|${percent}2[27]|(?:&|${percent}26)${quoteName})|${backslash}+(?:u00|x)2(?:[27]|6${quoteName}))+`;

/** All that is not as it is. Every run is consumed at once, so that no text makes the search go through it again and again. */
const escapes = new RegExp(
  [
    `(?<space>${space})`,
    `(?<quote>${quote})`,
    `(?<utf8>(?:(?:${percent}|${backslash}+x)[89a-fA-F]${hex})+)`,
    `${ampersand}(?:${number}(?:(?<decimal>\\d{1,7})|x(?<point>${hex}{1,6}))|(?<name>lt|gt))${semicolon}`,
    `(?<amp>${ampersand})`,
    `${backslash}+(?:u(?<unit>${hex}{4})|x(?<ascii>[0-7]${hex}))?`,
    `${percent}(?<octet>[0-7]${hex})`,
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
  const { quote, ascii, octet, utf8, unit, decimal, point, name, amp } = groups;
  if (quote !== undefined) return "'";
  if (utf8 !== undefined) return Buffer.from(utf8.match(lastDigits)?.join('') ?? '', 'hex').toString();
  if (name !== undefined) return name === 'lt' ? '<' : '>';
  if (amp !== undefined) return '&';
  const digits = ascii ?? octet ?? unit ?? point;
  const code = digits === undefined ? Number(decimal ?? 0) : parseInt(digits, 16);
  return code > 0x10ffff ? '' : String.fromCodePoint(code).replace(/[\p{Cc}\\]/u, '');
}

/** The digits of each byte in a run of escaped bytes. */
const lastDigits = /[89a-fA-F][\da-fA-F](?=[%\\]|$)/g;
