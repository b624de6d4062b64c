/** How many names a message suggests at most. */
const maxSuggestions = 3;

/**
 * Up to three of `candidates` that `word` most likely stands for, nearest first: at most a third of its letters, or two in a
 * short word, are added, missing, changed or swapped. Case is ignored, and `-` equals `_`.
 */
export function nearestNames(word: string, candidates: Iterable<string>): readonly string[] {
  const plain = (text: string): string => text.toLowerCase().replaceAll('_', '-');
  const limit = Math.max(2, Math.floor(word.length / 3));
  return (
    [...new Set(candidates)]
      .map(candidate => ({ candidate, far: distance(plain(word), plain(candidate)) }))
      // A word in which every letter is wrong is not a misspelling, however short it is.
      .filter(({ candidate, far }) => far <= limit && far < Math.min(word.length, candidate.length))
      .sort((one, other) => one.far - other.far)
      .slice(0, maxSuggestions)
      .map(({ candidate }) => candidate)
  );
}

/** The nearest of {@link nearestNames}. `undefined`: none is near enough. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  return nearestNames(word, candidates)[0];
}

/** `; did you mean "x"?`, or nothing if no candidate is near enough. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** Edits between two words; a swap of neighbours is one edit (optimal string alignment). */
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
