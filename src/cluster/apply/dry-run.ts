import { asCutoverError, CutoverError, type Problem } from '../../errors.js';
import type { RecreatePolicy } from '../../inputs/inputs.js';
import { isDeletedOnceFinished } from '../../kubernetes/job.js';
import { refOf, type KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import { sensitiveAt } from '../../manifests/sensitive-fields.js';
import { differs, type PlannedChange } from '../../plan/change.js';
import { mayRecreate, recreateRemedy } from '../../plan/recreate.js';
import { shownValue } from '../../plan/shown-value.js';
import type { Applied, Cluster } from '../cluster.js';
import { appliedHash, isHashOf } from './applied-identity.js';
import { fieldManager } from './field-manager.js';
import { declaredReplicas, resourceWithReplicas } from './migration/declared-replicas.js';
import { planMigrated } from './migration/plan-migrated.js';
import { pathOf, valueOf } from './field-path.js';
import { rejectDeletion, rejectOtherRelease, rejectRunningJob } from '../ownership/refuse-live.js';
import { isMigratedManager, planOwnershipMigration } from './ownership-migration.js';
import { hasApplied, ownsReplicas, scaledBy } from './owned-fields.js';

/** What {@link dryRun} needs. */
export interface DryRunRequest {
  readonly cluster: Cluster;
  readonly resource: Resource;
  /** Whether fields of other managers are taken over. */
  readonly force: boolean;
  /** `yield`: replicas that an autoscaler or a person has set through the scale subresource are kept; `take`: overwritten. */
  readonly replicas: 'yield' | 'take';
  readonly recreate: RecreatePolicy;
  /** The last apply of the object that is on record. Absent: none, so that only the live object can prove `unchanged`. */
  readonly onRecord?: ApplyOnRecord;
}

/** An apply of one object that is on record. */
export interface ApplyOnRecord {
  /** From `appliedHash`. */
  readonly hash: string;
  /** This process has applied the object a moment ago, so that an equal hash proves nothing yet. */
  readonly recent: boolean;
}

/**
 * Sends a dry-run apply of one object. Throws the error with which the API server rejects it, and `conflict` for an object that is
 * being deleted.
 */
export async function dryRun(request: DryRunRequest): Promise<PlannedChange> {
  const planned = await askApiServer({ ...request, live: liveReader(request) });
  rejectDeletion(planned);
  return planned;
}

interface DryRunWithLive extends DryRunRequest {
  /** The live object; however often it is asked for, it is read once. `undefined` when it does not exist. */
  readonly live: () => Promise<KubeObject | undefined>;
}

/** Reads beside the dry run where the record shows beforehand that the answer alone cannot prove `unchanged`. */
function liveReader({ cluster, resource, onRecord }: DryRunRequest): DryRunWithLive['live'] {
  const { object } = resource;
  const read = (): Promise<KubeObject | undefined> => cluster.get(refOf(object));
  let reading: Promise<KubeObject | undefined> | undefined;
  if (onRecord === undefined || (!onRecord.recent && isHashOf(onRecord.hash, object)))
    return () => (reading ??= read());
  const beside = read();
  // The dry run may not need it: an error that nobody awaits must not end the process.
  beside.catch(() => undefined);
  // What the dry run finds and this read has missed, somebody has just created.
  return async () => (await beside) ?? (reading ??= read());
}

async function askApiServer(request: DryRunWithLive): Promise<PlannedChange> {
  const { cluster, resource, force } = request;
  let answer: Applied;
  try {
    answer = await cluster.dryRunApply(resource.object, { force });
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (error.code === 'conflict') return resolveConflict(request, error);
    if (error.code === 'invalid') return planRefused(request, error);
    throw error;
  }
  const planned = await accepted(request, answer);
  return answer.warnings.length === 0 ? planned : { warnings: answer.warnings, ...planned };
}

/** The change of an object that the API server accepts. */
async function accepted(request: DryRunWithLive, answer: Applied): Promise<PlannedChange> {
  const { resource, onRecord } = request;
  const after = answer.object;
  // For a new object the manifest is enough; keeping the answers for a thousand objects costs memory.
  const created = { resource, change: 'created', after: resource.object } as const;
  if (answer.created) {
    const hasRun = onRecord !== undefined && isHashOf(onRecord.hash, resource.object) && isDeletedOnceFinished(after);
    return hasRun ? { ...created, change: 'unchanged', finished: true } : created;
  }
  if (onRecord?.recent === false && onRecord.hash === appliedHash(resource.object, after))
    return { resource, change: 'unchanged', after };
  const live = await request.live();
  return live === undefined ? created : compareWithLive(request, { live, after });
}

/** The change of an object that exists. */
async function compareWithLive(
  request: DryRunWithLive,
  { live, after }: { readonly live: KubeObject; readonly after: KubeObject },
): Promise<PlannedChange> {
  const { resource, force, replicas } = request;
  const { object } = resource;
  if (!force) rejectOtherRelease(object, live);
  if (declaredReplicas(object) !== undefined) {
    if (force && replicas === 'yield' && scaledBy(live) !== undefined)
      return askApiServer({ ...request, resource: resourceWithReplicas(resource, undefined) });
  } else if (ownsReplicas(live, fieldManager) && declaredReplicas(live) !== declaredReplicas(after)) {
    // A manifest that now leaves replicas to an autoscaler must not reset them to 1 first.
    return askApiServer({ ...request, resource: resourceWithReplicas(resource, declaredReplicas(live)) });
  }
  const migration = planOwnershipMigration({ live, desired: object, manager: fieldManager });
  if (migration !== undefined) return { resource, change: 'changed', from: migration.managers, live, after };
  // What Cutover never applied is not its own, even if it has the same content: it is applied once.
  const isChanged = differs(live, after) || !hasApplied(live, fieldManager);
  return { resource, change: isChanged ? 'changed' : 'unchanged', live, after };
}

/**
 * Resolves a conflict by policy: replicas of an autoscaler are kept; fields of managers whose ownership is migrated are
 * taken over. For any other manager, throws the conflict with both values.
 */
async function resolveConflict(request: DryRunWithLive, error: CutoverError): Promise<PlannedChange> {
  const { resource, replicas } = request;
  const live = await request.live();
  if (live === undefined) throw error;
  if (declaredReplicas(resource.object) !== undefined && scaledBy(live) !== undefined) {
    const withoutOwnReplicas = await askApiServer({ ...request, resource: resourceWithReplicas(resource, undefined) });
    if (replicas === 'yield') return withoutOwnReplicas;
    // Only the replicas conflict, so forcing takes over nothing else.
    return { ...(await askApiServer({ ...request, force: true })), force: true };
  }
  const allMigrated = error.problems.every(({ manager = '' }) => isMigratedManager(manager));
  if (allMigrated && !hasApplied(live, fieldManager)) {
    rejectOtherRelease(resource.object, live);
    return { ...(await askApiServer({ ...request, force: true })), force: true };
  }
  throw withValues(error, { desired: resource.object, live });
}

/** What the API server refuses may be accepted once the ownership of fields is migrated. */
async function planRefused(request: DryRunWithLive, error: CutoverError): Promise<PlannedChange> {
  if (error.status !== 422) return planRecreation(request, error);
  const live = await request.live();
  if (live === undefined) return planRecreation(request, error);
  let migrated: PlannedChange | undefined;
  try {
    migrated = await planMigrated(request, live);
  } catch (thrown) {
    const now = asCutoverError(thrown);
    return planRecreation(request, now.code === 'invalid' ? now : error);
  }
  if (migrated === undefined) return planRecreation(request, error);
  if (!request.force) rejectOtherRelease(request.resource.object, live);
  return migrated;
}

/**
 * Plans to recreate an object with immutable fields, if the policy allows it and the API server rejects only the change:
 * it accepts a dry-run creation of the same object under another name. Any other refusal, such as that of a policy, stands:
 * a recreation would pass it by, and delete what serves users.
 */
async function planRecreation(request: DryRunWithLive, error: CutoverError): Promise<PlannedChange> {
  const { cluster, resource, recreate } = request;
  const { object } = resource;
  // A webhook without dry-run support rejects every dry run; only the apply itself shows the result.
  if (error.status === 400 && error.message.includes('does not support dry run')) return uncheckedChange(request);
  if (!isImmutable(error)) throw error;
  if (!mayRecreate(recreate, object)) throw error.amended({ hint: recreateRemedy(object) });
  const live = await request.live();
  if (live === undefined) throw error;
  rejectOtherRelease(object, live);
  rejectRunningJob(live);
  const after = await cluster.dryRunCreate(underAnotherName(object));
  return { resource, change: 'recreated', live, after: { ...after, metadata: object.metadata } };
}

/**
 * How the API server says that a field cannot be changed: `field is immutable`, `may not change once set` (Service),
 * `cannot change roleRef`, `updates to … are forbidden` (StatefulSet, StorageClass), `pod updates may not …` (Pod). The rules of
 * a CustomResourceDefinition have words of their own.
 */
const immutableWords =
  /immutable|(?:may|can|must) ?not (?:be )?(?:chang|updat|modif)|updates (?:to .* are forbidden|may not)/;

/** Whether the validation of a field rejects its change. A policy that denies the request names no field. */
function isImmutable({ status, problems }: CutoverError): boolean {
  return status === 422 && problems.some(({ field = '', message }) => field !== '' && immutableWords.test(message));
}

function underAnotherName(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, name: `${object.metadata.name.slice(0, 50)}-dry-run` } };
}

