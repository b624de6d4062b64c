import { withoutAssignedSecrets } from './shown-value.js';

/** Changed lines beyond these are only counted. */
const mostLines = 40;
/** Longer lines are shown by their length. */
const longestLine = 200;
/** Texts whose changed parts have more lines than this are compared as a whole: the time grows with the square. */
const mostCompared = 2_000;

/**
 * The lines in which two texts differ: `- 3: old line`, `+ 3: new line`, with the number in its own text. `undefined` where one is a
 * single line, and for private keys.
 */
export function changedLines(before: string, after: string): readonly string[] | undefined {
  const [old, now] = [before.split('\n'), after.split('\n')];
  if (old.length === 1 || now.length === 1) return undefined;
  if ([before, after].some(text => text.includes('PRIVATE KEY-----'))) return undefined;
  const lines = differences(old, now);
  const safe = { '-': withoutAssignedSecrets(before).split('\n'), '+': withoutAssignedSecrets(after).split('\n') };
  const shown = lines.slice(0, mostLines).map(({ sign, number, line }) => {
    const text = line.length <= longestLine ? (safe[sign][number - 1] ?? '') : `(${line.length} characters)`;
    return `${sign} ${number}: ${text}`;
  });
  const more = lines.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more lines`] : shown;
}

interface ChangedLine {
  readonly sign: '-' | '+';
  /** Starts at 1. */
  readonly number: number;
  readonly line: string;
}

function differences(old: readonly string[], now: readonly string[]): readonly ChangedLine[] {
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let same = 0;
  while (same < Math.min(old.length, now.length) - start && old.at(-1 - same) === now.at(-1 - same)) same += 1;
  const [a, b] = [old.slice(start, old.length - same), now.slice(start, now.length - same)];
  const common = a.length > mostCompared || b.length > mostCompared ? [] : commonLines(a, b);
  const changes: ChangedLine[] = [];
  let [i, j] = [0, 0];
  for (const [atOld, atNow] of [...common, [a.length, b.length] as const]) {
    for (; i < atOld; i += 1) changes.push({ sign: '-', number: start + i + 1, line: a[i] ?? '' });
    for (; j < atNow; j += 1) changes.push({ sign: '+', number: start + j + 1, line: b[j] ?? '' });
    [i, j] = [atOld + 1, atNow + 1];
  }
  return changes;
}

/** The positions of the longest common subsequence of lines, in both lists. */
function commonLines(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const common: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length;) {
    if (a[i] === b[j]) common.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return common;
}
