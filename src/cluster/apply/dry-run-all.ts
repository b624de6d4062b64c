import { asCutoverError, CutoverError, type ErrorCode, type Problem } from '../../errors.js';
import type { RecreatePolicy } from '../../inputs/inputs.js';
import { groupOf } from '../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import type { PlannedChange } from '../../plan/change.js';
import { recreateNothing, unmatched } from '../../plan/recreate.js';
import type { Cluster } from '../cluster.js';
import { dryRun } from './dry-run.js';
import { pathOf } from './field-path.js';

/** Answers that speak of one object; anything else (no connection, no rights at all) ends the preflight at once. */
const perObject: ReadonlySet<ErrorCode> = new Set([
  'invalid',
  'conflict',
  'forbidden',
  'not-found',
  'unknown-kind',
  'moved',
  'exists',
  'api',
]);

/** What the API server says of a set of objects. */
export interface Survey {
  /** Of every object that it would take. */
  readonly planned: readonly PlannedChange[];
  /** One error that lists every object that it refuses: `rejected-plan`, or their common code. Absent: it refuses none. */
  readonly refusal?: CutoverError;
}

/** What a survey asks about. */
export interface SurveyOptions {
  readonly cluster: Cluster;
  readonly resources: readonly Resource[];
  readonly force: boolean;
  /**
   * Resources of a side without users, whose size is this deploy's own business. Elsewhere (default: everywhere) replicas
   * that an autoscaler or a person set through the scale subresource are left alone.
   */
  readonly idle?: ReadonlySet<Resource>;
  /** Namespaces that will be there by the time the objects are applied. */
  readonly comingNamespaces?: readonly string[];
  /** What may be deleted and made again. Default: nothing. */
  readonly recreate?: RecreatePolicy;
}

/** As {@link dryRunAll}; throws the refusal, so that no deploy stops half way for a reason known before. */
export async function requirePlan(options: SurveyOptions): Promise<readonly PlannedChange[]> {
  const { planned, refusal: error } = await dryRunAll(options);
  if (error !== undefined) throw error;
  return planned;
}

/** Asks the API server what applying each object would do, and stores nothing. */
export async function dryRunAll(options: SurveyOptions): Promise<Survey> {
  const { cluster, resources, force, idle, recreate = recreateNothing } = options;
  const objects = resources.map(resource => resource.object);
  refuseUnmatched(recreate, objects);
  const coming = new Set([...(options.comingNamespaces ?? []), ...namesOf(objects, 'Namespace')]);
  const comingGroups = customGroups(objects);
  const refused: { readonly resource: Resource; readonly error: CutoverError }[] = [];

  const planned = await Promise.all(
    resources.map(async (resource): Promise<PlannedChange | undefined> => {
      try {
        return await dryRun({ cluster, resource, force, recreate, replicas: idle?.has(resource) ? 'take' : 'yield' });
      } catch (thrown) {
        const error = asCutoverError(thrown);
        if (!perObject.has(error.code)) throw error;
        const { namespace } = resource.object.metadata;
        if (error.code === 'not-found' && namespace !== undefined && coming.has(namespace)) {
          return { resource, change: 'created' };
        }
        if (error.code === 'unknown-kind' && comingGroups.has(groupOf(resource.object.apiVersion))) {
          return { resource, change: 'created' };
        }
        refused.push({ resource, error });
        return undefined;
      }
    }),
  );
  const order = new Map(resources.map((resource, index) => [resource, index]));
  refused.sort((one, other) => (order.get(one.resource) ?? 0) - (order.get(other.resource) ?? 0));
  return {
    planned: planned.filter(change => change !== undefined),
    ...(refused.length > 0 && { refusal: refusal(refused, resources.length) }),
  };
}

/** A name that is not there is a slip of the pen, and would be found out only when it matters. */
function refuseUnmatched(recreate: RecreatePolicy, objects: readonly KubeObject[]): void {
  const lost = unmatched(recreate, objects);
  if (lost.length === 0) return;
  throw new CutoverError(`Input recreate names ${lost.join(', ')}, which the manifests do not have`, {
    code: 'input',
    hint: 'Write kind and name as the manifests say them after substitution. Nothing was changed.',
  });
}

function refusal(
  refused: readonly { readonly resource: Resource; readonly error: CutoverError }[],
  total: number,
): CutoverError {
  const codes = new Set(refused.map(({ error }) => error.code));
  const [first] = refused;
  const code = codes.size === 1 && first !== undefined ? first.error.code : 'rejected-plan';
  const problems = refused.flatMap(({ resource, error }) => problemsOf(resource, error));
  const hints = new Set(refused.map(({ error }) => error.hint).filter(hint => hint !== undefined));
  return new CutoverError(
    `The API server refuses ${refused.length} of ${total} object${total === 1 ? '' : 's'}; nothing was changed`,
    {
      code,
      problems,
      ...(hints.size > 0 && { hint: [...hints].join(' ') }),
      ...(first?.error.status !== undefined && { status: first.error.status }),
    },
  );
}

/** Everything that is wrong with one object, field by field where the API server named them, at its place in the manifest. */
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
