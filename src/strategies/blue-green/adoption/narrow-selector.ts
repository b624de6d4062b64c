import { labelSelectorOf, selectorOf } from '../../../kubernetes/selectors.js';
import { restoreSnapshots } from '../../../cluster/apply/restore-snapshots.js';
import type { Cluster } from '../../../cluster/cluster.js';
import { asCutoverError } from '../../../errors.js';
import { fieldAt } from '../../../kubernetes/fields.js';
import { describeRef, type KubeObject } from '../../../kubernetes/object.js';
import { hasEnded, isBeingDeleted } from '../../../kubernetes/pod.js';
import { hashLabel } from '../../../kubernetes/pod-template.js';
import { canonical, type Snapshot } from '../../../plan/change.js';
import type { RunContext } from '../../../run/context.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';
import { restore } from '../../shared/restore-objects.js';
import type { NarrowedSelector, RestoredStaging } from '../../outcome/restored.js';
import type { Adoption } from './live-application.js';

/**
 * Narrows the selector of the public Service to the pods that serve now, conditional on the version that was read, and waits
 * until its endpoints are those pods. Without it, pods that are staged with the same labels would get traffic at once.
 */
export async function narrowSelector(ctx: RunContext, adoption: Adoption): Promise<void> {
  const { before, narrowed, migration } = adoption;
  const { cluster, log, signal } = ctx;
  const owned =
    migration === undefined ? before.object : await cluster.setManagedFields(before.object, migration.managedFields);
  const { resourceVersion } = owned.metadata;
  await cluster.apply(narrowed, { force: true, ...(resourceVersion !== undefined && { resourceVersion }) });
  log.info(`${describeRef(before.ref)} selects the pods that serve now and no others, whatever their labels`);
  await routerOf(ctx, before.ref).confirm({ object: narrowed }, { timeoutMs: confirmMs, signal });
}

/** The Service as it was before it was narrowed. */
export interface RestoreSelectorRequest {
  readonly before: Snapshot;
  /** How long to wait until staged pods with the same labels are gone. */
  readonly timeoutMs: number;
}

/**
 * Restores the selector of the Service, once only the pods that serve carry its labels: before that, users would reach what
 * was staged. A Service that somebody has changed since is left alone. Never throws; returns why the selector stays narrowed,
 * `undefined`: it does not.
 */
export async function restoreSelector(
  ctx: Pick<RunContext, 'cluster' | 'log' | 'records'>,
  { before, timeoutMs }: RestoreSelectorRequest,
): Promise<NarrowedSelector | undefined> {
  const { cluster, log, records } = ctx;
  const service = before.ref;
  try {
    const live = await cluster.get(service);
    const hash = live === undefined ? undefined : selectorOf(live)[hashLabel];
    if (live === undefined || before.object === undefined || hash === undefined) return undefined;
    const selector = selectorOf(before.object);
    if (canonical({ ...selector, [hashLabel]: hash }) !== canonical(selectorOf(live)))
      return { kind: 'changed-by-others', service };
    if (!(await otherPodsGone(before.object, { cluster, hash, timeoutMs }))) return { kind: 'other-pods', service };
    const { failed } = await restoreSnapshots({ cluster, snapshots: [before], release: records.release, log });
    return failed[0] && { kind: 'failed', reason: failed[0].error.message };
  } catch (error) {
    return { kind: 'failed', reason: asCutoverError(error).message };
  }
}

/** Waits until every pod that the wider selector would add is at least terminating, and so gets no traffic. */
async function otherPodsGone(
  service: KubeObject,
  { cluster, hash, timeoutMs }: { readonly cluster: Cluster; readonly hash: string; readonly timeoutMs: number },
): Promise<boolean> {
  const ended = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ended.signal]);
  const evenUnready = fieldAt(service, ['spec', 'publishNotReadyAddresses']) === true;
  const { namespace } = service.metadata;
  const others = new Set<string>();
  let synced = false;
  try {
    const kind = { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) };
    for await (const event of cluster.watch(kind, { labelSelector: labelSelectorOf(service), signal })) {
      if (event.type === 'synced') synced = true;
      else {
        const { name, labels } = event.object.metadata;
        const ends = hasEnded(event.object) || (isBeingDeleted(event.object) && !evenUnready);
        const leaves = event.type === 'DELETED' || ends;
        if (leaves || labels?.[hashLabel] === hash) others.delete(name);
        else others.add(name);
      }
      if (synced && others.size === 0) return true;
    }
    return false;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    ended.abort();
  }
}

/** A staging that failed. */
export interface FailedStaging {
  readonly snapshots: readonly Snapshot[];
  /** How long to wait until the restored workloads are ready. */
  readonly timeoutMs: number;
  readonly cause: unknown;
  /** The public Service before an adoption narrowed its selector. Absent: nothing was adopted. */
  readonly previousService?: Snapshot;
}

/** Restores everything that a staging changed and, last of all, the selector that an adoption narrowed. */
export async function restoreStaging(ctx: RunContext, staging: FailedStaging): Promise<RestoredStaging> {
  const { snapshots, timeoutMs, cause, previousService } = staging;
  const objects = await restore(ctx, { snapshots, timeoutMs, cause });
  if (previousService === undefined || objects.kind !== 'complete') return { objects };
  const narrowed = await restoreSelector(ctx, { before: previousService, timeoutMs });
  return { objects, ...(narrowed !== undefined && { narrowed }) };
}
