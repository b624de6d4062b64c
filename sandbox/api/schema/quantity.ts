import { isObject, type JsonValue } from './json.js';
import { memberSchema, type Schema } from './schema.js';

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
}; // prettier-ignore
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** A quantity as the API server stores it: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`. Others stay as they are. */
export function canonicalQuantity(value: string): string {
  const match = /^([+-]?[0-9.]+)([a-zA-Z]*)$/.exec(value.trim());
  const [, digits = '', unit = ''] = match ?? [];
  const amount = Number(digits);
  if (match === null || Number.isNaN(amount)) return value;
  if (amount === 0) return '0';
  if (binary.indexOf(unit) > 0) {
    const bytes = amount * 1024 ** binary.indexOf(unit);
    if (!Number.isInteger(bytes)) return value;
    let step = binary.length - 1;
    while (step > 0 && bytes % 1024 ** step !== 0) step -= 1;
    return `${bytes / 1024 ** step}${binary[step] ?? ''}`;
  }
  const factor = suffixes[unit];
  if (factor === undefined) return value;
  // Counted in thousandths of a millionth, so that 0.1 stays exact.
  const nano = Math.round(amount * factor * 1e9);
  if (!Number.isSafeInteger(nano)) return value;
  let step = 0;
  let left = nano;
  while (step < decimal.length - 1 && left % 1000 === 0) {
    left /= 1000;
    step += 1;
  }
  return `${left}${decimal[step] ?? ''}`;
}

/** The value of a quantity; 0 if it is invalid. */
export function amountOf(value: string): number {
  const [, digits = '', unit = ''] = /^([+-]?[0-9.]+)([a-zA-Z]*)$/.exec(value.trim()) ?? [];
  const power = binary.indexOf(unit);
  return Number(digits) * (power > 0 ? 1024 ** power : (suffixes[unit] ?? 0));
}

/** Rewrites every quantity in `value`, in place. */
export function canonicalQuantities(value: JsonValue, schema: Schema): void {
  if (schema.type === 'list' && Array.isArray(value)) {
    for (const item of value) canonicalQuantities(item, schema.items);
  } else if (schema.type === 'map' && isObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      const memberOf = memberSchema(schema, name);
      if (memberOf === undefined) continue;
      if (memberOf.type === 'quantity' && (typeof member === 'string' || typeof member === 'number')) {
        value[name] = canonicalQuantity(String(member));
      } else canonicalQuantities(member, memberOf);
    }
  }
}
