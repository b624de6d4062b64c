import { asCutoverError, CutoverError, type ErrorCode, type Problem } from '../errors.js';
import { groupOf } from '../manifests/kinds.js';
import { describeRef, refOf, type KubeObject } from '../manifests/object.js';
import type { Resource } from '../manifests/resource.js';
import { differs, judgeDryRun, type PlannedChange } from '../plan/change.js';
import type { Applied, Cluster } from './cluster.js';
import { scaledBy } from './owned-fields.js';
import { pathOf } from './field-path.js';

/** Field manager of everything that Cutover applies. */
export const fieldManager = 'cutover';

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

/**
 * Asks the API server what applying each object would do, and stores nothing. Throws one error that lists every object
 * it refuses (`rejected-plan`, or their common code), so that no deploy stops half way for a reason known before.
 */
export async function preflight(options: {
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
}): Promise<readonly PlannedChange[]> {
  const { cluster, resources, force, idle } = options;
  const objects = resources.map(resource => resource.object);
  const coming = new Set([...(options.comingNamespaces ?? []), ...namesOf(objects, 'Namespace')]);
  const comingGroups = customGroups(objects);
  const refused: { readonly resource: Resource; readonly error: CutoverError }[] = [];

  const planned = await Promise.all(
    resources.map(async (resource): Promise<PlannedChange | undefined> => {
      try {
        return await plan({ cluster, resource, force, replicas: idle?.has(resource) ? 'take' : 'yield' });
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
  if (refused.length > 0) throw refusal(refused, resources.length);
  return planned.filter(change => change !== undefined);
}

interface Question {
  readonly cluster: Cluster;
  readonly resource: Resource;
  readonly force: boolean;
  readonly replicas: 'yield' | 'take';
}

async function plan(question: Question): Promise<PlannedChange> {
  const { cluster, resource, force, replicas } = question;
  let answer: Applied;
  try {
    answer = await cluster.apply(resource.object, { dryRun: true, force });
  } catch (thrown) {
    if (asCutoverError(thrown).code !== 'conflict' || !hasReplicas(resource.object)) throw thrown;
    const live = await cluster.get(refOf(resource.object));
    if (live === undefined || scaledBy(live) === undefined) throw thrown;
    const rest = await plan({ ...question, resource: withoutReplicas(resource) });
    if (replicas === 'yield') return rest;
    // Nothing but the replicas was in the way, so forcing takes nothing else.
    return { ...(await plan({ ...question, force: true })), force: true };
  }
  const after = answer.object;
  const verdict = judgeDryRun(answer, fieldManager);
  if (verdict !== 'compare') return { resource, change: verdict, after };
  const live = await cluster.get(refOf(resource.object));
  if (live === undefined) return { resource, change: 'created', after };
  if (!force) refuseForeign(resource.object, live);
  if (force && replicas === 'yield' && hasReplicas(resource.object) && scaledBy(live) !== undefined) {
    return plan({ ...question, resource: withoutReplicas(resource) });
  }
  return { resource, change: differs(live, after) ? 'changed' : 'unchanged', live, after };
}

/** An object of another release is not this one's to change: its own next deploy would change it back. */
function refuseForeign(wanted: KubeObject, live: KubeObject): void {
  const mine = wanted.metadata.annotations?.[releaseAnnotation];
  const theirs = live.metadata.annotations?.[releaseAnnotation];
  if (mine === undefined || theirs === undefined || mine === theirs) return;
  throw new CutoverError(`it belongs to release ${theirs}, and this is release ${mine}`, {
    code: 'conflict',
    hint: 'Set the input `release` to the name under which it was deployed before, or rename the object; `force-conflicts: true` takes it over.',
  });
}

const releaseAnnotation = 'cutover/release';

function hasReplicas(object: KubeObject): boolean {
  return (object['spec'] as { replicas?: unknown } | undefined)?.replicas !== undefined;
}

function withoutReplicas(resource: Resource): Resource {
  const { replicas: _left, ...spec } = resource.object['spec'] as Record<string, unknown>;
  return { ...resource, object: { ...resource.object, spec } };
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
function problemsOf({ object, at, place }: Resource, error: CutoverError): readonly Problem[] {
  const name = describeRef(refOf(object));
  if (error.problems.length === 0) return [{ message: `${name}: ${error.message}`, at }];
  return error.problems.map(({ message, field = '' }) => ({
    message: `${name}: ${message}`,
    at: place(pathOf(object, field)),
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
