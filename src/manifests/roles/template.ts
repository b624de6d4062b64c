import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { describePath, fieldAt, isFields, type Path } from '../../kubernetes/fields.js';
import { describeRef, refKey, refOf } from '../../kubernetes/object.js';
import { isService } from '../../kubernetes/selectors.js';
import { manifestError } from '../problems.js';
import type { Resource, RoleResources } from '../resource.js';
import { roleProblems } from './rules.js';
import { findTestServices } from './test-services.js';

export interface RoleQuestion {
  readonly roles: Roles;
  /** The same manifests rendered for each role, in the same order. */
  readonly rendered: Readonly<Record<string, readonly Resource[]>>;
  /** Name of the public Service, where several could be meant. */
  readonly service?: string;
  /** Name pattern of the test Services, `*` standing for the role. */
  readonly testService?: string;
}

/** One object as each role renders it. */
export interface RolePair {
  readonly first: Resource;
  readonly second: Resource;
}

const howTo = 'Put TARGET_ROLE into the names of what each role has for itself, and into the public selector.';
const selectorPath: Path = ['spec', 'selector'];

/** Path of the first field in which two values differ; `undefined` when they are equal. */
function firstDifference(one: unknown, other: unknown): Path | undefined {
  if (isDeepStrictEqual(one, other)) return undefined;
  const steps: readonly (string | number)[] =
    isFields(one) && isFields(other)
      ? [...new Set([...Object.keys(one), ...Object.keys(other)])]
      : Array.isArray(one) && Array.isArray(other) && one.length === other.length
        ? [...one.keys()]
        : [];
  for (const step of steps) {
    const below = firstDifference(fieldAt(one, [step]), fieldAt(other, [step]));
    if (below !== undefined) return [step, ...below];
  }
  return [];
}

/** What an object is to blue/green. */
type Part = 'role' | 'public' | 'shared' | 'mixed';

function partOf({ first, second }: RolePair): Part {
  if (refKey(refOf(first.object)) !== refKey(refOf(second.object))) return 'role';
  if (isDeepStrictEqual(first.object, second.object)) return 'shared';
  const [one, other] = [first, second].map(({ object }) => fieldAt(object, selectorPath));
  return isService(first.object) && !isDeepStrictEqual(one, other) ? 'public' : 'mixed';
}

function mixedProblem({ first, second }: RolePair): Problem {
  const path = firstDifference(first.object, second.object) ?? [];
  const message =
    `${describeRef(refOf(first.object))} has one name for both roles, but ${describePath(path)} depends on TARGET_ROLE: ` +
    'staging would change it under the live pods. Put TARGET_ROLE into its name too, or take it out of the field.';
  return { message, at: first.place(path) };
}

const names = (pairs: readonly RolePair[]): string => pairs.map(({ first }) => first.object.metadata.name).join(', ');

/** The one Service whose selector moves from role to role, or what is wrong with the choice. */
function choosePublic(candidates: readonly RolePair[], service: string | undefined): RolePair | readonly Problem[] {
  const [only] = candidates;
  if (only === undefined) {
    const message =
      'No Service is public: its name has to stay the same for both roles and its selector has to hold TARGET_ROLE, ' +
      'as in `role: $<TARGET_ROLE>`.';
    return [{ message }];
  }
  const chosen = service === undefined ? only : candidates.find(({ first }) => first.object.metadata.name === service);
  if (chosen === undefined) {
    return [
      { message: `The input \`service\` names ${service}, but the selector of ${names(candidates)} is switched.` },
    ];
  }
  const others = candidates.filter(pair => pair !== chosen);
  if (others.length === 0) return chosen;
  const remedy = 'Give the other Service a name with TARGET_ROLE in it, or make it further ports of the public one.';
  if (service === undefined) {
    const message = `Several Services could be the public one: ${names(candidates)}.`;
    return [{ message: `${message} ${remedy}`, at: only.first.place(selectorPath) }];
  }
  return others.map(({ first }) => ({
    message: `${describeRef(refOf(first.object))} would have to switch together with ${service}. ${remedy}`,
    at: first.place(selectorPath),
  }));
}

function pairsOf({ roles, rendered }: RoleQuestion): readonly RolePair[] {
  const [firsts = [], seconds = []] = roles.map(role => rendered[role]);
  if (firsts.length !== seconds.length) {
    throw manifestError([
      { message: 'The number of objects depends on TARGET_ROLE; only their names and fields may.' },
    ]);
  }
  return firsts.flatMap((first, index) => {
    const second = seconds[index];
    return second === undefined ? [] : [{ first, second }];
  });
}

const isProblems = (choice: RolePair | readonly Problem[]): choice is readonly Problem[] => Array.isArray(choice);

/**
 * Sorts the objects out by comparing both renderings: a name that depends on the role makes an object the role's own,
 * a selector that does makes a Service public, what does not depend at all is shared. Throws `manifest` with all that
 * makes these manifests unfit for blue/green.
 */
export function classifyRoles(question: RoleQuestion): RoleResources {
  const { roles, service, testService } = question;
  const pairs = pairsOf(question);
  const part = (wanted: Part): readonly RolePair[] => pairs.filter(pair => partOf(pair) === wanted);
  const shared = part('shared').map(({ first }) => first);
  const choice = choosePublic(part('public'), service);
  const own = part('role');
  const [blue, green] = roles;
  const of = { [blue]: own.map(({ first }) => first), [green]: own.map(({ second }) => second) };
  const problems = [...part('mixed').map(mixedProblem), ...(isProblems(choice) ? choice : [])];
  if (isProblems(choice)) throw manifestError(problems, howTo);
  const publicService = { [blue]: choice.first, [green]: choice.second };
  const tests = findTestServices({ roles, of, ...(testService === undefined ? {} : { pattern: testService }) });
  problems.push(...roleProblems({ roles, of, publicService, shared }), ...tests.problems);
  if (problems.length > 0) throw manifestError(problems);
  return { of, publicService, testService: tests.names, shared };
}
