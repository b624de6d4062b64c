import type { Range } from './unescaped.js';

/** Needles are told apart by this many first characters; none is shorter. */
const beginning = 4;
/** Longer needles are compared one by one: a comparison ends at the first difference. */
const longestHashed = 256;
/** `shortened` leaves this at the end of a text that it has cut. */
const cutMark = '…';

/** Strings to look for. The time of a search hardly depends on their number. */
export class Needles {
  /** By a hash of the beginning, then by length. */
  readonly #families = new Map<number, Map<number, Set<string>>>();
  /** All in order, once they are needed. */
  #sorted: readonly string[] | undefined;

  get isEmpty(): boolean {
    return this.#families.size === 0;
  }

  /** `needle`: at least four characters. */
  add(needle: string): void {
    const hash = hashOf(needle.slice(0, beginning));
    const family = this.#families.get(hash) ?? new Map<number, Set<string>>();
    const same = family.get(needle.length) ?? new Set<string>();
    this.#families.set(hash, family.set(needle.length, same.add(needle)));
    this.#sorted = undefined;
  }

  /** Where the needles are, and the beginnings of needles that end in the mark of a cut. */
  rangesIn(text: string): Range[] {
    const ranges: Range[] = [];
    let mark = text.indexOf(cutMark);
    let hash = hashOf(text.slice(0, beginning - 1));
    let covered = 0;
    for (let at = 0; at + beginning <= text.length; at += 1) {
      if (mark >= 0 && at > mark) mark = text.indexOf(cutMark, at);
      hash = nextHash(hash, text.charCodeAt(at + beginning - 1));
      const family = this.#families.get(hash);
      if (family === undefined) continue;
      const length = longestAt(text, at, { family, above: covered - at });
      if (length > 0) {
        covered = at + length;
        ranges.push([at, covered]);
      }
      if (mark < Math.max(covered, at + beginning) || !this.#isBeginning(text.slice(at, mark))) continue;
      covered = mark + cutMark.length;
      ranges.push([at, covered]);
    }
    return ranges;
  }

  /** Whether a needle begins with the text: then it is the first one in order that is not before the text. */
  #isBeginning(text: string): boolean {
    this.#sorted ??= [...this.#families.values()]
      .flatMap(family => [...family.values()].flatMap(same => [...same]))
      .sort();
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? '') < text) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low]?.startsWith(text) ?? false;
  }
}

interface Candidates {
  readonly family: ReadonlyMap<number, ReadonlySet<string>>;
  /** Only longer ones count: the others are covered by what was found before. */
  readonly above: number;
}

/** The length of the longest needle that stands there; 0: none does. */
function longestAt(text: string, at: number, { family, above }: Candidates): number {
  let longest = 0;
  for (const [length, same] of family) {
    if (length <= Math.max(longest, above)) continue;
    const isHere =
      same.size > 4 && length <= longestHashed
        ? same.has(text.slice(at, at + length))
        : [...same].some(one => text.startsWith(one, at));
    if (isHere) longest = length;
  }
  return longest;
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1) hash = nextHash(hash, text.charCodeAt(at));
  return hash;
}

/** The hash of the last four characters: those before are shifted out of it. */
function nextHash(hash: number, unit: number): number {
  return (hash << 8) ^ unit;
}
