import { isFields } from '../kubernetes/fields.js';
import { sensitiveIn, sensitiveInItem, type SensitiveField } from '../manifests/sensitive-fields.js';
import { telling, tellingMember } from '../manifests/telling-names.js';

/** A field of an object, and what below it must not be shown. */
export interface FieldPlace {
  /** Of the object. */
  readonly kind: string;
  /** `spec.template.spec.containers[web].image`. */
  readonly path: string;
  /** The fields below it that contain values of the environment. */
  readonly sensitive: readonly SensitiveField[];
}

const hidden = '***';
/** Longer values are not shown at all: a reader cannot use them. */
const maxLength = 300;

/** A field's value as JSON text, with `***` for secrets, and the length instead of a long value. */
export function shownValue(field: FieldPlace, value: unknown): string {
  if (value === undefined) return 'absent';
  if (isHidden(field)) return hidden;
  const text = JSON.stringify(redacted(value, field.sensitive));
  return text.length <= maxLength ? text : `(${text.length} characters)`;
}

/** Whether the whole value must not be shown. */
export function isHidden({ kind, path, sensitive }: FieldPlace): boolean {
  if (sensitive.some(field => field.length === 0)) return true;
  if (kind === 'Secret' && /^(string)?[dD]ata\b/.test(path)) return true;
  if (path.includes('last-applied-configuration')) return true;
  const variable = /\benv\[(?:name=)?"?([^\]"]+)"?\]\.value$/.exec(path)?.[1];
  const entry = kind === 'ConfigMap' ? /^(?:binaryData|data)(?:\.|\[")([^"]+)/.exec(path)?.[1] : undefined;
  const member = /(?:^|\.|\[")([^."[\]]+)(?:"\])?$/.exec(path)?.[1];
  return telling.test(variable ?? entry ?? '') || tellingMember.test(member ?? '');
}

/** The value with `***` for what comes from the environment, and for variables and members with the name of a secret. */
function redacted(value: unknown, sensitive: readonly SensitiveField[]): unknown {
  if (sensitive.some(field => field.length === 0)) return hidden;
  if (typeof value === 'string') return withoutAssignedSecrets(value);
  if (Array.isArray(value))
    return value.map((item: unknown, index) => redacted(item, sensitiveInItem(sensitive, item, index)));
  if (!isFields(value)) return value;
  const { name } = value;
  const isSecretVariable = typeof name === 'string' && value['value'] !== undefined && telling.test(name);
  return Object.fromEntries(
    Object.entries(value).map(([member, item]) => {
      const isSecret =
        (isSecretVariable && member === 'value') ||
        (typeof item === 'string' && tellingMember.test(member)) ||
        member.endsWith('last-applied-configuration');
      return [member, isSecret ? hidden : redacted(item, sensitiveIn(sensitive, member))];
    }),
  );
}

const secretName = `(?:${tellingMember.source.slice(0, -1)})`;
const assigned = new RegExp(`(${secretName}["']?[ \\t]*[:=][ \\t]*)[^\\s].*`, 'gi');
/** A line that begins a value of such a name, and what stands before the name. */
const opening = new RegExp(`^([ \\t]*(?:-[ \\t]+)*)["']?[\\w.-]*?${secretName}s?["']?[ \\t]*[:=]`, 'i');

const privateKey = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]*/g;

/**
 * A text such as a properties file, or an argument of a command, without private keys and values that are assigned to secrets: also
 * those that go on in the lines below, as a map, a list or a text. Without a private key, the number of lines stays the same.
 */
export function withoutAssignedSecrets(text: string): string {
  const shown = text.replace(privateKey, hidden);
  const lines = shown.includes('\n') ? withoutBlocks(shown.split('\n')) : [shown];
  return lines.join('\n').replace(assigned, `$1${hidden}`);
}

/** The lines, with `***` for those that belong to the value of a secret in a line above. */
function withoutBlocks(lines: readonly string[]): readonly string[] {
  /** The indentation of the name; Infinity: in no such value. */
  let depth = Infinity;
  let goesOn = false;
  return lines.map(line => {
    if (line.trim() === '') return line;
    const [indentation = ''] = /^[ \t]*/.exec(line) ?? [];
    const isItem = indentation.length === depth && /^[ \t]*-(?:[ \t]|$)/.test(line);
    const isInside = goesOn || indentation.length > depth || isItem;
    if (!isInside) depth = opening.exec(line)?.[1]?.length ?? Infinity;
    goesOn = line.endsWith('\\') && depth < Infinity;
    return isInside ? `${indentation}${hidden}` : line;
  });
}
