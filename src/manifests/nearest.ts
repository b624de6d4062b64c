function distance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** Up to three of `names` that someone who wrote `name` may have meant, nearest first; case does not count. */
export function nearestNames(name: string, names: Iterable<string>): readonly string[] {
  const written = name.toUpperCase();
  const limit = Math.max(1, Math.floor(name.length / 3));
  return [...new Set(names)]
    .map(candidate => ({ candidate, far: distance(written, candidate.toUpperCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((one, other) => one.far - other.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}
