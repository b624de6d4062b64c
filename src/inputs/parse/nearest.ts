/** How many names a message offers at most. */
const most = 3;

/**
 * Up to three of `candidates` that `word` was most likely meant to be, nearest first: at most a third of its letters (and
 * at least two) were added, left out, changed or swapped. Case and the difference of `-` and `_` do not count.
 */
export function nearestNames(word: string, candidates: Iterable<string>): readonly string[] {
  const plain = (text: string): string => text.toLowerCase().replaceAll('_', '-');
  const limit = Math.max(2, Math.floor(word.length / 3));
  return (
    [...new Set(candidates)]
      .map(candidate => ({ candidate, far: distance(plain(word), plain(candidate)) }))
      // A short name is never a misspelling of which every letter is wrong.
      .filter(({ candidate, far }) => far <= limit && far < Math.min(word.length, candidate.length))
      .sort((one, other) => one.far - other.far)
      .slice(0, most)
      .map(({ candidate }) => candidate)
  );
}

/** The nearest of {@link nearestNames}. `undefined`: none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  return nearestNames(word, candidates)[0];
}

/** `; did you mean "x"?`, or nothing where no candidate is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** Steps from one word to the other, a swap of neighbours being one step (optimal string alignment). */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
