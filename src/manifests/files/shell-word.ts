/** A path as a word of a shell command that somebody may run, in quotes where it needs them. */
export function shellWord(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
