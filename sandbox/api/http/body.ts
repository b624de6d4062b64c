import { load } from 'js-yaml';
import { isObject, type JsonObject, type JsonValue } from '../schema/json.js';
import { badRequest } from './status.js';

/** Paths of duplicate members of a JSON text (`spec.replicas`); JSON.parse would silently use the last. */
function duplicateKeys(text: string): string[] {
  const duplicates: string[] = [];
  const stack: { readonly seen: Set<string> | undefined; key: string }[] = [];
  const pattern = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;
  let lastText = '';
  for (const [token] of text.matchAll(pattern)) {
    const top = stack.at(-1);
    if (token === '{') stack.push({ seen: new Set(), key: '' });
    else if (token === '[') stack.push({ seen: undefined, key: '' });
    else if (token === '}' || token === ']') stack.pop();
    else if (token === ':' && top?.seen !== undefined) {
      top.key = JSON.parse(lastText) as string;
      const path = stack.map(level => level.key).filter(key => key !== '');
      if (top.seen.has(top.key)) duplicates.push(path.join('.'));
      top.seen.add(top.key);
    } else if (token.startsWith('"')) lastText = token;
  }
  return duplicates;
}

/** A body as it was sent: JSON of any shape. */
export interface Body {
  readonly value: JsonValue;
  /** Paths of duplicate members. */
  readonly duplicates: readonly string[];
}

/** How a body is read. */
export interface BodyOptions {
  /** It may be YAML, as server-side apply sends it. */
  readonly yaml: boolean;
  /** Creates the error for a body that is not JSON. Default: 400 with the reason. */
  readonly unreadable?: (why: string) => Error;
}

/** Reads a JSON body, or one in YAML. */
export function readBody(bytes: Buffer, { yaml, unreadable = badRequest }: BodyOptions): Body {
  const text = bytes.toString('utf8');
  try {
    return { value: JSON.parse(text) as JsonValue, duplicates: duplicateKeys(text) };
  } catch (error) {
    if (!yaml) throw unreadable(`json parse error: ${String(error)}`);
  }
  try {
    return { value: load(text) as JsonValue, duplicates: [] };
  } catch (error) {
    throw badRequest(`error encoding patch: yaml: ${String(error)}`);
  }
}

export function objectBody(body: Body, unreadable: (why: string) => Error = badRequest): JsonObject {
  if (!isObject(body.value)) throw unreadable('json parse error: the body is no object');
  return body.value;
}