/** The change of an object that the API server cannot check yet: this deploy changes the definition of its kind first. */
export async function withNewSchema(request: DryRunRequest): Promise<PlannedChange> {
  return { ...(await uncheckedChange({ ...request, live: liveReader(request) })), newSchema: true };
}

async function uncheckedChange({ resource, ...request }: DryRunWithLive): Promise<PlannedChange> {
  const live = await request.live();
  if (live !== undefined && !request.force) rejectOtherRelease(resource.object, live);
  return live === undefined ? { resource, change: 'created' } : { resource, change: 'changed', live };
}

/** The conflict with the live value and the value of the manifest for each field. */
function withValues(
  error: CutoverError,
  { desired, live }: { readonly desired: KubeObject; readonly live: KubeObject },
): CutoverError {
  const { kind } = desired;
  const problems = error.problems.map((problem): Problem => {
    const { field = '', message } = problem;
    const sensitive = [live, desired].flatMap(object => sensitiveAt(object, pathOf(object, field)));
    const [liveValue, manifestValue] = [live, desired].map(object =>
      shownValue({ kind, path: field, sensitive }, valueOf(object, field)),
    );
    return { ...problem, message: `${message}: the live value is ${liveValue}, the manifest has ${manifestValue}` };
  });
  return error.amended({ problems });
}
