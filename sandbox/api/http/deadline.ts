import { badRequest } from './status.js';
import type { Query } from './request.js';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration as Go writes it: `30s`, `1m30s`, `1.5s`. Throws 400. */
function durationMs(text: string): number {
  const refuse = (why: string): never => {
    throw badRequest(`invalid timeout specified in the request URL - time: ${why}`);
  };
  const quoted = JSON.stringify(text);
  const [, sign = '', amount = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (amount === '0') return 0;
  const parts = [...amount.matchAll(/(\d+\.?\d*|\.\d+)([^\d.]*)/gy)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== amount)
    return refuse(`invalid duration ${quoted}`);
  const total = parts.reduce((sum, [, count, unit = '']) => {
    if (unit === '') return refuse(`missing unit in duration ${quoted}`);
    const each = unitMs[unit] ?? refuse(`unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    return sum + Number(count) * each;
  }, 0);
  return sign === '-' ? -total : total;
}

/** Longest time of any request, and of a write, in milliseconds. */
const longestMs = 60_000;
const longestWriteMs = 34_000;

/**
 * Milliseconds from the arrival of a request until the server gives it up: the `timeout` of the query, but at most what the
 * server allows. Throws 400 for a timeout that is no duration.
 */
export function timeoutMs(method: string, query: Query): number {
  const allowed = method === 'GET' ? longestMs : longestWriteMs;
  const text = query.get('timeout') ?? '';
  const asked = text === '' ? 0 : durationMs(text);
  return asked > 0 ? Math.min(asked, allowed) : allowed;
}
