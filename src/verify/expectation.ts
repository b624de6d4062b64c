import { isDeepStrictEqual } from 'node:util';
import { Script } from 'node:vm';
import { CutoverError } from '../errors.js';
import type { Expectation } from '../inputs/checks/expectations.js';
import { quote, shorten } from './quote.js';
import { own } from '../own.js';

/** An HTTP answer of the application. */
export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Whether an answer meets the expectation, with the reason. */
export interface ExpectationResult {
  readonly verdict: 'pass' | 'fail';
  /** Pass: the answer. Fail: the expected and the actual answer. */
  readonly reason: string;
}

/**
 * Compares an answer with the expectation; the reason of a failure lists everything that does not match. Throws `input` when
 * `matches` is no regular expression, or takes more than `matchMs` milliseconds (default and at most 1000).
 */
export function checkExpectation(
  expected: Expectation,
  answer: HttpAnswer,
  matchMs: number = longestMatchMs,
): ExpectationResult {
  const body = answer.body.toString('utf8');
  const failures = [
    ...statusFailures(expected, answer.status),
    ...bodyFailures(expected, body, matchMs),
    ...jsonFailures(expected, body),
    ...headerFailures(expected, answer.headers),
  ];
  if (failures.length === 0) return { verdict: 'pass', reason: `answered ${answer.status}` };
  return { verdict: 'fail', reason: `expected ${failures.join(' and ')}; got ${answer.status} ${quote(body)}` };
}

/** Whether a status is one of those accepted. */
export function isAccepted(status: Expectation['status'], actual: number): boolean {
  return status.some(accepted =>
    typeof accepted === 'number' ? accepted === actual : Number(accepted.charAt(0)) === Math.floor(actual / 100),
  );
}

function statusFailures({ status }: Expectation, actual: number): readonly string[] {
  return isAccepted(status, actual) ? [] : [`status ${status.join(' or ')}`];
}

function bodyFailures({ contains, matches }: Expectation, body: string, matchMs: number): readonly string[] {
  const failures: string[] = [];
  if (contains !== undefined && !body.includes(contains)) failures.push(`a body that contains ${quote(contains)}`);
  if (matches !== undefined && !isMatch(matches, body, matchMs)) failures.push(`a body that matches /${matches}/`);
  return failures;
}

/** Some expressions need longer than any job, even for a short answer. A step that waits for one loses its lock. */
const longestMatchMs = 1000;
const matching = new Script('new RegExp(source).test(text)');
/** Expressions that took too long: the answers of other pods, and later ones, are most likely the same. */
const slow = new Set<string>();

/** Whether the expression matches. Throws `input` when it is none, or takes too long. */
function isMatch(source: string, text: string, matchMs: number): boolean {
  requireValid(source);
  if (slow.has(source)) throw tooSlow(source, longestMatchMs);
  try {
    // A limit that V8 keeps while the expression is at work; no code of others runs.
    return matching.runInNewContext({ source, text }, { timeout: matchMs }) === true;
  } catch (error) {
    if (matchMs >= longestMatchMs) slow.add(source);
    throw tooSlow(source, matchMs, error);
  }
}

function tooSlow(source: string, matchMs: number, cause?: unknown): CutoverError {
  return new CutoverError(
    `The regular expression /${source}/ of a check takes more than ${matchMs / 1000} s on the answer`,
    {
      code: 'input',
      hint: 'Simplify `matches` in input `verify`: repeat nothing that is repeated itself, as in (a+)+. If the check is a recorded one, set `verify` in this step.',
      cause,
    },
  );
}

function requireValid(source: string): void {
  try {
    new RegExp(source);
  } catch (error) {
    throw new CutoverError(`The regular expression /${source}/ of a check is not valid`, {
      code: 'input',
      hint: 'Correct `matches` in input `verify`, in the syntax of JavaScript.',
      cause: error,
    });
  }
}

function jsonFailures({ json }: Expectation, body: string): readonly string[] {
  if (json === undefined) return [];
  const expectation = `JSON in which ${json.path} is ${JSON.stringify(json.equals)}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [`${expectation} (the body is not JSON)`];
  }
  const value = lookUp(parsed, json.path);
  if (value === undefined) return [`${expectation} (there is no ${json.path})`];
  return isDeepStrictEqual(value, json.equals) ? [] : [`${expectation} (it is ${shorten(JSON.stringify(value))})`];
}

/** The value at a dotted path (`items.0.name`); `undefined` if there is none. */
function lookUp(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
          ? own(inner as Record<string, unknown>, key)
          : undefined,
      value,
    );
}

function headerFailures({ header }: Expectation, headers: HttpAnswer['headers']): readonly string[] {
  return Object.entries(header ?? {})
    .filter(([name, value]) => own(headers, name.toLowerCase())?.trim() !== value.trim())
    .map(([name, value]) => {
      const actual = own(headers, name.toLowerCase());
      return `header ${name}: ${value} (${actual === undefined ? 'it is not set' : `it is ${quote(actual)}`})`;
    });
}
