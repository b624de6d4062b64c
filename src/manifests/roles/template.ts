import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { describePath, fieldAt, isFields, type Path } from '../../kubernetes/fields.js';
import { describeRef, refKey, refOf } from '../../kubernetes/object.js';
import { isService } from '../../kubernetes/selectors.js';
import { manifestError } from '../problems.js';
import type { Resource, RoleResources } from '../resource.js';
import { publicServices } from './public-service.js';
import { roleProblems } from './rules.js';
import { findTestServices } from './test-services.js';

export interface ClassifyRolesRequest {
  readonly roles: Roles;
  /** The same manifests rendered for each role, in the same order. */
  readonly rendered: Readonly<Record<string, readonly Resource[]>>;
  /** Names of public Services, the main one first. Absent: one of them must be the main one. */
  readonly services?: readonly string[];
  /** Name pattern of the test Services; `*` stands for the role. Absent: the role's only Service for its pods. */
  readonly testService?: string;
}

/** One object as it is rendered for each role. */
export interface RolePair {
  readonly first: Resource;
  readonly second: Resource;
}

const hint =
  'Add TARGET_ROLE to the names of the objects that each role owns, and to the selector of the public Service.';
const selectorPath: Path = ['spec', 'selector'];

/** Path of the first field in which two values differ; `undefined` when they are equal. */
function firstDifference(one: unknown, other: unknown): Path | undefined {
  if (isDeepStrictEqual(one, other)) return undefined;
  const keys: readonly (string | number)[] =
    isFields(one) && isFields(other)
      ? [...new Set([...Object.keys(one), ...Object.keys(other)])]
      : Array.isArray(one) && Array.isArray(other) && one.length === other.length
        ? [...one.keys()]
        : [];
  for (const key of keys) {
    const rest = firstDifference(fieldAt(one, [key]), fieldAt(other, [key]));
    if (rest !== undefined) return [key, ...rest];
  }
  return [];
}

/** How blue/green handles an object: own copy of each role, the public Service, the same for both roles, or neither. */
type RoleScope = 'role' | 'public' | 'shared' | 'mixed';

function scopeOf({ first, second }: RolePair): RoleScope {
  if (refKey(refOf(first.object)) !== refKey(refOf(second.object))) return 'role';
  if (isDeepStrictEqual(first.object, second.object)) return 'shared';
  const [one, other] = [first, second].map(({ object }) => fieldAt(object, selectorPath));
  return isService(first.object) && !isDeepStrictEqual(one, other) ? 'public' : 'mixed';
}

function mixedProblem({ first, second }: RolePair): Problem {
  const path = firstDifference(first.object, second.object) ?? [];
  const message =
    `${describeRef(refOf(first.object))} has the same name for both roles, but ${describePath(path)} depends on TARGET_ROLE: ` +
    'staging would change the object that the live pods use. Add TARGET_ROLE to its name too, or remove it from the field.';
  return { message, at: first.positionOf(path) };
}

const namesOf = (pairs: readonly RolePair[]): string => pairs.map(({ first }) => first.object.metadata.name).join(', ');

/**
 * The Services whose selectors depend on the role, the main one first, then those that the input names, then the others; or the
 * problems of the choice. All of them are switched: their users would reach both roles otherwise.
 */
function choosePublic(
  candidates: readonly RolePair[],
  { rendered, roles: [role], services: names = [] }: ClassifyRolesRequest,
): readonly [RolePair, ...RolePair[]] | readonly Problem[] {
  const [only, ...more] = candidates;
  if (only === undefined) {
    const message =
      'No Service is public: the public Service has the same name for both roles and TARGET_ROLE in its selector, ' +
      'as in `role: $<TARGET_ROLE>`.';
    return [{ message }];
  }
  const unknown = names.filter(name => !candidates.some(({ first }) => first.object.metadata.name === name));
  if (unknown.length > 0) {
    const listed = namesOf(candidates);
    return unknown.map(name => ({
      message: `The input \`service\` is ${name}, but TARGET_ROLE is in the selector of ${listed}.`,
    }));
  }
  const named = names.flatMap(name => candidates.find(({ first }) => first.object.metadata.name === name) ?? []);
  if (named.length === 0 && more.length > 0) {
    const objects = (rendered[role] ?? []).map(({ object }) => object);
    const found = new Set(
      publicServices(
        candidates.map(({ first }) => first.object),
        objects,
      ),
    );
    const [main, ...others] = candidates.filter(({ first }) => found.has(first.object));
    if (main === undefined || others.length > 0)
      return [severalMain(others.length > 0 ? [main ?? only, ...others] : candidates)];
    named.push(main);
  }
  const [main = only, ...rest] = [...named, ...candidates.filter(pair => !named.includes(pair))];
  return [main, ...rest];
}

function severalMain(candidates: readonly RolePair[]): Problem {
  const message =
    `Several Services could be the main public one: ${namesOf(candidates)}. All of them are switched together; name the one ` +
    'that the checks ask first in the input `service`.';
  const at = candidates[0]?.first.positionOf(selectorPath);
  return { message, ...(at !== undefined && { at }) };
}

function pairsOf({ roles, rendered }: ClassifyRolesRequest): readonly RolePair[] {
  const [firsts = [], seconds = []] = roles.map(role => rendered[role]);
  if (firsts.length !== seconds.length) {
    throw manifestError([
      { message: 'The number of objects depends on TARGET_ROLE; only their names and fields may depend on it.' },
    ]);
  }
  return firsts.flatMap((first, index) => {
    const second = seconds[index];
    return second === undefined ? [] : [{ first, second }];
  });
}

const isProblem = (one: RolePair | Problem): one is Problem => 'message' in one;

/**
 * Classifies the objects by comparing both renderings: an object whose name depends on the role belongs to the role, a
 * Service whose selector depends on it is public, an object that does not depend on it is shared. Throws `manifest` with
 * all reasons why blue/green cannot deploy these manifests.
 */
export function classifyRoles(request: ClassifyRolesRequest): RoleResources {
  const { roles, testService } = request;
  const pairs = pairsOf(request);
  const pairsWithScope = (scope: RoleScope): readonly RolePair[] => pairs.filter(pair => scopeOf(pair) === scope);
  const shared = pairsWithScope('shared').map(({ first }) => first);
  const choice = choosePublic(pairsWithScope('public'), request);
  const own = pairsWithScope('role');
  const [blue, green] = roles;
  const of = { [blue]: own.map(({ first }) => first), [green]: own.map(({ second }) => second) };
  const unchosen = choice.filter(isProblem);
  const problems = [...pairsWithScope('mixed').map(mixedProblem), ...unchosen];
  if (unchosen.length > 0) throw manifestError(problems, hint);
  const services = choice.filter((one): one is RolePair => !isProblem(one));
  const ofRoles = { [blue]: services.map(({ first }) => first), [green]: services.map(({ second }) => second) };
  const tests = findTestServices({
    roles,
    of,
    publicServices: ofRoles,
    ...(testService === undefined ? {} : { pattern: testService }),
  });
  problems.push(...roleProblems({ roles, of, publicServices: ofRoles, shared }), ...tests.problems);
  if (problems.length > 0) throw manifestError(problems);
  return { of, publicServices: ofRoles, testService: tests.names, shared };
}
