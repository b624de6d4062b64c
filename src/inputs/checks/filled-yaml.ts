import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml';
import { nearest } from '../parse/nearest.js';
import { Refusal } from '../refusal.js';
import { yamlReason } from '../yaml-reason.js';
import { fillingSchemas } from './placeholders.js';

/** A YAML text in whose scalars `$<NAME>` is replaced, read in the three ways that {@link import('./check-fields.js').Fields} needs. */
export interface FilledYaml {
  /** All scalars as text. */
  readonly text: unknown;
  /** The same before its placeholders were replaced. */
  readonly written: unknown;
  /** With typed scalars. */
  readonly typed: unknown;
  /** A problem for each placeholder without a value. */
  readonly reasons: string[];
}

/** Reads a YAML text; `values` replace its placeholders, and those of `open` those without a value. Throws a `Refusal` for what is no YAML. */
export function readFilledYaml(
  text: string,
  values: Readonly<Record<string, string>>,
  open: Readonly<Record<string, string>> = {},
): FilledYaml {
  const missing = new Set<string>();
  const schemas = fillingSchemas({ values: { ...open, ...values }, missing: name => missing.add(name) });
  const written = readYaml(() => load(text, { schema: FAILSAFE_SCHEMA }));
  const filled = readYaml(() => load(text, { schema: schemas.text }));
  const typed = readYaml(() => load(text, { schema: schemas.typed }));
  return { text: filled, written, typed, reasons: [...missing].map(name => undefinedName(name, values)) };
}

function readYaml(read: () => unknown): unknown {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const at = thrown.mark === undefined ? '' : ` in line ${thrown.mark.line + 1}`;
    throw Refusal.because([`cannot be read as YAML: ${yamlReason(thrown)}${at}`]);
  }
}

function undefinedName(name: string, values: Readonly<Record<string, string>>): string {
  const near = nearest(name, Object.keys(values));
  const hint = near === undefined ? '' : ` Did you mean $<${near}>?`;
  return `$<${name}> is not defined; set it in "variables", or write $<${name}:-default>.${hint}`;
}
