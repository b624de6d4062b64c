const special = /[*?{[]/;

/** Whether a pattern contains a wildcard or braces. */
export function isGlob(pattern: string): boolean {
  return special.test(pattern);
}

/** The folder that contains all matches of a glob: its leading segments without a wildcard. `''` if there is none. */
export function globBase(pattern: string): string {
  const segments = pattern.split('/');
  const wild = segments.findIndex(segment => special.test(segment));
  return segments.slice(0, wild).join('/');
}

/** More patterns than this come from a mistake: `{0,1}` ten times. */
export const maxAlternatives = 100;

/** Expands `{a,b}`, nested ones included, into patterns without braces; ends after one more than {@link maxAlternatives}. */
export function expandBraces(pattern: string): readonly string[] {
  const plain: string[] = [];
  const rest = [pattern];
  for (let next = rest.pop(); next !== undefined && plain.length <= maxAlternatives; next = rest.pop()) {
    const inner = /\{([^{}]*)\}/.exec(next);
    if (inner === null) {
      plain.push(next);
      continue;
    }
    const [before, after] = [next.slice(0, inner.index), next.slice(inner.index + inner[0].length)];
    const choices = (inner[1] ?? '').split(',').slice(0, maxAlternatives + 1);
    rest.push(...choices.toReversed().map(choice => before + choice + after));
  }
  return plain.length > maxAlternatives ? plain : [...new Set(plain)];
}

/** Stands in a sequence for any number of items that it `takes`. */
interface Many<Item> {
  readonly takes: (item: Item) => boolean;
}

/** A part of a pattern: a predicate for one item, or {@link Many}. */
type Part<Item> = ((item: Item) => boolean) | Many<Item>;

/**
 * Whether the parts match all items in order. Follows every possible match at once, so the time is at most the product of
 * both lengths, which no regular expression promises.
 */
function matchesAll<Item>(parts: readonly Part<Item>[], items: readonly Item[]): boolean {
  /** The states: how many parts can be matched so far. */
  const reached = (states: Iterable<number>): Set<number> => {
    const all = new Set(states);
    for (const state of all) if (typeof parts[state] === 'object') all.add(state + 1);
    return all;
  };
  let states = reached([0]);
  for (const item of items) {
    const next: number[] = [];
    for (const state of states) {
      const part = parts[state];
      if (typeof part === 'object' ? part.takes(item) : part?.(item))
        next.push(typeof part === 'object' ? state : state + 1);
    }
    states = reached(next);
  }
  return states.has(parts.length);
}

/** A predicate for one character: `a-z`, `!a-z` or `^a-z` for all others. A range with its ends swapped has no character. */
function characterSet(text: string): (character: string) => boolean {
  try {
    const expression = new RegExp(`^[${text.replace(/^!/, '^').replace(/[\\\]]/g, '\\$&')}]$`, 'u');
    return character => expression.test(character);
  } catch {
    return () => false;
  }
}

/** A predicate for one segment of a path; as in a shell, a wildcard does not match a leading dot. */
function segmentMatcher(segment: string): (name: string) => boolean {
  const parts = [...segment.matchAll(/\*+|\?|\[[^\]]+\]|[^]/gu)].map(([text]): Part<string> => {
    if (text.startsWith('*')) return { takes: () => true };
    if (text === '?') return () => true;
    if (text.length < 3 || !text.startsWith('[')) return character => character === text;
    return characterSet(text.slice(1, -1));
  });
  const isHiddenToo = !/^[*?]/.test(segment);
  return name => (isHiddenToo || !name.startsWith('.')) && matchesAll(parts, Array.from(name));
}

const isVisible = (name: string): boolean => name !== '' && !name.startsWith('.');

/**
 * A predicate for paths with `/`: `*` and `?` match within one segment, `**` matches any number of segments (not hidden
 * ones), `{a,b}` either alternative, `[abc]` one character.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const alternatives = expandBraces(pattern).map(plain =>
    plain.split('/').flatMap((segment, index, all): Part<string> | Part<string>[] => {
      if (segment !== '**') return segmentMatcher(segment);
      // At the end it matches at least one.
      return index === all.length - 1 ? [isVisible, { takes: isVisible }] : { takes: isVisible };
    }),
  );
  return path => {
    const segments = path.split('/');
    return alternatives.some(parts => matchesAll(parts, segments));
  };
}
