import { asCutoverError, CutoverError } from '../../errors.js';
import { fieldAt, withField, without } from '../../kubernetes/fields.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { isBeingDeleted } from '../../kubernetes/pods/pod.js';
import { isService } from '../../kubernetes/selectors.js';
import type { Log } from '../../log.js';
import { differs } from '../../plan/change.js';
import type { Clock } from '../clock.js';
import type { Cluster, ObjectWriter } from '../cluster.js';
import { removeAndWait, waitUntilGone } from './apply-change.js';
import { replicasOf, type KeepsReplicas } from './autoscaled-replicas.js';
import { whyNotCreated, type CreatedObjects } from './created-objects.js';
import { fieldManager } from './field-manager.js';
import { appliedBy, entriesOf, ownsReplicas } from './owned-fields.js';
import { restoredOwners, type OwnersRequest } from './restore-owners.js';
import { own } from '../../own.js';

/** What a restore reads. */
export type SnapshotReader = Pick<Cluster, 'get' | 'list' | 'watch'>;

/** What {@link restoreObject} needs beside the object. */
export interface RestoreObjectOptions extends CreatedObjects {
  readonly cluster: SnapshotReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
  readonly signal: AbortSignal;
  readonly keepsReplicas: KeepsReplicas;
}

/** An object as it was. */
export interface PreviousObject {
  readonly object: KubeObject;
  /** The operation deleted and recreated it. */
  readonly recreated: boolean;
}

/** Controllers write the status frequently; a write that conflicts is repeated with the latest resourceVersion. */
const maxAttempts = 10;
/** Limit of the wait until the name of an object that is created again is free. */
const deletionTimeoutMs = 60_000;

/**
 * Restores one object, in at most two writes: its content, then the owners of its fields, which a PUT or POST changes. Each
 * is made only if the live object needs it, so that a restore that was killed is finished by the next one. Returns what was
 * done; `undefined`: nothing was to do.
 */
export async function restoreObject(
  previous: PreviousObject,
  options: RestoreObjectOptions,
): Promise<'restored' | 'recreated' | undefined> {
  const before = previous.object;
  const ref = refOf(before);
  const { cluster, writer, keepsReplicas } = options;
  const deadline = options.clock.now() + deletionTimeoutMs;
  let done: 'restored' | 'recreated' | undefined;
  let isContentDone = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      let live = await cluster.get(ref);
      // What is being deleted cannot be kept, whatever is written to it.
      if (live !== undefined && isBeingDeleted(live) && !isBeingDeleted(before)) {
        await waitUntilGone(live, { ...options, timeoutMs: Math.max(0, deadline - options.clock.now()) });
        live = undefined;
      }
      if (live === undefined && isContentDone) throw deletedAgain(before);
      const replicas = live !== undefined && (await keepsReplicas(before, live));
      if (live !== undefined && previous.recreated && isOther({ before, live, keepsReplicas: replicas })) {
        await freeName(live, { ...options, timeoutMs: Math.max(0, deadline - options.clock.now()) });
        live = undefined;
      }
      if (!isContentDone) {
        const written = await writeContent({ before, live, keepsReplicas: replicas }, writer);
        if (written !== undefined) done = live === undefined ? 'recreated' : 'restored';
        live = written ?? live;
        isContentDone = true;
        attempt = 1;
      }
      const owners = live && restoredOwners({ before, live, keepsReplicas: replicas });
      if (live === undefined || owners === undefined) return done;
      await writer.setManagedFields(live, owners);
      return done ?? 'restored';
    } catch (thrown) {
      const { code } = asCutoverError(thrown);
      if ((code !== 'moved' && code !== 'exists') || attempt >= maxAttempts) throw thrown;
    }
  }
}

/** Whether the live object is another one with the same name, and not the previous one that a restore has recreated. */
function isOther({ before, live, keepsReplicas }: OwnersRequest): boolean {
  return live.metadata.uid !== before.metadata.uid && differs(live, wantedState(before, live, keepsReplicas));
}

function deletedAgain(object: KubeObject): CutoverError {
  return new CutoverError('somebody deleted it while it was restored', {
    code: 'changed',
    object: describeRef(refOf(object)),
    hint: 'Find out who deletes it; then run this step again.',
  });
}

/** Deletes what the operation created under the name of the previous object. Throws `changed` if somebody else created it. */
async function freeName(
  live: KubeObject,
  options: RestoreObjectOptions & { readonly timeoutMs: number },
): Promise<void> {
  const why = whyNotCreated(live, options);
  if (why !== undefined) {
    throw new CutoverError(`another object has its name now, which this operation did not create: ${why}`, {
      code: 'changed',
      object: describeRef(refOf(live)),
      hint: 'Delete that object, or stop the operator that creates it; then run this step again.',
    });
  }
  await removeAndWait(live, options);
}

