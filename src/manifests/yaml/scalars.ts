import { isUtf8 } from 'node:buffer';
import { defineScalarTag, FAILSAFE_SCHEMA, mergeTag, NOT_RESOLVED } from 'js-yaml';

/** What a plain scalar is. `undefined`: a text. */
export type PlainValue =
  | { readonly kind: 'null'; readonly value: null }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int' | 'float'; readonly value: number };

const nulls = /^(?:~|null|Null|NULL)?$/;
const trues = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const falses = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const notANumber = /^\.(?:nan|NaN|NAN)$/;
const infinity = /^[-+]?\.(?:inf|Inf|INF)$/;
const integer =
  /^(?<sign>[-+]?)(?:0[xX](?<hex>[\da-fA-F]+)|0[bB](?<binary>[01]+)|0[oO]?(?<octal>[0-7]+)|(?<decimal>0|[1-9]\d*))$/;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

function integerOf(text: string): number | undefined {
  const groups = integer.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { sign, hex, binary, octal, decimal } = groups;
  const size =
    hex !== undefined
      ? parseInt(hex, 16)
      : binary !== undefined
        ? parseInt(binary, 2)
        : octal !== undefined
          ? parseInt(octal, 8)
          : Number(decimal);
  // Without a negative zero, which an integer does not have.
  return sign === '-' && size !== 0 ? -size : size;
}

/**
 * The value of a plain scalar as kubectl's reader takes it, which follows YAML 1.1 with some forms of YAML 1.2: `yes` and `on` are
 * booleans, `0644` and `0o644` octal, `1_000` a number; dates and `1:30` are texts.
 */
export function plainValue(text: string): PlainValue | undefined {
  if (nulls.test(text)) return { kind: 'null', value: null };
  if (trues.test(text)) return { kind: 'bool', value: true };
  if (falses.test(text)) return { kind: 'bool', value: false };
  if (notANumber.test(text)) return { kind: 'float', value: NaN };
  if (infinity.test(text)) return { kind: 'float', value: text.startsWith('-') ? -Infinity : Infinity };
  if (!/^[-+.\d]/.test(text)) return undefined;
  const plain = text.replaceAll('_', '');
  const whole = integerOf(plain);
  if (whole !== undefined) return { kind: 'int', value: whole };
  const number = float.test(plain) ? Number(plain) : NaN;
  return Number.isFinite(number) ? { kind: 'float', value: number } : undefined;
}

type Kind = PlainValue['kind'];

/** A tag for values of one kind. `explicit`: further kinds that a scalar with the tag written before it may have. */
function plainTag(kind: Kind, explicit?: Kind) {
  return defineScalarTag<unknown>(`tag:yaml.org,2002:${kind}`, {
    implicit: true,
    resolve: (source, isExplicit) => {
      const found = plainValue(source);
      const matches = found?.kind === kind || (isExplicit && found !== undefined && found.kind === explicit);
      return matches ? found.value : NOT_RESOLVED;
    },
    identify: () => false,
  });
}

/** Base64 of a text. Bytes that are no text are refused: JSON cannot represent them. */
const binaryTag = defineScalarTag<string>('tag:yaml.org,2002:binary', {
  resolve: source => {
    const base64 = source.replace(/[\r\n]/g, '');
    if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(base64)) return NOT_RESOLVED;
    const bytes = Buffer.from(base64, 'base64');
    return isUtf8(bytes) ? bytes.toString('utf8') : NOT_RESOLVED;
  },
  identify: () => false,
});

/** A date or time, which stays a text. */
const timestampTag = defineScalarTag<string>('tag:yaml.org,2002:timestamp', {
  resolve: source => (/^\d{4}-\d\d?-\d\d?(?:[Tt ]|$)/.test(source) ? source : NOT_RESOLVED),
  identify: () => false,
});

/** The types of YAML that kubectl's reader knows, with merge keys. */
export const kubectlSchema = FAILSAFE_SCHEMA.withTags(
  plainTag('null'),
  plainTag('bool'),
  plainTag('int'),
  plainTag('float', 'int'),
  binaryTag,
  timestampTag,
  mergeTag,
);

/** What is wrong with a plain scalar as the key of a map; `undefined`: nothing. Such a key is stored as the text of its value. */
export function plainKeyProblem(key: string): string | undefined {
  const found = plainValue(key);
  if (found === undefined) return undefined;
  // kubectl rounds longer fractions.
  const rounded = found.kind === 'float' && key.length > 6;
  if (found.kind !== 'null' && String(found.value) === key && !rounded) return undefined;
  const what = found.kind === 'bool' || found.kind === 'null' ? String(found.value) : 'a number in another form';
  return `kubectl reads the key ${key} as ${what}: put it in quotes.`;
}
