import { CORE_SCHEMA, defineScalarTag, FAILSAFE_SCHEMA, NOT_RESOLVED, type Schema } from 'js-yaml';

const placeholder = /(\$?)\$<([A-Za-z_][A-Za-z0-9_]*)(?::-([^>]*))?>/g;

/** The arguments that `String.replace` passes: the whole match, then the groups. */
type Match = [whole: string, escape: string, name: string, fallback: string | undefined, ...rest: unknown[]];

/** Whether the text holds a `$<NAME>`. */
export function mentionsPlaceholder(text: string): boolean {
  return text.search(placeholder) !== -1;
}

/** The names of the placeholders that {@link fill} would replace, in order. */
export function placeholderNames(text: string): readonly string[] {
  return [...text.matchAll(placeholder)].flatMap(([, escape, name = '']) => (escape === '' ? [name] : []));
}

/** Where the values of placeholders come from. */
export interface Names {
  readonly values: Readonly<Record<string, string>>;
  /** Called for each name that has no value and no default. */
  readonly missing: (name: string) => void;
}

/** The text with every `$<NAME>` and `$<NAME:-text>` replaced, once; `$$<NAME>` becomes a literal `$<NAME>`. */
export function fill(text: string, { values, missing }: Names): string {
  return text.replace(placeholder, (...[whole, escape, name, fallback]: Match) => {
    if (escape !== '') return whole.slice(1);
    const set = Object.hasOwn(values, name) ? values[name] : undefined;
    // As in manifests and in a shell, the default also replaces an empty value.
    const value = set === undefined || (set === '' && fallback !== undefined) ? fallback : set;
    if (value === undefined) missing(name);
    // Left as it is, so that no other problem is reported for the text.
    return value ?? whole;
  });
}

/**
 * Two YAML schemas that replace placeholders while the text is parsed, scalar by scalar, so that a value can never change the
 * structure. `text` leaves every scalar as text, `typed` types plain scalars after the replacement.
 */
export function fillingSchemas(names: Names): { readonly text: Schema; readonly typed: Schema } {
  const filledText = defineScalarTag('tag:yaml.org,2002:str', {
    resolve: source => fill(source, names),
    identify: value => typeof value === 'string',
  });
  const filledPlain = defineScalarTag('tag:yaml.org,2002:placeholder', {
    implicit: true,
    resolve: source =>
      mentionsPlaceholder(source) ? CORE_SCHEMA.resolveImplicitScalarTag(fill(source, names)).value : NOT_RESOLVED,
    identify: () => false,
  });
  return { text: FAILSAFE_SCHEMA.withTags(filledText), typed: CORE_SCHEMA.withTags(filledText, filledPlain) };
}
