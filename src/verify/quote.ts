import { shortened } from '../log.js';
import { plain } from '../plain-text.js';

/** Longest part of an answer or of the output of a command in a message, in characters. */
const maxLength = 200;

/** The beginning of a text on one line, in quotes; `(empty)` for an empty text. */
export function quote(text: string): string {
  const line = shorten(text);
  return line === '' ? '(empty)' : `"${line}"`;
}

/** The beginning of a text on one line. */
export function shorten(text: string): string {
  return shortened(plain(text).replace(/\s+/g, ' ').trim(), maxLength);
}
