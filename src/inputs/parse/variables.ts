import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml';
import { Refusal, type Parse } from '../refusal.js';
import { yamlReason } from '../yaml-reason.js';

const nameShape = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * `NAME=value` lines, or a YAML or JSON map. All values are text, exactly as written (`1.10` stays `1.10`). In lines, space
 * around name and value is removed, quotes are kept, `#` begins a comment only at the start of a line.
 */
export const variables: Parse<Readonly<Record<string, string>>> = text =>
  looksLikeLines(text) ? fromLines(text) : fromMap(text);

const significant = (lines: readonly string[]): readonly string[] =>
  lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'));

/** The first line that is neither empty nor a comment decides: `A=x: y` is a line, `A: x=y` and `{"A": "x"}` are maps. */
function looksLikeLines(text: string): boolean {
  const [first = ''] = significant(text.split('\n'));
  return !first.startsWith('{') && /^[^:"'\s]*\s*=/.test(first);
}

function fromLines(text: string): Readonly<Record<string, string>> {
  const pairs = significant(text.split('\n')).map((line): Pair => {
    const equals = line.indexOf('=');
    // The line may be a secret without its name: it is not quoted.
    if (equals === -1) return { name: undefined, value: line };
    return { name: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() };
  });
  return collect(pairs);
}

function fromMap(text: string): Readonly<Record<string, string>> {
  const value = loadText(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw Refusal.because(['neither NAME=value lines nor a YAML or JSON map']);
  }
  return collect(Object.entries(value).map(([name, each]) => ({ name, value: each as unknown })));
}

function loadText(text: string): unknown {
  try {
    return load(text, { schema: FAILSAFE_SCHEMA });
  } catch (thrown) {
    if (thrown instanceof YAMLException) throw Refusal.because([`cannot be read as a YAML map: ${yamlReason(thrown)}`]);
    throw thrown;
  }
}

interface Pair {
  readonly name: string | undefined;
  readonly value: unknown;
}

function collect(pairs: readonly Pair[]): Readonly<Record<string, string>> {
  const reasons: string[] = [];
  const variables = new Map<string, string>();
  pairs.forEach(({ name, value }, index) => {
    if (name === undefined) reasons.push(`entry ${index + 1} has no "="; write NAME=value`);
    else if (!nameShape.test(name)) {
      // It is not quoted: base64 of a secret ends in "=".
      reasons.push(`entry ${index + 1} has no valid name; use letters, digits and _, not beginning with a digit`);
    } else if (typeof value !== 'string') reasons.push(`${name} is not text; quote it`);
    else if (variables.has(name)) reasons.push(`${name} is set twice`);
    else variables.set(name, value);
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
  return Object.fromEntries(variables);
}
