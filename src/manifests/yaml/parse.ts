import { parseEvents, YAMLException, type Event } from 'js-yaml';

/** A parsed text. */
export interface ParsedText {
  /** The text that the offsets in `events` refer to. */
  readonly text: string;
  readonly events: readonly Event[];
  /** The offset in the text as given. */
  readonly original: (offset: number) => number;
}

/** Texts with more lines to indent are refused, because each of them costs another reading of the text. */
const lineLimit = 500;

/** Deeper than the parent of any node. */
const indentation = ' '.repeat(200);

/** Where the line of a value starts that stands too far left for the parser, but not for kubectl; `undefined`: another error. */
function tooFarLeft(thrown: unknown, text: string): number | undefined {
  if (!(thrown instanceof YAMLException) || thrown.reason !== 'deficient indentation') return undefined;
  const position = thrown.mark?.position ?? 0;
  const start = Math.max(text.lastIndexOf('\n', position - 1), text.lastIndexOf('\r', position - 1)) + 1;
  const indentedBefore = text.startsWith(indentation, start);
  const marker = /^(?:---|\.\.\.)(?!\S)/.test(text.slice(start, start + 4));
  return indentedBefore || marker ? undefined : start;
}

/**
 * Parses a text. A quoted text over several lines and a list or map in brackets may go on at the indentation of their key, or
 * left of it, as in kubectl's reader: space before such a line has no meaning, so it is added. Throws js-yaml's exception.
 */
export function parseText(given: string, file: string): ParsedText {
  let text = given;
  const starts: number[] = [];
  const original = (offset: number): number => {
    let added = 0;
    for (const start of starts) {
      if (start > offset) break;
      added += Math.min(indentation.length, offset - start);
    }
    return offset - added;
  };
  for (;;) {
    try {
      return { text, events: parseEvents(text, { filename: file }), original };
    } catch (thrown) {
      const start = tooFarLeft(thrown, text);
      if (start === undefined || starts.length === lineLimit) {
        const { reason, mark } = thrown instanceof YAMLException ? thrown : {};
        if (reason === undefined || mark === undefined) throw thrown;
        throw new YAMLException(reason, { ...mark, position: original(mark.position) });
      }
      text = text.slice(0, start) + indentation + text.slice(start);
      // Ascending: the parser stops at the first such line.
      starts.push(start);
    }
  }
}
