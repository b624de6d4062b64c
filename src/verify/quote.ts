import { shortened } from '../log.js';

/** Longest part of an answer or of the output of a command in a message, in characters. */
const maxLength = 200;

/** The beginning of a text on one line, in quotes; `(empty)` for an empty text. */
export function quote(text: string): string {
  const line = shorten(text);
  return line === '' ? '(empty)' : `"${line}"`;
}

/** The beginning of a text on one line. */
export function shorten(text: string): string {
  return shortened(withoutControls(text.replace(/\s+/g, ' ').trim()), maxLength);
}

/**
 * Makes untrusted text safe for the log: the runner parses `##[command]` anywhere in a line. (It parses `::command::` only
 * at the start of a line, so callers add a prefix.) Removes control characters except tabs.
 */
export function withoutControls(text: string): string {
  return text.replace(/##\[/g, '## [').replace(/\p{Cc}/gu, character => (character === '\t' ? character : ''));
}