interface ContentRequest {
  readonly before: KubeObject;
  readonly live: KubeObject | undefined;
  readonly keepsReplicas: boolean;
}

/** Writes the content of the snapshot; `undefined`: the live object has it. */
async function writeContent(request: ContentRequest, writer: ObjectWriter): Promise<KubeObject | undefined> {
  const { before, live, keepsReplicas } = request;
  const applied = appliedBy(before, fieldManager);
  if (live === undefined) {
    // An apply has only the fields of Cutover: what others owned, such as replicas, would be gone.
    if (applied === undefined || hasOtherOwners(before)) return writer.create(withIdentity(before, {}));
    const answer = await writer.apply(applied, { force: true });
    if (answer.created) return answer.object;
    throw new CutoverError('somebody else created it at the same time', { code: 'moved' });
  }
  const wanted = wantedState(before, live, keepsReplicas);
  if (!differs(live, wanted)) return undefined;
  if (applied !== undefined && !hasTakenOverFields(before, live)) {
    const sized = keepsReplicas ? withReplicasOf(applied, live) : applied;
    const { resourceVersion } = live.metadata;
    // Somebody may scale a workload, or send users of a Service elsewhere, after it was read.
    const isConditional = replicasOf(sized) !== undefined || isService(live);
    const condition = isConditional && resourceVersion !== undefined ? { resourceVersion } : {};
    return (await writer.apply(sized, { force: true, ...condition })).object;
  }
  // The owners that are sent along are those of the fields that this write does not change.
  const managedFields = restoredOwners({ before, live, keepsReplicas }) ?? live.metadata.managedFields;
  return writer.replace(withField(wanted, ['metadata', 'managedFields'], managedFields));
}

/** The replicas of the live object if Cutover owns them: without a value they would be reset to 1. Else none. */
function withReplicasOf(applied: KubeObject, live: KubeObject): KubeObject {
  if (replicasOf(applied) === undefined) return applied;
  const spec = applied['spec'] as Record<string, unknown>;
  return ownsReplicas(live, fieldManager)
    ? withField(applied, ['spec', 'replicas'], replicasOf(live))
    : { ...applied, spec: without(spec, ['replicas']) };
}

/** Whether other managers own fields of the object, apart from what controllers write through subresources. */
function hasOtherOwners(object: KubeObject): boolean {
  return entriesOf(object).some(
    ({ manager, subresource }) => manager !== fieldManager && (!subresource || subresource === 'scale'),
  );
}

/**
 * Whether the step took fields over from other managers (`force-conflicts`). Applying without such a field does not restore
 * the value of its owner: it resets or removes the field.
 */
function hasTakenOverFields(before: KubeObject, live: KubeObject): boolean {
  return !covers(appliedBy(before, fieldManager), appliedBy(before, fieldManager, live));
}

/** Whether everything in `part` is in `whole` too; the order of list items does not matter. */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) return Array.isArray(whole) && part.every(item => whole.some(other => covers(other, item)));
  if (part === null || typeof part !== 'object') return whole === part;
  if (whole === null || typeof whole !== 'object') return false;
  return Object.entries(part).every(([key, value]) => covers(own(whole as Record<string, unknown>, key), value));
}

/** Set by the controller of a Deployment at every change of its pods. */
const controllerAnnotation = ['metadata', 'annotations', 'deployment.kubernetes.io/revision'];

/** The live object with the content of the snapshot, except for what is not restored: status, and what controllers count. */
function wantedState(before: KubeObject, live: KubeObject, keepsReplicas: boolean): KubeObject {
  const { status: _status, ...content } = withIdentity(before, live.metadata);
  const kept = [controllerAnnotation, ...(keepsReplicas ? [['spec', 'replicas']] : [])];
  const wanted = kept.reduce<KubeObject>((object, path) => {
    const value = fieldAt(live, path);
    return value === undefined ? object : withField(object, path, value);
  }, content);
  return live['status'] === undefined ? wanted : { ...wanted, status: live['status'] };
}

/** The snapshot with the identity of the live object, or without one for a new object. */
function withIdentity(
  object: KubeObject,
  live: { readonly uid?: string; readonly resourceVersion?: string; readonly creationTimestamp?: string },
): KubeObject {
  const {
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    generation: _generation,
    ...kept
  } = object.metadata;
  return {
    ...object,
    metadata: {
      ...kept,
      ...(live.uid !== undefined && { uid: live.uid }),
      ...(live.resourceVersion !== undefined && { resourceVersion: live.resourceVersion }),
      ...(live.creationTimestamp !== undefined && { creationTimestamp: live.creationTimestamp }),
    },
  };
}
