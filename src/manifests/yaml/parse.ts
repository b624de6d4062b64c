import { COLLECTION_STYLE, EVENT_ID, parseEvents, YAMLException, type Event } from 'js-yaml';

/** A parsed text. */
export interface ParsedText {
  /** The text that the offsets in `events` refer to. */
  readonly text: string;
  readonly events: readonly Event[];
  /** An offset in `text` as one in the file. */
  readonly original: (offset: number) => number;
}

/** Texts that need more mends are refused, because each of them costs another reading of the text. */
const mendLimit = 500;

/** More documents without a separator are refused, because each of them costs another reading of the rest of the file. */
const streamLimit = 1_000;

/** Deeper than the parent of any node. */
const indentation = ' '.repeat(200);

/** A change of the text that kubectl's reader does not need: at `start`, `removed` characters are replaced by `text`. */
interface Mend {
  readonly start: number;
  readonly removed: number;
  readonly text: string;
}

/** What makes the parser accept what kubectl accepts; `undefined`: another error. */
function mendFor({ reason, mark }: YAMLException, text: string): Mend | undefined {
  const position = mark?.position ?? 0;
  if (reason === 'unknown escape sequence') {
    // The parser points behind the backslash.
    const escapes = text.startsWith("\\'", position - 1);
    return escapes ? { start: position, removed: 1, text: 'x27' } : undefined;
  }
  if (reason !== 'deficient indentation') return undefined;
  const start = Math.max(text.lastIndexOf('\n', position - 1), text.lastIndexOf('\r', position - 1)) + 1;
  const indentedBefore = text.startsWith(indentation, start);
  const marker = /^(?:---|\.\.\.)(?!\S)/.test(text.slice(start, start + 4));
  return indentedBefore || marker ? undefined : { start, removed: 0, text: indentation };
}

/**
 * Parses a text. A quoted text over several lines and a list or map in brackets may go on at the indentation of their key, or
 * left of it, as in kubectl's reader: space before such a line has no meaning, so it is added. A text in double quotes may have
 * the escape `\'`. Throws js-yaml's exception.
 */
function parseText(given: string, file: string): ParsedText {
  let text = given;
  const mends: Mend[] = [];
  const original = (offset: number): number => {
    let added = 0;
    for (const mend of mends) {
      if (mend.start > offset) break;
      added += Math.min(mend.text.length - mend.removed, offset - mend.start);
    }
    return offset - added;
  };
  for (;;) {
    try {
      return { text, events: parseEvents(text, { filename: file }), original };
    } catch (thrown) {
      if (!(thrown instanceof YAMLException) || !thrown.mark) throw thrown;
      const { reason, mark } = thrown;
      const mend = mends.length === mendLimit ? undefined : mendFor(thrown, text);
      if (mend === undefined) throw new YAMLException(reason, { ...mark, position: original(mark.position) });
      text = text.slice(0, mend.start) + mend.text + text.slice(mend.start + mend.removed);
      // Ascending: the parser stops at the first place.
      mends.push(mend);
    }
  }
}

/** Whether the last document is in braces, as JSON is. */
function endsInBraces({ events }: ParsedText): boolean {
  const root = events.findLast((_, index) => events[index - 1]?.type === EVENT_ID.DOCUMENT);
  return root?.type === EVENT_ID.MAPPING && root.style === COLLECTION_STYLE.FLOW;
}

/**
 * Parses a file. JSON documents may follow each other without a separator, as in kubectl's reader; each but the last ends a part
 * of its own. Throws js-yaml's exception, with a position in the file; also where more than 1 000 follow each other.
 */
export function parseFile(given: string, file: string): readonly ParsedText[] {
  const parts: ParsedText[] = [];
  for (let from = 0; ;) {
    const start = from;
    const parsePart = (end?: number): ParsedText => {
      const { original, ...parsed } = parseText(given.slice(start, end), file);
      return { ...parsed, original: offset => start + original(offset) };
    };
    try {
      return [...parts, parsePart()];
    } catch (thrown) {
      if (!(thrown instanceof YAMLException) || !thrown.mark) throw thrown;
      const { reason, mark } = thrown;
      const position = start + mark.position;
      const follows = reason === 'end of the stream or a document separator is expected' && given[position] === '{';
      const part = follows && parts.length < streamLimit ? parsePart(position) : undefined;
      if (part === undefined || !endsInBraces(part)) throw new YAMLException(reason, { ...mark, position });
      parts.push(part);
      from = position;
    }
  }
}
