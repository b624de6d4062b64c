import { nearestNames } from '../../inputs/parse/nearest.js';

/** Which placeholders are replaced: all, only the strict `$<NAME>`, or none. */
export type SubstitutionMode = 'on' | 'strict-only' | 'off';

/** Sources of values, in the order in which a name is looked up. */
export interface ValueSources {
  readonly variables: Readonly<Record<string, string>>;
  readonly builtIns: Readonly<Record<string, string>>;
  /** For `$<NAME>` only. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What is wrong with a placeholder. */
export interface PlaceholderProblem {
  /** The placeholder as written; used to find its position. */
  readonly placeholder: string;
  readonly message: string;
}

export interface ReplacedText {
  readonly text: string;
  readonly problems: readonly PlaceholderProblem[];
}

// Longest form first. The strict form accepts any word, so that an invalid name is reported instead of ignored.
const placeholderPattern =
  /\$\$<[^\s<>:]+(?::-[^>]*)?>|\$<(?<strict>[^\s<>:]+)(?::-(?<fallback>[^>]*))?>|(?<escape>\$)?(?<loose>\$(?:\{(?<braced>[A-Za-z_]\w*)\}|(?<bare>[A-Za-z_]\w*)))/g;
const validName = /^[A-Za-z_]\w*$/;

/** The value of a name in the first of the maps that has it. */
function lookUp(name: string, maps: readonly Readonly<Record<string, string>>[]): string | undefined {
  return maps.find(map => Object.hasOwn(map, name))?.[name];
}

function undefinedNameMessage(name: string, sources: ValueSources): string {
  const closeNames = nearestNames(name, [...Object.keys(sources.variables), ...Object.keys(sources.builtIns)]);
  const suggestions = closeNames.length > 0 ? closeNames : nearestNames(name, Object.keys(sources.environment));
  const suggestion = suggestions.length > 0 ? ` Did you mean ${suggestions.join(', ')}?` : '';
  return `$<${name}> has no value: ${name} is not in \`variables\`, not a built-in name and not in the environment.${suggestion}`;
}

/**
 * Replaces placeholders in one text, in a single pass: placeholders inside values are not replaced. A default
 * (`$<NAME:-text>`) is used where the name is undefined or its value is empty, as in a shell.
 */
export function replacePlaceholders(text: string, mode: SubstitutionMode, sources: ValueSources): ReplacedText {
  const problems: PlaceholderProblem[] = [];
  if (mode === 'off') return { text, problems };
  const declared = [sources.variables, sources.builtIns];
  const replacement = ([placeholder, strict, fallback, escape, loose, braced, bare]: RegExpMatchArray): string => {
    if (strict !== undefined) {
      if (!validName.test(strict)) {
        const rule = 'a name consists of letters, digits and _, and does not start with a digit';
        problems.push({
          placeholder,
          message: `${placeholder} is not a valid placeholder: ${rule}. Write $${placeholder} for the literal text.`,
        });
        return placeholder;
      }
      const value = lookUp(strict, [...declared, sources.environment]);
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      problems.push({ placeholder, message: undefinedNameMessage(strict, sources) });
      return placeholder;
    }
    if (loose === undefined) return placeholder.slice(1);
    const value = mode === 'on' ? lookUp(braced ?? bare ?? '', declared) : undefined;
    if (value === undefined) return placeholder;
    return escape === undefined ? value : loose;
  };
  let replaced = '';
  let end = 0;
  for (const match of text.matchAll(placeholderPattern)) {
    replaced += text.slice(end, match.index) + replacement(match);
    end = match.index + match[0].length;
  }
  return { text: replaced + text.slice(end), problems };
}

/** The name in a placeholder, and its form: strict `$<NAME>`, or loose `$NAME` and `${NAME}`. */
export interface NamedPlaceholder {
  readonly name: string;
  readonly form: 'strict' | 'loose';
}

/** The placeholders in a text that the mode replaces, without escaped ones. */
export function placeholdersIn(text: string, mode: SubstitutionMode): readonly NamedPlaceholder[] {
  if (mode === 'off' || !text.includes('$')) return [];
  return [...text.matchAll(placeholderPattern)].flatMap(({ groups = {} }): readonly NamedPlaceholder[] => {
    const { strict, escape, braced, bare } = groups;
    if (strict !== undefined) return [{ name: strict, form: 'strict' }];
    const name = mode === 'on' && escape === undefined ? (braced ?? bare) : undefined;
    return name === undefined ? [] : [{ name, form: 'loose' }];
  });
}
