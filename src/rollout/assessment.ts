import { isDeepStrictEqual } from 'node:util';
import { fieldManager } from '../cluster/apply/field-manager.js';
import { appliedBy, templateOwners } from '../cluster/apply/owned-fields.js';
import { refOf } from '../kubernetes/object.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { sameTemplate } from '../kubernetes/pods/pod-template.js';
import { activePods, restartsOf } from '../kubernetes/pods/pod.js';
import { specOf } from '../kubernetes/workload.js';
import { fieldChanges } from '../plan/diff.js';
import { customResourceRule } from './readiness/custom-resource.js';
import { unobserved, type Patience } from './readiness/readiness.js';
import type { Judgement, RolloutContext } from './readiness/rule.js';
import { rolloutRuleOf } from './readiness/table.js';

/** The state of one object that a deploy waits for, judged from everything that the watches have reported. */
export interface Assessment extends Judgement {
  readonly ref: ObjectRef;
  /** The live object; absent while it has not been seen. */
  readonly live?: KubeObject;
  /** Whether a pod is leaving the namespace of the object. */
  readonly podsLeave?: boolean;
  /** Set when the object is no longer the one that was written: how it differs. */
  readonly superseded?: string;
  /** Set when somebody added to the pod template that was written: where and who. What is waited for has the addition. */
  readonly extended?: string;
}

/** Judges an object. `target` is what the API server answered to the write, or, if nothing was written, the live object. */
export function assess(target: KubeObject, context: RolloutContext): Assessment {
  const { inventory } = context;
  const ref = refOf(target);
  // A deploy waits for kinds with a rule only; others are judged as any custom resource.
  const rule = rolloutRuleOf(target) ?? customResourceRule;
  const live = inventory.find(ref);
  const unseen = { ref, readiness: { done: false, ok: false, reason: unobserved }, newPods: [] } as const;
  const { uid, generation = 0 } = target.metadata;
  const deleted = uid === undefined ? undefined : inventory.deleted(uid);
  if (deleted !== undefined) {
    // A Job that is complete is deleted after its ttlSecondsAfterFinished.
    const readiness = rule.isFinalOnceReady ? rule.judge(deleted, context).readiness : undefined;
    if (readiness?.ok) return { ref, live: deleted, readiness, newPods: [] };
    return { ...unseen, superseded: 'was deleted' };
  }
  if (live === undefined) return unseen;
  if (uid !== undefined && live.metadata.uid !== uid) return { ...unseen, superseded: 'was deleted and recreated' };
  if ((live.metadata.generation ?? 0) < generation) return unseen;
  const isEdited =
    rule.isPinnedByTemplate === true &&
    uid !== undefined &&
    !sameTemplate(specOf(live).template, specOf(target).template);
  if (isEdited && !keepsApplied(live, target))
    return { ...unseen, live, superseded: `got another pod template${authorsOf(live, target)}` };
  return {
    ref,
    live,
    ...rule.judge(live, { ...context, written: target }),
    podsLeave: inventory.hasLeavingPods(ref.namespace),
    ...(isEdited && { extended: `its pod template got an addition${authorsOf(live, target, live)}` }),
  };
}

/**
 * Whether another live template has all that Cutover applied to it: a controller may add to it, such as the annotation with which it
 * restarts the pods. The version that is waited for is then the live one.
 */
function keepsApplied(live: KubeObject, target: KubeObject): boolean {
  const [now, written] = [live, target].map(object => {
    const applied = appliedBy(object, fieldManager);
    return applied && specOf(applied).template;
  });
  return written !== undefined && isDeepStrictEqual(now, written);
}

/** ` (spec.template.spec.containers[web].image, by "kubectl-edit")`; empty where managedFields name nobody. `manifest`: see `fieldChanges`. */
function authorsOf(live: KubeObject, target: KubeObject, manifest = target): string {
  const managers = templateOwners(live, fieldManager).map(manager => `"${manager}"`);
  const changed = fieldChanges(target, live, manifest).find(({ path }) => path.startsWith('spec.template.'));
  if (managers.length === 0) return '';
  return ` (${changed === undefined ? '' : `${changed.path}, `}by ${managers.join(' and ')})`;
}

/** Why an object or its pods failed, as far as a wait weighs it. */
export interface Failure extends Patience {
  /** Changes with each further try, such as a restart: the failure then counts anew. */
  readonly state: string;
}

/** The failure of the object, else of its pods; `undefined`: there is none. */
export function failureOf({ readiness, podFailure }: Assessment): Failure | undefined {
  if (readiness.done) return readiness.ok ? undefined : { ...readiness, state: '' };
  if (podFailure === undefined) return undefined;
  const { container, pod, toleranceMs } = podFailure;
  // Pods of one version restart at different times, so a failure that must last does not depend on them.
  return { ...podFailure, state: toleranceMs > 0 ? container : `${container} ${restartsOf(pod)}` };
}

/** What must not change while an object has to stay ready: which new pods there are, and how often they restarted. */
export function fingerprint({ newPods }: Assessment): string {
  return activePods(newPods)
    .map(pod => `${pod.metadata.uid ?? pod.metadata.name}:${restartsOf(pod)}`)
    .sort()
    .join(' ');
}
