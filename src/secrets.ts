import { Needles } from './needles.js';
import { plain } from './plain-text.js';
import { unescaped, type Range } from './unescaped.js';

/** Values this short are not hidden: they would make every text unreadable. */
const longestIgnored = 3;
/** Shorter parts of base64 occur by chance. */
const shortestEncodedPart = 5;
/** A secret is looked for across white space only from this length on. */
const shortestWrapped = 16;
/** Columns after which tools wrap base64: PEM, and the commands `base64` and `openssl`. */
const wrapColumns = [64, 76];
/** Of a longer secret of several lines, each line is only looked for as it is and escaped. */
const longestSplit = 10_000;

/**
 * The list of secrets of the process, and their removal from text. A secret is found as it is and as each of its lines; escaped
 * for JSON, URLs, HTML, shells and YAML, however often; in base64 at any offset and in hex; wrapped over several lines; and cut
 * as `shortened` cuts.
 */
export class SecretList {
  /** What is looked for in a text as it is, without its escapes, and without its white space as well. */
  readonly #forms = new Needles();
  readonly #unescaped = new Needles();
  readonly #squeezed = new Needles();

  /** Adds a secret. False: it is too short, and nothing was added. */
  add(secret: string): boolean {
    if (isShort(secret)) return false;
    for (const value of new Set([secret, ...plain(secret).split('\n')])) {
      if (isShort(value)) continue;
      const spellings = new Set(spellingsOf(value));
      for (const form of spellings) addTo(this.#forms, form);
      const shown = plain(value);
      addTo(this.#unescaped, unescaped(shown, ' ').text.trim());
      addTo(this.#squeezed, unescaped(shown, '').text, shortestWrapped);
      if (value !== secret && secret.length > longestSplit) continue;
      for (const form of encodingsOf(value, spellings)) {
        for (const needles of [this.#forms, this.#unescaped]) addTo(needles, form);
        addTo(this.#squeezed, form, shortestWrapped);
      }
    }
    return true;
  }

  /** The text, which must be plain, with `***` in place of every secret. */
  redact(text: string): string {
    if (this.#forms.isEmpty) return text;
    const ranges = this.#forms.rangesIn(text);
    if (!/[\s\\%&'"…]/.test(text)) return hideRanges(text, ranges);
    for (const [needles, spaces] of [[this.#unescaped, ' '] as const, [this.#squeezed, ''] as const]) {
      const inner = unescaped(text, spaces);
      for (const range of needles.rangesIn(inner.text)) ranges.push(inner.originOf(range));
    }
    return hideRanges(text, ranges);
  }
}

/** Adds what is at least so long, and no asterisks, which stand for secrets. */
function addTo(needles: Needles, form: string, shortest = longestIgnored + 1): void {
  if (form.trim().length >= shortest && !/^\*+$/.test(form)) needles.add(form);
}

/** The text with `***` in place of the ranges; those that overlap or touch are one. */
export function hideRanges(text: string, ranges: readonly Range[]): string {
  const shown: string[] = [];
  let end = -1;
  for (const [from, to] of [...ranges].sort(([one], [other]) => one - other)) {
    if (from > end) shown.push(text.slice(Math.max(end, 0), from));
    end = Math.max(end, to);
  }
  return [...shown, text.slice(Math.max(end, 0))].join('***');
}

function isShort(value: string): boolean {
  return value.trim().length <= longestIgnored;
}

/** How a value is written by those who escape it, with special characters or without. */
function* spellingsOf(value: string): Generator<string> {
  const shown = plain(value).trim();
  yield shown;
  // What is escaped still has the characters that a plain text has not.
  for (const text of new Set([shown, value.trim()])) yield JSON.stringify(text).slice(1, -1);
  yield encodeURIComponent(shown.toWellFormed());
  // In a form, a space is a plus sign, which no other text means by it.
  yield new URLSearchParams([['', shown]]).toString().slice(1);
}

/** What stands for a value in longer texts that are encoded, however it is written there. */
function* encodingsOf(value: string, spellings: Iterable<string>): Generator<string> {
  for (const written of new Set([value, ...spellings])) {
    const bytes = Buffer.from(written);
    yield bytes.toString('hex');
    yield bytes.toString('hex').toUpperCase();
    for (const encoding of ['base64', 'base64url'] as const) yield* base64PartsOf(bytes, encoding);
  }
  const encoded = Buffer.from(value).toString('base64');
  for (const columns of wrapColumns) if (encoded.length > columns) yield* pieces(encoded, columns);
}

/** The base64 of bytes inside longer ones or at their end: the characters that do not depend on what stands before and after. */
function* base64PartsOf(bytes: Buffer, encoding: 'base64' | 'base64url'): Generator<string> {
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding);
    const start = Math.ceil((before * 8) / 6);
    const inner = encoded.slice(start, Math.floor(((before + bytes.length) * 8) / 6));
    if (inner.length < shortestEncodedPart) continue;
    yield inner;
    yield encoded.slice(start);
  }
}

function* pieces(text: string, length: number): Generator<string> {
  for (let at = 0; at < text.length; at += length) {
    const piece = text.slice(at, at + length);
    if (piece.length >= shortestEncodedPart) yield piece;
  }
}
