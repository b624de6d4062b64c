import type { KubeObject } from '../../object.js';
import type { Store } from '../../api/store/store.js';
import type { ControllerRevision, DaemonSet, StatefulSet } from '../kinds.js';
import { controlledBy, getByKey, ownedBy, REVISION } from '../kinds.js';
import type { Pod, PodTemplate } from '../pod.js';
import { templateHash } from '../template-hash.js';

/** Label that identifies the pods of one revision. */
export const REVISION_LABEL = 'controller-revision-hash';

/** What a kind writes on its revisions. */
export interface RevisionNotes {
  /** Label that holds the hash. */
  readonly hashLabel: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The revision of the current template, as the newest: created if there is none, renumbered if it is an older one. */
export function syncRevision(store: Store, owner: StatefulSet | DaemonSet, notes: RevisionNotes): ControllerRevision {
  const { template } = owner.spec;
  const hash = templateHash(template);
  const all = ownedBy(store, REVISION, owner);
  const newest = Math.max(0, ...all.map(({ revision }) => revision));
  const known = all.find(one => templateHash(templateOf(one)) === hash);
  if (known?.revision === newest) return known;
  if (known) return store.update({ ...known, revision: newest + 1 }) as ControllerRevision;
  const { hashLabel, annotations } = notes;
  const { name, namespace = '' } = owner.metadata;
  let free = hash;
  // A set of the other kind may have the same name and template.
  while (getByKey(store, REVISION, `${namespace}/${name}-${free}`)) free += 'b';
  return store.create({
    ...REVISION,
    metadata: {
      name: `${name}-${free}`,
      namespace,
      labels: { ...template.metadata?.labels, [hashLabel]: free },
      ...(annotations && { annotations }),
      ownerReferences: controlledBy(owner),
    },
    data: { spec: { template: { ...template, $patch: 'replace' } } },
    revision: newest + 1,
  }) as ControllerRevision;
}

export function templateOf({ data }: ControllerRevision): PodTemplate {
  const { $patch: _, ...template } = data.spec.template;
  return template;
}

/** Removes the oldest revisions beyond the owner's limit, but never one that is in use. */
export function dropHistory(
  store: Store,
  owner: StatefulSet | DaemonSet,
  inUse: (one: ControllerRevision) => boolean,
): void {
  const unused = [...ownedBy(store, REVISION, owner)]
    .filter(one => !inUse(one))
    .sort((a, b) => a.revision - b.revision);
  for (const one of unused.slice(0, Math.max(0, unused.length - (owner.spec.revisionHistoryLimit ?? 10)))) {
    store.remove({ ...REVISION, name: one.metadata.name, namespace: one.metadata.namespace ?? '' });
  }
}

/** The value of the label above; '' without one. */
export function revisionOf(pod: Pod | KubeObject): string {
  return pod.metadata.labels?.[REVISION_LABEL] ?? '';
}
