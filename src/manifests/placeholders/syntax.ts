import { nearestNames } from '../../inputs/parse/nearest.js';
import { own } from '../../own.js';
import type { NamedValue } from '../sensitive-fields.js';

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
  /** The values in it that came from the environment and may be secret. Absent: none. */
  readonly sensitive?: readonly NamedValue[];
}

// Longest form first. The strict form accepts any word, so that an invalid name is reported instead of ignored.
const placeholderPattern =
  /\$\$<[^\s<>:]+(?::-[^>]*)?>|\$<(?<strict>[^\s<>:]+)(?::-(?<fallback>[^>]*))?>|(?<escape>\$)?(?<loose>\$(?:\{(?<braced>[A-Za-z_]\w*)\}|(?<bare>[A-Za-z_]\w*)))/g;
const validName = /^[A-Za-z_]\w*$/;

/**
 * Built-in names whose value differs from run to run. The loose forms do not replace them: a script has variables of the same names,
 * and its text would change with every run.
 */
const runBuiltIns: ReadonlySet<string> = new Set(['REVISION', 'SHA', 'SHORT_SHA', 'REF_NAME', 'RUN_NUMBER', 'RUN_ID']);

/** What a loose placeholder of this name is: replaced, a built-in name that only `$<NAME>` replaces, or none. */
export function looseMeaning(
  name: string,
  { variables, builtIns }: Pick<ValueSources, 'variables' | 'builtIns'>,
): 'replaced' | 'strict-only' | 'none' {
  if (Object.hasOwn(variables, name)) return 'replaced';
  if (runBuiltIns.has(name)) return 'strict-only';
  return Object.hasOwn(builtIns, name) ? 'replaced' : 'none';
}

/** Variables in which the runner tells facts of the run, which everybody may see. All others may be secret. */
const publicVariables: ReadonlySet<string> = new Set(
  [
    ...['ACTOR', 'ACTOR_ID', 'API_URL', 'BASE_REF', 'EVENT_NAME', 'HEAD_REF', 'JOB', 'REF', 'REF_NAME', 'REF_TYPE'],
    ...[
      'REPOSITORY',
      'REPOSITORY_ID',
      'REPOSITORY_OWNER',
      'REPOSITORY_OWNER_ID',
      'RUN_ATTEMPT',
      'RUN_ID',
      'RUN_NUMBER',
    ],
    ...['SERVER_URL', 'SHA', 'TRIGGERING_ACTOR', 'WORKFLOW', 'WORKFLOW_REF', 'WORKFLOW_SHA'],
  ].map(name => `GITHUB_${name}`),
);

/** The value of a name in the first of the maps that has it. */
function lookUp(name: string, maps: readonly Readonly<Record<string, string>>[]): string | undefined {
  return own(
    maps.find(map => Object.hasOwn(map, name)),
    name,
  );
}

function undefinedNameMessage(name: string, sources: ValueSources): string {
  const closeNames = nearestNames(name, [...Object.keys(sources.variables), ...Object.keys(sources.builtIns)]);
  const suggestions = closeNames.length > 0 ? closeNames : nearestNames(name, Object.keys(sources.environment));
  const suggestion = suggestions.length > 0 ? ` Did you mean ${suggestions.join(', ')}?` : '';
  return `$<${name}> has no value: ${name} is not in \`variables\`, not a built-in name and not in the environment.${suggestion} Write $$<${name}> for the literal text.`;
}

/** What a text assigns to the name before its end, as in `--password=` and `password: `. */
const assignment = /([\w.-]+)["']?[ \t]*[:=][ \t]*["']?$/;

/**
 * Replaces placeholders in one text, in a single pass: placeholders inside values are not replaced. A default
 * (`$<NAME:-text>`) is used where the name is undefined or its value is empty, as in a shell.
 */
export function replacePlaceholders(text: string, mode: SubstitutionMode, sources: ValueSources): ReplacedText {
  const problems: PlaceholderProblem[] = [];
  if (mode === 'off') return { text, problems };
  const declared = [sources.variables, sources.builtIns];
  const sensitive: NamedValue[] = [];
  const replacement = (match: RegExpExecArray): string => {
    const [placeholder, strict, fallback, escape, loose, braced, bare] = match;
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
      if (value !== undefined && isSensitive(strict, sources)) {
        const assignedTo = assignment.exec(text.slice(Math.max(0, match.index - 100), match.index))?.[1];
        sensitive.push({ value, names: assignedTo === undefined ? [strict] : [strict, assignedTo] });
      }
      if (value !== undefined && (value !== '' || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      problems.push({ placeholder, message: undefinedNameMessage(strict, sources) });
      return placeholder;
    }
    if (loose === undefined) return placeholder.slice(1);
    const name = braced ?? bare ?? '';
    const isReplaced = mode === 'on' && looseMeaning(name, sources) === 'replaced';
    const value = isReplaced ? lookUp(name, declared) : undefined;
    if (value === undefined) return placeholder;
    return escape === undefined ? value : loose;
  };
  let replaced = '';
  let end = 0;
  for (const match of text.matchAll(placeholderPattern)) {
    replaced += text.slice(end, match.index) + replacement(match);
    end = match.index + match[0].length;
  }
  return { text: replaced + text.slice(end), problems, ...(sensitive.length > 0 && { sensitive }) };
}

/** Whether the value of `$<NAME>` comes from the environment and may be secret. */
function isSensitive(name: string, { variables, builtIns, environment }: ValueSources): boolean {
  if (publicVariables.has(name) || lookUp(name, [variables, builtIns]) !== undefined) return false;
  return Object.hasOwn(environment, name) && environment[name] !== '';
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
