import { shortened } from '../log.js';

/** Characters of an answer or of a command's output that a message shows. */
const maxLength = 200;

/** The beginning of a text on one line, in quotes; `(empty)` where there is nothing. */
export function quote(text: string): string {
  const line = shorten(text);
  return line === '' ? '(empty)' : `"${line}"`;
}

/** The beginning of a text on one line. */
export function shorten(text: string): string {
  return shortened(withoutControls(text.replace(/\s+/g, ' ').trim()), maxLength);
}

/**
 * Text of strangers made safe for the log: the runner obeys `##[command]` anywhere in a line. (It obeys `::command::` only
 * at the start of a line, so callers put something before it.) Control characters but tabs are dropped.
 */
export function withoutControls(text: string): string {
  return text.replace(/##\[/g, '## [').replace(/\p{Cc}/gu, character => (character === '\t' ? character : ''));
}
