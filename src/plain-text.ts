const escape = '\\u001B';
/** Escape sequences of terminals: `ESC [ … m` and its like, `ESC ] …` up to its end, and two characters otherwise. */
const escapeSequences = new RegExp(
  [
    `(?:${escape}\\[|\\u009B)[0-?]*[ -/]*[@-~]`,
    `${escape}\\][^\\u0007\\u001B\\n]*(?:\\u0007|${escape}\\\\)`,
    `${escape}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);

/** Characters without a shape of their own: controls but tab and line feed, and those that reverse what follows. */
const controls = /(?![\t\n])\p{Cc}|[\u202A-\u202E\u2066-\u2069]/gu;

/** The text without control characters and escape sequences of terminals; tabs stay, and every line ends with a line feed. */
export function plain(text: string): string {
  // A carriage return alone ends a line, as it does for the runner.
  const lines = text.replace(/\r\n|[\r\u2028\u2029]/g, '\n');
  return lines.replace(escapeSequences, '').replace(controls, '');
}
