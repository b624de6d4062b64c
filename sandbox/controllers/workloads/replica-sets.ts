import type { KubeObject } from '../../object.js';
import type { Store } from '../../api/store/store.js';
import type { Deployment, ReplicaSet } from '../kinds.js';
import { controlledBy, REPLICA_SET } from '../kinds.js';
import { claimed } from '../claim.js';
import type { Limits, SetState } from './rollout-plan.js';
import { HASH_LABEL, templateHash, withHash } from '../template-hash.js';

const REVISION = 'deployment.kubernetes.io/revision';
const HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
const ownAnnotations = new Set([REVISION, HISTORY, DESIRED, MAX, 'kubectl.kubernetes.io/last-applied-configuration']);

/** A Deployment's ReplicaSets: the one with the current template, and all others, oldest first. */
export interface DeploymentSets {
  readonly current?: ReplicaSet;
  readonly old: readonly ReplicaSet[];
}

export function setsOf(store: Store, deployment: Deployment): DeploymentSets {
  const hash = templateHash(deployment.spec.template);
  const { matchLabels = {} } = deployment.spec.selector;
  const sets = [...claimed(store, REPLICA_SET, { owner: deployment, matchLabels })].sort(byAge);
  const current = sets.find(set => templateHash(set.spec.template) === hash);
  const old = sets.filter(set => set !== current);
  return current ? { current, old } : { old };
}

/** Creates the set of the current template with its first number of pods. Throws what the store throws. */
export function createSet(
  store: Store,
  deployment: Deployment,
  to: { readonly replicas: number; readonly limits: Limits; readonly old: readonly ReplicaSet[] },
): ReplicaSet {
  const { name, namespace = '' } = deployment.metadata;
  const hash = templateHash(deployment.spec.template);
  const template = withHash(deployment.spec.template, hash);
  const matchLabels = { ...deployment.spec.selector.matchLabels, [HASH_LABEL]: hash };
  const { minReadySeconds } = deployment.spec;
  return store.create({
    ...REPLICA_SET,
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: template.metadata?.labels ?? {},
      annotations: {
        ...inherited(deployment),
        ...scaleNotes(deployment.spec.replicas ?? 1, to.limits),
        [REVISION]: String(newestRevision(to.old) + 1),
      },
      ownerReferences: controlledBy(deployment),
    },
    spec: {
      replicas: to.replicas,
      selector: { ...deployment.spec.selector, matchLabels },
      template,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
    },
  }) as ReplicaSet;
}

/** Makes the current set the newest revision (it is not after a rollback) and the Deployment carry its number. */
export function syncRevision(store: Store, deployment: Deployment, sets: Required<DeploymentSets>): void {
  const before = sets.current.metadata.annotations?.[REVISION];
  const newest = newestRevision(sets.old) + 1;
  const revision = Math.max(Number(before ?? 0), newest);
  if (before !== String(revision)) {
    const past = [sets.current.metadata.annotations?.[HISTORY], before].filter(Boolean).join(',');
    annotate(store, sets.current, { [REVISION]: String(revision), ...(past === '' ? {} : { [HISTORY]: past }) });
  }
  const noted = annotated(deployment, { [REVISION]: String(revision) });
  if (noted !== undefined) store.update(noted, { part: 'status' });
}

export function annotate(store: Store, object: KubeObject, values: Readonly<Record<string, string>>): void {
  const noted = annotated(object, values);
  if (noted !== undefined) store.update(noted);
}

/** The object with the annotations, for an update of whatever version is live; `undefined` when it has them. */
function annotated(object: KubeObject, values: Readonly<Record<string, string>>): KubeObject | undefined {
  const annotations = object.metadata.annotations ?? {};
  if (Object.entries(values).every(([name, value]) => annotations[name] === value)) return undefined;
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, ...values } } };
}

/** Scales the set, and records the desired replicas of the Deployment. */
export function scaleSet(
  store: Store,
  set: ReplicaSet,
  to: { readonly replicas: number; readonly desired: number; readonly limits: Limits },
): void {
  const noted = scaleNotes(to.desired, to.limits);
  const annotations = { ...set.metadata.annotations, ...noted };
  const { resourceVersion: _, ...metadata } = set.metadata;
  store.update({ ...set, metadata: { ...metadata, annotations }, spec: { ...set.spec, replicas: to.replicas } });
}

export function scaleNotes(desired: number, limits: Limits): Readonly<Record<string, string>> {
  return { [DESIRED]: String(desired), [MAX]: String(desired + limits.maxSurge) };
}

/** True if a set with pods was scaled for another number of replicas than the Deployment wants now. */
export function wasScaled(sets: DeploymentSets, desired: number): boolean {
  const all = sets.current ? [...sets.old, sets.current] : sets.old;
  return all.some(set => {
    const noted = set.metadata.annotations?.[DESIRED];
    return (set.spec.replicas ?? 0) > 0 && noted !== undefined && Number(noted) !== desired;
  });
}

export function stateOf(set: ReplicaSet): SetState {
  const max = set.metadata.annotations?.[MAX];
  const state = {
    name: set.metadata.name,
    replicas: set.spec.replicas ?? 1,
    existing: set.status?.replicas ?? 0,
    available: set.status?.availableReplicas ?? 0,
  };
  return max === undefined ? state : { ...state, maxReplicas: Number(max) };
}

/** Old sets that are beyond `limit` and empty, oldest first. */
export function beyondHistory(old: readonly ReplicaSet[], limit: number): readonly ReplicaSet[] {
  const empty = [...old].sort((a, b) => revisionOf(a) - revisionOf(b));
  return empty
    .slice(0, Math.max(0, empty.length - limit))
    .filter(set => (set.spec.replicas ?? 0) === 0 && (set.status?.replicas ?? 0) === 0);
}

function inherited(deployment: Deployment): Readonly<Record<string, string>> {
  const own = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(own.filter(([name]) => !ownAnnotations.has(name)));
}

function newestRevision(sets: readonly ReplicaSet[]): number {
  return Math.max(0, ...sets.map(revisionOf));
}

function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [first, second] = [a, b].map(set => Date.parse(set.metadata.creationTimestamp ?? ''));
  // Sets created in the same second are ordered by revision.
  return (first ?? 0) - (second ?? 0) || revisionOf(a) - revisionOf(b);
}
