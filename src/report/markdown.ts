import { shortened } from '../log.js';

/** Longest text of one table cell or list item, in characters; the log has the full text. */
const longest = 2_000;

/** Text with everything escaped that Markdown or HTML would interpret, on one line. */
export function text(value: string): string {
  return escaped(shortened(value, longest).trim());
}

/** Our own sentences, in which backticks mark code: code stays code, everything else is escaped. */
export function prose(value: string): string {
  const parts = value.trim().split(/(`[^`\n]+`)/);
  return parts.map((part, index) => (index % 2 === 1 ? code(part.slice(1, -1)) : escaped(part))).join('');
}

function escaped(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]|~]/g, '\\$&')
    .replace(/\r?\n/g, '<br>');
}

/** A name in code style, on one line. */
export function code(value: string): string {
  // In a table even code must escape its bars. The fence is longer than any run of backticks inside.
  const inner = value.replace(/\s+/g, ' ').replace(/\|/g, '\\|');
  const fence = '`'.repeat(longestRun(inner) + 1);
  const space = inner.startsWith('`') || inner.endsWith('`') ? ' ' : '';
  return `${fence}${space}${inner}${space}${fence}`;
}

/** A code block of any content. */
export function block(language: string, value: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(value) + 1));
  return `${fence}${language}\n${value.trimEnd()}\n${fence}`;
}

function longestRun(value: string): number {
  return Math.max(0, ...[...value.matchAll(/`+/g)].map(([run]) => run.length));
}

/** A table of cells that are Markdown already. Rows beyond `limit` (default 300) are only counted. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly limit: number } = { limit: 300 },
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const shown = rows.slice(0, options.limit);
  const lines = [line(head), line(head.map(() => '---')), ...shown.map(line)];
  return lines.join('\n') + more(rows.length - shown.length);
}

/** A list of items that are Markdown already. Items beyond the first 100 are only counted. */
export function list(items: readonly string[]): string {
  const shown = items.slice(0, 100);
  return shown.map(item => `- ${item}`).join('\n') + more(items.length - shown.length);
}

function more(count: number): string {
  return count > 0 ? `\n\n…and ${count} more.` : '';
}

/** Markdown of at most `bytes` bytes. It is cut at the end of a line, open code blocks and folded parts are closed, and a note says so. */
export function fit(markdown: string, bytes: number): string {
  if (Buffer.byteLength(markdown) <= bytes) return markdown;
  const note = '\n\n*Cut here, because it is too long. The log has all of it.*\n';
  // Room for the note and for the fence that may have to be closed.
  let left = bytes - Buffer.byteLength(note) - 100;
  const kept: string[] = [];
  let fence = '';
  let folded = false;
  for (const line of markdown.split('\n')) {
    left -= Buffer.byteLength(line) + 1;
    if (left < 0) break;
    kept.push(line);
    folded = (folded || line.startsWith('<details>')) && line !== '</details>';
    const [mark = ''] = /^`{3,}/.exec(line) ?? [];
    if (mark !== '') fence = fence === '' ? mark : line === fence ? '' : fence;
  }
  // Inside a folded part the note would not be seen.
  return [...kept, ...(fence === '' ? [] : [fence]), ...(folded ? ['', '</details>'] : [])].join('\n') + note;
}
