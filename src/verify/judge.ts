import { isDeepStrictEqual } from 'node:util';
import { CutoverError } from '../errors.js';
import type { Expectation } from '../inputs/inputs.js';
import { quote, shorten } from './quote.js';

/** Whatever came back from the application. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What an answer, or a set of them, says of the application. `cannot-tell`: nobody spoke for the application. */
export type Verdict = 'pass' | 'fail' | 'cannot-tell';

/** What one answer is worth, and why. */
export interface Judgement {
  readonly verdict: 'pass' | 'fail';
  /** Pass: what came. Fail: what was expected, and what came instead. */
  readonly reason: string;
}

/** Compares an answer with all that is expected of it; a failure names every expectation that does not hold. */
export function judge(expected: Expectation, answer: Answer): Judgement {
  const body = answer.body.toString('utf8');
  const unmet = [
    ...unmetStatus(expected, answer.status),
    ...unmetBody(expected, body),
    ...unmetJson(expected, body),
    ...unmetHeaders(expected, answer.headers),
  ];
  if (unmet.length === 0) return { verdict: 'pass', reason: `answered ${answer.status}` };
  return { verdict: 'fail', reason: `expected ${unmet.join(' and ')}; got ${answer.status} ${quote(body)}` };
}

function unmetStatus({ status }: Expectation, got: number): readonly string[] {
  const met = status.some(accepted =>
    typeof accepted === 'number' ? accepted === got : Number(accepted.charAt(0)) === Math.floor(got / 100),
  );
  return met ? [] : [`status ${status.join(' or ')}`];
}

function unmetBody({ contains, matches }: Expectation, body: string): readonly string[] {
  const unmet: string[] = [];
  if (contains !== undefined && !body.includes(contains)) unmet.push(`a body that contains ${quote(contains)}`);
  if (matches !== undefined && !pattern(matches).test(body)) unmet.push(`a body that matches /${matches}/`);
  return unmet;
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new CutoverError(`The regular expression /${source}/ of a check cannot be read`, {
      code: 'input',
      hint: 'Correct `matches` in input `verify`; the syntax is that of JavaScript.',
      cause: error,
    });
  }
}

function unmetJson({ json }: Expectation, body: string): readonly string[] {
  if (json === undefined) return [];
  const wanted = `JSON in which ${json.path} is ${JSON.stringify(json.equals)}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [`${wanted} (the body is not JSON)`];
  }
  const found = lookUp(parsed, json.path);
  if (found === undefined) return [`${wanted} (there is no ${json.path})`];
  return isDeepStrictEqual(found, json.equals) ? [] : [`${wanted} (it is ${shorten(JSON.stringify(found))})`];
}

/** The value at a dotted path (`items.0.name`); `undefined` where the path ends early. */
function lookUp(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
          ? (inner as Record<string, unknown>)[key]
          : undefined,
      value,
    );
}

function unmetHeaders({ header }: Expectation, headers: Answer['headers']): readonly string[] {
  return Object.entries(header ?? {})
    .filter(([name, value]) => headers[name.toLowerCase()]?.trim() !== value.trim())
    .map(([name, value]) => {
      const got = headers[name.toLowerCase()];
      return `header ${name}: ${value} (${got === undefined ? 'it is not set' : `it is ${quote(got)}`})`;
    });
}
