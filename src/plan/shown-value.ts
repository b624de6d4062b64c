import { isFields } from '../kubernetes/fields.js';
import { sensitiveIn, sensitiveInItem, type SensitiveField } from '../manifests/sensitive-fields.js';

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
/** Names of variables and keys that tell of a secret: the second net, for values that do not come from the environment. */
const telling =
  /pass|pwd|secret|token|cred|private|(?<=[\w.-])key|auth|dsn|salt|cert|\.pem|signing|signature|session|cookie|webhook|bearer|jwt|conn(?:ection)?.?str/i;
/** The same for the members of all objects, most of which are names of Kubernetes. */
const tellingMember = /(?:passw(?:or)?d|passphrase|pwd|token|secret|api.?key|private.?key|dsn|credentials?)$/i;
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

const assigned = new RegExp(`((?:${tellingMember.source.slice(0, -1)})["']?[ \\t]*[:=][ \\t]*)[^\\s].*`, 'gi');

const privateKey = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]*/g;

/** A text such as a line of a properties file, or an argument of a command, without private keys and values that are assigned to secrets. */
export function withoutAssignedSecrets(text: string): string {
  return text.replace(privateKey, hidden).replace(assigned, `$1${hidden}`);
}
