import { asCutoverError, CutoverError, type Problem } from '../../errors.js';
import type { RecreatePolicy } from '../../inputs/inputs.js';
import { fieldAt } from '../../kubernetes/fields.js';
import { refOf, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import { differs, judgeDryRun, type PlannedChange } from '../../plan/change.js';
import { mayRecreate } from '../../plan/recreate.js';
import { shownValue } from '../../plan/diff.js';
import type { Applied, Cluster } from '../cluster.js';
import { fieldManager } from './field-manager.js';
import { valueOf } from './field-path.js';
import { isFormer, takeOver } from './ownership-migration.js';
import { hasApplied, ownsReplicas, scaledBy } from './owned-fields.js';

/** What is asked of the API server about one object. */
export interface Question {
  readonly cluster: Cluster;
  readonly resource: Resource;
  /** Whether fields are taken over from whoever owns them. */
  readonly force: boolean;
  /** Whether replicas that an autoscaler or a person set through the scale subresource are left alone. */
  readonly replicas: 'yield' | 'take';
  readonly recreate: RecreatePolicy;
}

/** Asks what applying one object would do, and stores nothing. Throws what the API server refuses it for. */
export async function dryRun(question: Question): Promise<PlannedChange> {
  const { cluster, resource, force } = question;
  let answer: Applied;
  try {
    answer = await cluster.apply(resource.object, { dryRun: true, force });
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (error.code === 'conflict') return resolveConflict(question, error);
    if (error.code === 'invalid') return replace(question, error);
    throw error;
  }
  const after = answer.object;
  const verdict = judgeDryRun(answer, fieldManager);
  // Of what is new the manifest says enough; the answers about a thousand objects would only be kept.
  const created = { resource, change: 'created', after: resource.object } as const;
  if (verdict === 'created') return created;
  if (verdict === 'unchanged') return { resource, change: verdict, after };
  const live = await cluster.get(refOf(resource.object));
  return live === undefined ? created : compare(question, { live, after });
}

/** What a dry run came to for an object that exists. */
async function compare(
  question: Question,
  { live, after }: { readonly live: KubeObject; readonly after: KubeObject },
): Promise<PlannedChange> {
  const { resource, force, replicas } = question;
  const { object } = resource;
  if (!force) refuseForeign(object, live);
  if (hasReplicas(object)) {
    if (force && replicas === 'yield' && scaledBy(live) !== undefined)
      return dryRun({ ...question, resource: withReplicas(resource, undefined) });
  } else if (ownsReplicas(live, fieldManager) && replicasOf(live) !== replicasOf(after)) {
    // A manifest that leaves replicas to an autoscaler from now on does not want them to fall to one first.
    return dryRun({ ...question, resource: withReplicas(resource, replicasOf(live)) });
  }
  const takeover = takeOver(live, object, fieldManager);
  if (takeover !== undefined) return { resource, change: 'changed', from: takeover.managers, live, after };
  return { resource, change: differs(live, after) ? 'changed' : 'unchanged', live, after };
}

/**
 * Who gives way in a conflict: this deploy to an autoscaler, former managers to this deploy. Whoever else owns a field keeps
 * it, and the error says which value he wants.
 */
async function resolveConflict(question: Question, error: CutoverError): Promise<PlannedChange> {
  const { cluster, resource, replicas } = question;
  const live = await cluster.get(refOf(resource.object));
  if (live === undefined) throw error;
  if (hasReplicas(resource.object) && scaledBy(live) !== undefined) {
    const rest = await dryRun({ ...question, resource: withReplicas(resource, undefined) });
    if (replicas === 'yield') return rest;
    // Nothing but the replicas was in the way, so forcing takes nothing else.
    return { ...(await dryRun({ ...question, force: true })), force: true };
  }
  const former = error.problems.every(({ manager = '' }) => isFormer(manager));
  if (former && !hasApplied(live, fieldManager)) {
    refuseForeign(resource.object, live);
    return { ...(await dryRun({ ...question, force: true })), force: true };
  }
  throw withValues(error, { wanted: resource.object, live });
}

/**
 * What cannot be changed may be made anew, if the policy allows it and the API server proves that only the change is
 * refused: it would take the same object under another name.
 */
async function replace(question: Question, error: CutoverError): Promise<PlannedChange> {
  const { cluster, resource, recreate } = question;
  const { object } = resource;
  // A webhook that has no dry run cannot be asked; the apply itself will.
  if (error.status === 400 && error.message.includes('does not support dry run')) return uncheckedChange(question);
  const immutable = error.problems.some(({ message }) => message.includes('immutable'));
  if (!mayRecreate(recreate, object)) throw immutable ? withRecreateHint(error, object) : error;
  const live = await cluster.get(refOf(object));
  if (live === undefined) throw error;
  refuseForeign(object, live);
  refuseRunning(live);
  const name = `${object.metadata.name.slice(0, 50)}-dry-run`;
  const after = await cluster.create({ ...object, metadata: { ...object.metadata, name } }, { dryRun: true });
  return { resource, change: 'recreated', live, after: { ...after, metadata: object.metadata } };
}

async function uncheckedChange({ cluster, resource }: Question): Promise<PlannedChange> {
  const live = await cluster.get(refOf(resource.object));
  return live === undefined ? { resource, change: 'created' } : { resource, change: 'changed', live };
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

/** Half of a migration may be worse than none: what works at this moment is not cut short. */
function refuseRunning(live: KubeObject): void {
  if (live.kind !== 'Job' || !fieldAt(live, ['status', 'ready'])) return;
  throw new CutoverError('it has to be made anew, but its pods are at work', {
    code: 'conflict',
    hint: 'Wait until it has ended, or delete it if its work may be cut short; then run this step again.',
  });
}

function withRecreateHint(error: CutoverError, { kind, metadata }: KubeObject): CutoverError {
  const hint =
    kind === 'Job'
      ? '`recreate: jobs` deletes the Job and makes it anew.'
      : `It cannot be changed in place. Give it another name, or let \`recreate: ${kind}/${metadata.name}\` delete it and make it anew${podless.has(kind) ? '' : '; its pods end with it'}.`;
  return error.amended({ hint });
}

/** Immutable kinds that pods only read. */
const podless: ReadonlySet<string> = new Set(['Secret', 'ConfigMap']);

/** The conflict with what the other manager wants and what the manifest says, field by field. */
function withValues(
  error: CutoverError,
  { wanted, live }: { readonly wanted: KubeObject; readonly live: KubeObject },
): CutoverError {
  const { kind } = wanted;
  const problems = error.problems.map((problem): Problem => {
    const { field = '', message } = problem;
    const [theirs, ours] = [live, wanted].map(object => shownValue({ kind, path: field }, valueOf(object, field)));
    return { ...problem, message: `${message}: live is ${theirs}, the manifest says ${ours}` };
  });
  return error.amended({ problems });
}

function replicasOf(object: KubeObject): unknown {
  return fieldAt(object, ['spec', 'replicas']);
}

function hasReplicas(object: KubeObject): boolean {
  return replicasOf(object) !== undefined;
}

/** The resource with these replicas; `undefined`: without any. */
function withReplicas(resource: Resource, replicas: unknown): Resource {
  const { replicas: _left, ...spec } = resource.object['spec'] as Record<string, unknown>;
  const sized = replicas === undefined ? spec : { ...spec, replicas };
  return { ...resource, object: { ...resource.object, spec: sized } };
}
