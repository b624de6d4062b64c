import { plain } from './plain-text.js';

/** Values this short are not hidden: they would make every text unreadable. */
const longestIgnored = 3;
/** Encoded parts shorter than this occur by chance. */
const shortestEncodedPart = 8;
/** A secret is looked for across line breaks only from this length on. */
const shortestWrapped = 16;
/** Columns after which tools wrap base64: PEM, and the commands `base64` and `openssl`. */
const wrapColumns = [64, 76];

/**
 * The list of secrets of the process, and their removal from text. A secret is also found as each of its lines, in base64 at
 * any offset, URL-encoded, escaped for JSON, wrapped over several lines, and cut as `shortened` cuts.
 */
export class SecretList {
  readonly #forms = new Needles();
  readonly #wrapped = new Needles();

  /** Adds a secret. False: it is too short, and nothing was added. */
  add(secret: string): boolean {
    if (isShort(secret)) return false;
    for (const value of new Set([secret, ...plain(secret).split('\n')])) {
      if (isShort(value)) continue;
      for (const form of formsOf(value)) this.#addForm(form);
    }
    return true;
  }

  /** The text, which must be plain, with `***` in place of every secret. */
  redact(text: string): string {
    const redacted = hide(text, this.#forms.rangesIn(text));
    if (!/\s/.test(redacted)) return redacted;
    // The text without white space, and where each of its characters comes from.
    const squeezed = withoutSpace(redacted);
    const ranges = this.#wrapped.rangesIn(squeezed);
    if (ranges.length === 0) return redacted;
    const origins = originsOf(redacted);
    return hide(
      redacted,
      ranges.map(([from, to]) => [origins[from] ?? 0, (origins[to - 1] ?? 0) + 1]),
    );
  }

  #addForm(form: string): void {
    if (isShort(form) || /^\*+$/.test(form)) return;
    this.#forms.add(form);
    const squeezed = withoutSpace(form);
    if (squeezed.length >= shortestWrapped) this.#wrapped.add(squeezed);
  }
}

/** From one position to before another. */
type Range = readonly [from: number, to: number];

/** Strings to look for, by their first characters: the time of a search does not depend on their number. */
class Needles {
  readonly #byBeginning = new Map<string, Set<string>>();

  /** `needle`: longer than `longestIgnored`. */
  add(needle: string): void {
    const beginning = needle.slice(0, longestIgnored + 1);
    const same = this.#byBeginning.get(beginning);
    if (same === undefined) this.#byBeginning.set(beginning, new Set([needle]));
    else same.add(needle);
  }

  /** Where the needles are, in order; ranges that overlap or touch are one. */
  rangesIn(text: string): readonly Range[] {
    const ranges: Range[] = [];
    if (this.#byBeginning.size === 0) return ranges;
    for (let at = 0; at + longestIgnored < text.length; at += 1) {
      const candidates = this.#byBeginning.get(text.slice(at, at + longestIgnored + 1)) ?? [];
      let length = 0;
      for (const one of candidates) if (one.length > length && text.startsWith(one, at)) length = one.length;
      if (length === 0) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last[1] >= at) ranges[ranges.length - 1] = [last[0], Math.max(last[1], at + length)];
      else ranges.push([at, at + length]);
    }
    return ranges;
  }
}

function hide(text: string, ranges: readonly Range[]): string {
  const shown = ranges.map(([from], index) => text.slice(ranges[index - 1]?.[1] ?? 0, from));
  return [...shown, text.slice(ranges.at(-1)?.[1] ?? 0)].join('***');
}

function isShort(value: string): boolean {
  return value.trim().length <= longestIgnored;
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, '');
}

function originsOf(text: string): readonly number[] {
  const origins: number[] = [];
  for (let at = 0; at < text.length; at += 1) if (!/\s/.test(text.charAt(at))) origins.push(at);
  return origins;
}

function* formsOf(value: string): Generator<string> {
  const shown = plain(value).trim();
  yield shown;
  yield JSON.stringify(shown).slice(1, -1);
  yield encodeURIComponent(shown.toWellFormed());
  yield new URLSearchParams([['', shown]]).toString().slice(1);
  yield* cutForms(shown);
  for (const encoding of ['base64', 'base64url'] as const) {
    const encoded = Buffer.from(value).toString(encoding);
    yield encoded;
    yield* innerEncodings(value, encoding);
    for (const columns of wrapColumns) if (encoded.length > columns) yield* pieces(encoded, columns);
  }
}

/** The base64 of a value inside a longer one: the characters that do not depend on what stands before and after it. */
function* innerEncodings(value: string, encoding: 'base64' | 'base64url'): Generator<string> {
  const bytes = Buffer.from(value);
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding);
    const inner = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    if (inner.length >= shortestEncodedPart) yield inner;
  }
}

function* pieces(text: string, length: number): Generator<string> {
  for (let at = 0; at < text.length; at += length) {
    const piece = text.slice(at, at + length);
    if (piece.length >= shortestEncodedPart) yield piece;
  }
}

/** The longest beginning of a value that is looked for: `shortened` leaves no more. Their number grows with its square. */
const longestCut = 1_000;

/** The beginnings of a value of several words, as `shortened` leaves them. */
function* cutForms(value: string): Generator<string> {
  for (const match of value.slice(0, longestCut).matchAll(/[\s,;<>{}[\]"]+/g)) {
    yield `${value.slice(0, match.index)}…`;
    yield `${value.slice(0, match.index + match[0].length).trimEnd()}…`;
  }
}
