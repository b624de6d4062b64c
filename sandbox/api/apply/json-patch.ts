import { clone, equal, erase, isObject, memberOf, setMember, type JsonObject, type JsonValue } from '../schema/json.js';
import { badRequest, refusal } from '../http/status.js';

const steps = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** A real API server does not say which operation it was. */
function refuse(): never {
  const message = 'the server rejected our request due to an error in our request';
  throw refusal(422, 'Invalid', { message, details: {} });
}

/** A holder that makes the whole document a member, so that the root can be replaced too. */
interface Cursor {
  readonly parent: JsonValue[] | JsonObject;
  readonly key: string;
}

function locate(root: JsonObject, pointer: string): Cursor {
  const path = steps(pointer);
  let parent: JsonValue = root;
  let key = 'document';
  for (const step of path) {
    const next: JsonValue | undefined = Array.isArray(parent) ? parent[Number(key)] : memberOf(parent, key);
    if (!isObject(next) && !Array.isArray(next)) refuse();
    parent = next;
    key = step;
  }
  return { parent, key };
}

function read({ parent, key }: Cursor): JsonValue | undefined {
  return Array.isArray(parent) ? parent[Number(key)] : memberOf(parent, key);
}

function add({ parent, key }: Cursor, value: JsonValue): void {
  if (!Array.isArray(parent)) setMember(parent, key, value);
  else if (key === '-') parent.push(value);
  else parent.splice(Number(key), 0, value);
}

function remove({ parent, key }: Cursor): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else erase(parent, key);
}

/** Applies an RFC 6902 patch to a copy. Throws 422 for a path that is not there and for a `test` that fails. */
export function jsonPatch(target: JsonObject, patch: JsonValue): JsonObject {
  if (!Array.isArray(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  const root: JsonObject = { document: clone(target) };
  for (const operation of patch.filter(isObject)) {
    const pointer = (name: string): string => {
      const value = operation[name];
      return typeof value === 'string' ? value : refuse();
    };
    const at = locate(root, pointer('path'));
    const there = (cursor: Cursor): JsonValue => read(cursor) ?? refuse();
    const value = clone(operation.value ?? null);
    switch (operation.op) {
      case 'add':
        add(at, value);
        break;
      case 'remove':
        there(at);
        remove(at);
        break;
      case 'replace':
        there(at);
        if (Array.isArray(at.parent)) at.parent[Number(at.key)] = value;
        else at.parent[at.key] = value;
        break;
      case 'copy':
      case 'move': {
        const from = locate(root, pointer('from'));
        const moved = clone(there(from));
        if (operation.op === 'move') remove(from);
        add(locate(root, pointer('path')), moved);
        break;
      }
      case 'test':
        if (!equal(read(at) ?? null, value)) refuse();
        break;
      default:
        refuse();
    }
  }
  return isObject(root.document) ? root.document : {};
}

/** Applies an RFC 7386 merge patch to a copy: null removes, objects merge, everything else replaces. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return clone(patch);
  const result = isObject(target) ? clone(target) : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) erase(result, name);
    else setMember(result, name, mergePatch(memberOf(result, name), value));
  }
  return result;
}
