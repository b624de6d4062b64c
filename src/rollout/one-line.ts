/** On one line of at most 300 characters, cut between words: half of a secret would no longer be masked. */
export function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^(.{1,300}) .*$/, (all, head: string) => (all.length <= 300 ? all : `${head} …`));
}
