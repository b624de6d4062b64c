import { asCutoverError, CutoverError, type ErrorCode, type Problem } from '../../errors.js';
import type { RecreatePolicy } from '../../inputs/inputs.js';
import { textAt } from '../../kubernetes/fields.js';
import { describeRef, groupOf, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import type { AppliedHashes, PlannedChange } from '../../plan/change.js';
import { recreateNothing, unmatched } from '../../plan/recreate.js';
import type { Cluster } from '../cluster.js';
import type { RecentApplies } from './applied-identity.js';
import { dryRun, withNewSchema, type ApplyOnRecord, type DryRunRequest } from './dry-run.js';
import { pathOf } from './field-path.js';

/** Errors that concern one object; any other (no connection, invalid credentials) ends the dry run at once. */
const objectErrors: ReadonlySet<ErrorCode> = new Set([
  'invalid',
  'conflict',
  'forbidden',
  'not-found',
  'unknown-kind',
  'moved',
  'exists',
  'api',
]);

/** Result of the dry run of a set of objects. */
export interface DryRunResult {
  /** Changes of all objects that the API server accepts. */
  readonly planned: readonly PlannedChange[];
  /** One error for all rejected objects: `rejected-plan`, or their common code. Absent: none was rejected. */
  readonly rejection?: CutoverError;
}

/** What {@link dryRunAll} needs. */
export interface DryRunOptions {
  readonly cluster: Cluster;
  readonly resources: readonly Resource[];
  readonly force: boolean;
  /**
   * Resources of the idle role, whose replicas this deploy sets. For all others (default: all), replicas that an autoscaler
   * or a person has set through the scale subresource are kept.
   */
  readonly idle?: ReadonlySet<Resource>;
  /** Namespaces that will exist when the objects are applied. Default: those among the resources. */
  readonly comingNamespaces?: readonly string[];
  /** Objects that may be deleted and recreated. Default: none. */
  readonly recreate?: RecreatePolicy;
  /** The last applies that are on record. Default: none, so that every live object is read. */
  readonly applied?: AppliedHashes;
  /** The applies of this process. Default: none. */
  readonly recent?: RecentApplies;
}

/** As {@link dryRunAll}; throws the rejection, so that a deploy does not fail halfway for a reason that the dry run shows. */
export async function requirePlan(options: DryRunOptions): Promise<readonly PlannedChange[]> {
  const { planned, rejection: error } = await dryRunAll(options);
  if (error !== undefined) throw error;
  return planned;
}

/** Sends a dry-run apply of each object. */
export async function dryRunAll(options: DryRunOptions): Promise<DryRunResult> {
  const { cluster, resources, force, idle, recreate = recreateNothing } = options;
  const objects = resources.map(resource => resource.object);
  rejectUnmatched(recreate, objects);
  const comingNamespaces = new Set([...(options.comingNamespaces ?? []), ...namesOf(objects, 'Namespace')]);
  const comingGroups = customGroups(objects);
  const rejected: Rejected[] = [];
  const request = (resource: Resource): DryRunRequest => {
    const replicas = idle?.has(resource) ? 'take' : 'yield';
    return { cluster, resource, force, recreate, replicas, ...onRecord(options, resource) };
  };

  const checked = await Promise.all(
    resources.map(async (resource): Promise<PlannedChange | undefined> => {
      try {
        return await dryRun(request(resource));
      } catch (thrown) {
        const error = asCutoverError(thrown);
        if (!objectErrors.has(error.code)) throw error;
        const { namespace } = resource.object.metadata;
        if (error.code === 'not-found' && namespace !== undefined && comingNamespaces.has(namespace)) {
          return { resource, change: 'created' };
        }
        if (error.code === 'unknown-kind' && comingGroups.has(groupOf(resource.object.apiVersion))) {
          return { resource, change: 'created', unseen: true };
        }
        rejected.push({ resource, error });
        return undefined;
      }
    }),
  );
  const planned = checked.filter(change => change !== undefined);
  const newKinds = changedKinds(planned);
  const isWaiting = ({ resource, error }: Rejected): boolean =>
    error.code === 'invalid' && newKinds.has(kindKey(resource.object));
  const waiting = await Promise.all(rejected.filter(isWaiting).map(({ resource }) => withNewSchema(request(resource))));
  const order = new Map(resources.map((resource, index) => [resource, index]));
  const inOrder = (one: { readonly resource: Resource }, other: { readonly resource: Resource }): number =>
    (order.get(one.resource) ?? 0) - (order.get(other.resource) ?? 0);
  const [first, ...others] = rejected.filter(one => !isWaiting(one)).sort(inOrder);
  return {
    planned: [...planned, ...waiting].sort(inOrder),
    ...(first !== undefined && { rejection: rejectionError([first, ...others], resources.length) }),
  };
}

/** The last apply of the resource's object, if it is on record. */
function onRecord(
  { applied = {}, recent }: DryRunOptions,
  { object }: Resource,
): { readonly onRecord?: ApplyOnRecord } {
  const ref = refOf(object);
  const key = refKey(ref);
  const hash = Object.hasOwn(applied, key) ? applied[key] : undefined;
  return hash === undefined ? {} : { onRecord: { hash, recent: recent?.has(ref) ?? false } };
}

/** Throws `input` where the policy names objects that the manifests do not have: otherwise the error would show only at a recreation. */
function rejectUnmatched(recreate: RecreatePolicy, objects: readonly KubeObject[]): void {
  const unmatchedNames = unmatched(recreate, objects);
  if (unmatchedNames.length === 0) return;
  throw new CutoverError(`Input recreate names ${unmatchedNames.join(', ')}, which the manifests do not have`, {
    code: 'input',
    hint: 'Use kind and name as in the manifests after substitution. Nothing was changed.',
  });
}

interface Rejected {
  readonly resource: Resource;
  readonly error: CutoverError;
}

/** For one rejected object its own message; for several their number, with one problem or more for each. */
function rejectionError(rejected: readonly [Rejected, ...Rejected[]], total: number): CutoverError {
  const [first, ...others] = rejected;
  const problems = rejected.flatMap(({ resource, error }) => problemsOf(resource, error));
  if (others.length === 0) return singleRejection(first, problems);
  const codes = new Set(rejected.map(({ error }) => error.code));
  const hints = new Set(rejected.map(({ error }) => error.hint).filter(hint => hint !== undefined));
  return new CutoverError(`The API server rejects ${rejected.length} of ${total} objects; nothing was changed`, {
    code: codes.size === 1 ? first.error.code : 'rejected-plan',
    problems,
    ...(hints.size > 0 && { hint: [...hints].join(' ') }),
    ...(first.error.status !== undefined && { status: first.error.status }),
  });
}

function singleRejection({ resource, error }: Rejected, problems: readonly Problem[]): CutoverError {
  const { code, message, hint, status } = error;
  const object = describeRef(refOf(resource.object));
  const named = message.includes(object) ? message : `${object}: ${message}`;
  return new CutoverError(`${named}; nothing was changed`, {
    code,
    object,
    problems,
    cause: error,
    ...(hint !== undefined && { hint }),
    ...(status !== undefined && { status }),
  });
}

/** All problems of one object, one per field where the API server reports fields, with their positions in the manifest. */
function problemsOf({ object, at, positionOf }: Resource, error: CutoverError): readonly Problem[] {
  const name = describeRef(refOf(object));
  if (error.problems.length === 0) return [{ message: `${name}: ${error.message}`, at }];
  return error.problems.map(({ message, field = '' }) => ({
    message: `${name}: ${message}`,
    at: positionOf(pathOf(object, field)),
    ...(field !== '' && { field }),
  }));
}

function namesOf(objects: readonly KubeObject[], kind: string): readonly string[] {
  return objects.filter(object => object.kind === kind).map(object => object.metadata.name);
}

function customGroups(objects: readonly KubeObject[]): ReadonlySet<string> {
  const definitions = objects.filter(object => object.kind === 'CustomResourceDefinition');
  return new Set(definitions.map(object => (object['spec'] as { group?: string } | undefined)?.group ?? ''));
}

/** The kind of an object in any version, as `group/kind`. */
const kindKey = ({ apiVersion, kind }: KubeObject): string => `${groupOf(apiVersion)}/${kind}`;

/** The custom kinds whose definitions change. */
function changedKinds(planned: readonly PlannedChange[]): ReadonlySet<string> {
  const definitions = planned.filter(
    ({ resource, change }) => change === 'changed' && resource.object.kind === 'CustomResourceDefinition',
  );
  return new Set(
    definitions.map(({ resource: { object } }) =>
      [textAt(object, ['spec', 'group']), textAt(object, ['spec', 'names', 'kind'])].join('/'),
    ),
  );
}
