import type { Cluster } from '../../../cluster/cluster.js';
import { restoreSnapshots } from '../../../cluster/apply/restore.js';
import { asCutoverError } from '../../../errors.js';
import { fieldAt } from '../../../kubernetes/fields.js';
import { describeRef, type KubeObject } from '../../../kubernetes/object.js';
import type { Log } from '../../../log.js';
import { canonical, type Snapshot } from '../../../plan/change.js';
import type { Adoption } from './adoption.js';
import { selectorOf } from '../../../traffic/active-role.js';
import type { RunContext } from '../../../run/context.js';
import { confirmEndpoints, confirmMs } from '../../../traffic/service-selector.js';
import { restore, type Restored } from '../../shared/restore.js';

/** The label by which a Deployment's controller tells the pods of one template from those of any other. */
export const hashLabel = 'pod-template-hash';

/**
 * Narrows the selector of the public Service to the pods that serve now, on the very version of it that was looked at, and
 * waits until its endpoints are those pods. Without it, pods that are staged with the same labels would get traffic at once.
 */
export async function narrowSelector(ctx: RunContext, { before, pinned, takeover, pods }: Adoption): Promise<void> {
  const { cluster, log } = ctx;
  const mine =
    takeover === undefined ? before.object : await cluster.setManagedFields(before.object, takeover.managedFields);
  const { resourceVersion } = mine.metadata;
  await cluster.apply(pinned, { force: true, ...(resourceVersion !== undefined && { resourceVersion }) });
  log.info(`${describeRef(before.ref)} leads to the pods that serve now and to no others, whatever their labels`);
  await confirmEndpoints({ ctx, service: before.ref, wanted: pods, timeoutMs: confirmMs });
}

/** What taking a pin back needs. */
export interface RestoreSelectorOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly release: string;
  /** For the pods that were staged to be on their way out. */
  readonly timeoutMs: number;
}

/**
 * Gives the Service its selector back, once no pod but those that serve carries the labels: before that, users would reach
 * what was staged. A Service that somebody has moved since is left alone. Never throws; says why it was not done.
 */
export async function restoreSelector(
  before: Snapshot,
  { cluster, log, release, timeoutMs }: RestoreSelectorOptions,
): Promise<string | undefined> {
  const name = describeRef(before.ref);
  try {
    const live = await cluster.get(before.ref);
    const hash = live === undefined ? undefined : selectorOf(live)[hashLabel];
    if (live === undefined || before.object === undefined || hash === undefined) return undefined;
    const selector = selectorOf(before.object);
    if (canonical({ ...selector, [hashLabel]: hash }) !== canonical(selectorOf(live)))
      return `${name} was changed by somebody else`;
    if (!(await othersAreGone(before.object, { cluster, hash, timeoutMs })))
      return `${name} still leads to the pods of before by their template alone: others with the same labels are not gone`;
    const { failed } = await restoreSnapshots({ cluster, snapshots: [before], release, log });
    return failed[0]?.error.message;
  } catch (error) {
    return asCutoverError(error).message;
  }
}

/** Waits until every pod that the selector of before would add is at least on its way out, and so gets no traffic. */
async function othersAreGone(
  service: KubeObject,
  { cluster, hash, timeoutMs }: { readonly cluster: Cluster; readonly hash: string; readonly timeoutMs: number },
): Promise<boolean> {
  const ended = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ended.signal]);
  const evenUnready = fieldAt(service, ['spec', 'publishNotReadyAddresses']) === true;
  const { namespace } = service.metadata;
  const labelSelector = Object.entries(selectorOf(service))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const others = new Set<string>();
  let synced = false;
  try {
    const kind = { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) };
    for await (const event of cluster.watch(kind, { labelSelector, signal })) {
      if (event.type === 'synced') synced = true;
      else {
        const { name, labels, deletionTimestamp } = event.object.metadata;
        const leaves = event.type === 'DELETED' || (deletionTimestamp !== undefined && !evenUnready);
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

/** Undoes a staging and, last of all, the pin that came before it. */
export async function restoreBeforeStaging(
  ctx: RunContext,
  staged: {
    readonly snapshots: readonly Snapshot[];
    readonly timeoutMs: number;
    readonly cause: unknown;
    readonly pinned?: Snapshot;
  },
): Promise<Restored> {
  const { pinned, timeoutMs } = staged;
  const undone = await restore({ ctx, ...staged });
  if (pinned === undefined || !undone.complete) return undone;
  const why = await restoreSelector(pinned, { ...ctx, release: ctx.records.release, timeoutMs });
  if (why === undefined) return undone;
  return { complete: false, sentence: `${undone.sentence} The selector of the public Service stays narrowed: ${why}.` };
}
