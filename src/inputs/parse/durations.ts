import { Refusal, type Parse } from '../refusal.js';

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const shape = /^(?=\d)(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?$/;

/** The longest job that GitHub allows; it also keeps every timer within the range of Node. */
export const longestMs = 120 * 3_600_000;

/** Parser of `500ms`, `30s`, `10m`, `1h30m`: milliseconds, at least `atLeastMs` (default 0) and at most 120 h. */
export function duration({ atLeastMs = 0 }: { readonly atLeastMs?: number } = {}): Parse<number> {
  const minimum = atLeastMs > 0 ? `, at least ${writeDuration(atLeastMs)}` : '';
  return text => {
    if (/^\d+$/.test(text)) {
      throw Refusal.accepting(`a duration with a unit, such as ${text}s or ${text}m`);
    }
    const ms = shape.test(text)
      ? [...text.matchAll(/(\d+)(ms|h|m|s)/g)].reduce(
          (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0),
          0,
        )
      : undefined;
    if (ms === undefined || ms < atLeastMs || ms > longestMs) {
      throw Refusal.accepting(`a duration such as 500ms, 30s, 10m or 1h30m${minimum}, at most 120h`);
    }
    return ms;
  };
}

/** The duration as a user writes it: `90 000` → `1m30s`. */
export function writeDuration(ms: number): string {
  let rest = ms;
  const parts = Object.entries(units).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? `${count}${unit}` : '';
  });
  return parts.join('') || '0s';
}
