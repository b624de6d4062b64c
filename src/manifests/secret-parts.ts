import { FAILSAFE_SCHEMA, loadAll } from 'js-yaml';
import { isFields } from '../kubernetes/fields.js';
import { telling } from './telling-names.js';

/** Shorter parts, such as `true` and `5432`, would hide half of every text. Under a telling name, every length counts. */
const shortestPart = 8;
/** Longer texts are data, not settings; each of their lines is hidden all the same. */
const longestParsed = 100_000;
/** How often a part may have parts itself: a document in base64 in a document. */
const deepest = 3;

/**
 * The parts of a secret text that tell a secret without the rest: the values of a JSON or YAML document, of lines such as
 * `name=value`, passwords of addresses, and what is encoded in base64, such as the `auth` of a login. Words and small numbers are
 * none, except under a telling name such as `password`.
 */
export function secretParts(text: string): ReadonlySet<string> {
  const parts = new Set<string>();
  addParts(parts, text, deepest);
  parts.delete(text);
  return parts;
}

function addParts(parts: Set<string>, text: string, depth: number): void {
  if (depth === 0 || text.length > longestParsed) return;
  const add = (part: string, name: string): void => {
    const value = part.trim();
    if (parts.has(value) || value === text) return;
    if (telling.test(name) || !isPlain(value)) parts.add(value);
    addParts(parts, value, depth - 1);
  };
  for (const [name, value] of namedValues(text)) add(value, name);
  for (const [, password = ''] of text.matchAll(/:\/\/[^\s:/?#@"'<>]{0,200}:([^\s"'<>@]{1,500})@/g))
    for (const written of [password, decodedUrl(password)]) add(written, 'password');
  const decoded = decodedText(text.trim());
  if (decoded === undefined) return;
  add(decoded, 'auth');
  // `user:password`, as in the header `Authorization: Basic`.
  const login = /^[^\s:{["]*:(\S+)$/.exec(decoded);
  if (login !== null) add(login[1] ?? '', 'password');
}

/** Whether a part is likely to be in texts that have nothing to do with the secret. */
function isPlain(part: string): boolean {
  return part.length < shortestPart || /^(?:[A-Za-z]{1,11}|[\d.]+)$/.test(part);
}

/** The texts of a document, else of lines such as `name=value`, each with the name of the member that it is in. */
function namedValues(text: string): readonly (readonly [name: string, value: string])[] {
  const members = documentsIn(text).flatMap(document => [...membersOf(document, '', new Set())]);
  if (members.length > 0) return members;
  return Array.from(
    text.matchAll(/^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*[=:](.+)$/gm),
    ([, name = '', value = '']) => [name, value.trim().replace(/^(["'])(.*)\1$/, '$2')] as const,
  );
}

/** The documents of a text in JSON or YAML, with every value as text; none if it is neither. */
function documentsIn(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    // It may be YAML.
  }
  try {
    return loadAll(text, { schema: FAILSAFE_SCHEMA });
  } catch {
    return [];
  }
}

/** `seen`: an alias leads to the same list or map again. */
function* membersOf(value: unknown, name: string, seen: Set<unknown>): Generator<readonly [string, string]> {
  if (typeof value === 'string' || typeof value === 'number') {
    // A document that is one text has no parts.
    if (seen.size > 0) yield [name, String(value)];
    return;
  }
  if (seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value)) for (const item of value) yield* membersOf(item, name, seen);
  if (isFields(value)) for (const [member, item] of Object.entries(value)) yield* membersOf(item, member, seen);
}

/** The text that is written in base64; `undefined`: the text is not base64, or not of a text. */
function decodedText(text: string): string | undefined {
  if (text.length < shortestPart || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return /[\uFFFD]|(?![\t\r\n])\p{Cc}/u.test(decoded) ? undefined : decoded;
}

function decodedUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
