import { entries } from '../parse/lists.js';
import { Refusal } from '../refusal.js';
import { isYamlMap, type Fields } from './check-fields.js';

/** What an http check of `verify` expects of a response. All of the fields that are set must hold. */
export interface Expectation {
  /** Accepted status codes: a number, or a class such as `2xx`. Default: `['2xx']`. */
  readonly status: readonly (number | '1xx' | '2xx' | '3xx' | '4xx' | '5xx')[];
  /** Text that the body must contain. */
  readonly contains?: string;
  /** Regular expression that the body must match. */
  readonly matches?: string;
  /** Dotted path into a JSON body (`status.db`, `items.0.name`) and the value that it must have. */
  readonly json?: { readonly path: string; readonly equals: unknown };
  /** Header names (lower case) and the values that they must have. */
  readonly header?: Readonly<Record<string, string>>;
}

type Status = Expectation['status'][number];

const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
/** In characters. */
const longestExpression = 10_000;
const bodyKeys = ['contains', 'matches', 'json'] as const;

/** The keys that {@link readExpectation} reads. */
export const expectationKeys: readonly string[] = ['status', ...bodyKeys, 'header'];

/** What an http check expects of the response; problems are added to `fields`. Default: any 2xx. */
export function readExpectation(fields: Fields): Expectation {
  const contains = fields.text('contains', nonEmpty);
  const matches = fields.text('matches', regularExpression);
  const json = readJson(fields);
  const header = readHeader(fields);
  if (fields.raw('method') === 'HEAD') {
    for (const key of bodyKeys)
      if (fields.has(key)) fields.refuse(`${key} needs a body, and a response to HEAD has none; use GET`);
  }
  return {
    status: readStatus(fields),
    ...(contains === undefined ? {} : { contains }),
    ...(matches === undefined ? {} : { matches }),
    ...(json === undefined ? {} : { json }),
    ...(header === undefined ? {} : { header }),
  };
}

function readStatus(fields: Fields): Expectation['status'] {
  const status = fields.raw('status');
  if (status === undefined) return ['2xx'];
  const words = typeof status === 'string' ? entries(status) : Array.isArray(status) ? (status as unknown[]) : [];
  const codes = words.map(statusCode);
  if (codes.length > 0 && codes.every(code => code !== undefined)) return codes;
  fields.refuse('status is not valid; accepted: a code such as 200, a class such as 2xx, or a list of these');
  return ['2xx'];
}

function statusCode(word: unknown): Status | undefined {
  if (typeof word !== 'string') return undefined;
  return /^[1-5]\d\d$/.test(word) ? Number(word) : classes.find(each => each === word);
}

function readJson(fields: Fields): Expectation['json'] {
  const json = fields.raw('json');
  if (json === undefined) return undefined;
  const { path, ...rest } = isYamlMap(json) ? json : {};
  const typed = fields.typed('json');
  const keys = Object.keys(rest);
  if (typeof path !== 'string' || path === '' || keys.join() !== 'equals' || !isYamlMap(typed)) {
    fields.refuse('json must have the form {path: items.0.name, equals: value}');
    return undefined;
  }
  return { path, equals: typed['equals'] };
}

function readHeader(fields: Fields): Expectation['header'] {
  const header = fields.raw('header');
  if (header === undefined) return undefined;
  const pairs = isYamlMap(header) ? Object.entries(header) : [];
  if (pairs.length === 0 || !pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string')) {
    fields.refuse('header must have the form {name: value}');
    return undefined;
  }
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}

function nonEmpty(text: string): string {
  if (text === '') throw Refusal.accepting('text that is not empty, since every response contains an empty one');
  return text;
}

function regularExpression(text: string): string {
  if (isRegularExpression(text)) return text;
  throw Refusal.accepting(
    text.length > longestExpression ? `at most ${longestExpression} characters` : 'a JavaScript regular expression',
  );
}

/** Whether a text is a regular expression that `matches` accepts. */
export function isRegularExpression(text: string): boolean {
  try {
    RegExp(text);
    return text.length <= longestExpression;
  } catch {
    return false;
  }
}
