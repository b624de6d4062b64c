import { nearestNames } from '../../inputs/parse/nearest.js';

/** Which placeholders are replaced: all, only the strict `$<NAME>`, or none. */
export type SubstitutionMode = 'on' | 'strict-only' | 'off';

/** Where values come from. A name is looked up in this order. */
export interface ValueSources {
  readonly variables: Readonly<Record<string, string>>;
  readonly builtIns: Readonly<Record<string, string>>;
  /** For `$<NAME>` only. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What is wrong with a placeholder. */
export interface PlaceholderProblem {
  /** The placeholder as written, which locates it. */
  readonly written: string;
  readonly message: string;
}

export interface Filled {
  readonly text: string;
  readonly problems: readonly PlaceholderProblem[];
}

// Longest form first. The strict form takes any word, so that a mistyped name is an error and not silence.
const placeholder =
  /\$\$<[^\s<>:]+(?::-[^>]*)?>|\$<(?<strict>[^\s<>:]+)(?::-(?<otherwise>[^>]*))?>|(?<escape>\$)?(?<loose>\$(?:\{(?<braced>[A-Za-z_]\w*)\}|(?<bare>[A-Za-z_]\w*)))/g;
const validName = /^[A-Za-z_]\w*$/;

/** The value of a name in the first of the maps that has it. */
function lookUp(name: string, maps: readonly Readonly<Record<string, string>>[]): string | undefined {
  return maps.find(map => Object.hasOwn(map, name))?.[name];
}

function undefinedName(name: string, sources: ValueSources): string {
  const known = nearestNames(name, [...Object.keys(sources.variables), ...Object.keys(sources.builtIns)]);
  const near = known.length > 0 ? known : nearestNames(name, Object.keys(sources.environment));
  const meant = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : '';
  return `$<${name}> has no value: ${name} is neither in \`variables\`, nor built in, nor in the environment.${meant}`;
}

/**
 * Replaces placeholders in one text, in a single pass: what a value brings in is never looked at again. A default
 * (`$<NAME:-text>`) is used where the name is undefined or its value is empty, as in a shell.
 */
export function fill(text: string, mode: SubstitutionMode, sources: ValueSources): Filled {
  const problems: PlaceholderProblem[] = [];
  if (mode === 'off') return { text, problems };
  const declared = [sources.variables, sources.builtIns];
  const replacement = ([written, strict, otherwise, escape, loose, braced, bare]: RegExpMatchArray): string => {
    if (strict !== undefined) {
      if (!validName.test(strict)) {
        const rule = 'names are letters, digits and _, and do not start with a digit';
        problems.push({ written, message: `${written} is not a placeholder: ${rule}. Write $${written} to keep it.` });
        return written;
      }
      const value = lookUp(strict, [...declared, sources.environment]);
      if (value !== undefined && (value !== '' || otherwise === undefined)) return value;
      if (otherwise !== undefined) return otherwise;
      problems.push({ written, message: undefinedName(strict, sources) });
      return written;
    }
    if (loose === undefined) return written.slice(1);
    const value = mode === 'on' ? lookUp(braced ?? bare ?? '', declared) : undefined;
    if (value === undefined) return written;
    return escape === undefined ? value : loose;
  };
  let replaced = '';
  let end = 0;
  for (const match of text.matchAll(placeholder)) {
    replaced += text.slice(end, match.index) + replacement(match);
    end = match.index + match[0].length;
  }
  return { text: replaced + text.slice(end), problems };
}

/** A name that a placeholder mentions, and whether in the strict form `$<NAME>` or in one of the loose ones. */
export interface NamedPlaceholder {
  readonly name: string;
  readonly form: 'strict' | 'loose';
}

/** The placeholders of a text, as far as the mode looks at them; escaped ones do not count. */
export function placeholdersIn(text: string, mode: SubstitutionMode): readonly NamedPlaceholder[] {
  if (mode === 'off' || !text.includes('$')) return [];
  return [...text.matchAll(placeholder)].flatMap(({ groups = {} }): readonly NamedPlaceholder[] => {
    const { strict, escape, braced, bare } = groups;
    if (strict !== undefined) return [{ name: strict, form: 'strict' }];
    const name = mode === 'on' && escape === undefined ? (braced ?? bare) : undefined;
    return name === undefined ? [] : [{ name, form: 'loose' }];
  });
}
