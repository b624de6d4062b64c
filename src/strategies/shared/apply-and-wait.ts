import { applyChange } from '../../cluster/apply/apply-change.js';
import { describeRef, refOf, type KindRef, type KubeObject } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe, type Observer, type ReadyWorkload } from '../../rollout/observer.js';
import type { Paused } from '../../rollout/readiness/rule.js';
import { isUnsettled, removeStuckPods } from '../../rollout/stuck-pods.js';
import type { OperationContext, RunContext } from '../../run/context.js';
import { snapshotsOf } from './snapshots.js';

/** How long to wait, and what ready has to mean. */
export interface WaitOptions {
  readonly timeoutMs: number;
  /** How long ready must last, with no restart. */
  readonly stableForMs: number;
  /**
   * Whether no unfinished step has written the set. If this one does not either, what is ready already does not have to last.
   * Default false.
   */
  readonly settled?: boolean;
}

/** What must become ready. */
export interface ReadyRequest {
  readonly planned: readonly PlannedChange[];
  readonly waitOptions: WaitOptions;
  /** What to do about a paused workload. Default: refused. */
  readonly paused?: Paused;
  /** Watches that {@link observeSet} opened earlier. Default: they are opened now, and closed at the end. */
  readonly observer?: Observer;
}

/** What is applied, and how. */
export interface ApplyRequest extends ReadyRequest {
  /** Whether to take fields over from other field managers. */
  readonly force: boolean;
}

/** What applying a set led to. */
export interface AppliedSet {
  readonly ready: readonly ReadyWorkload[];
  /** The API server's answers to the writes. */
  readonly answers: ReadonlyMap<PlannedChange, KubeObject>;
}

/**
 * Applies what changes, wave by wave, and waits until every workload and custom resource of the set is ready in exactly the
 * version that was written. Objects that would not change are not written, but their readiness is awaited as well.
 */
export async function applyAndWait(ctx: OperationContext, request: ApplyRequest): Promise<AppliedSet> {
  const { cluster, writer, clock, signal, log } = ctx;
  const { force, waitOptions } = request;
  const { timeoutMs } = waitOptions;
  return withObserver(ctx, request, async observer => {
    const answers = new Map<PlannedChange, KubeObject>();
    const changing = request.planned
      .filter(({ change }) => change !== 'unchanged')
      .map(change => ({ change, object: change.resource.object }));
    for (const wave of orderWaves(changing)) {
      signal.throwIfAborted();
      const applied = await allEnded(
        wave.items.map(async ({ change }) => {
          const answer = await applyChange(change, { cluster, writer, clock, signal, log, force, timeoutMs });
          logAnswer(ctx, change, answer.warnings);
          ctx.recentApplies.note(refOf(change.resource.object));
          if (answer.created) ctx.created.add(answer.object.metadata.uid ?? '');
          answers.set(change, answer.object);
          return answer.object;
        }),
      );
      await observer.waitForPrerequisites(applied, timeoutMs);
    }
    // An earlier deploy may have left broken pods that the new version would wait for.
    const unsettled = snapshotsOf(request.planned).filter(({ object }) => object !== undefined && isUnsettled(object));
    await removeStuckPods({ cluster, writer, snapshots: unsettled, log, clock, signal });
    return { answers, ready: await rolledOut(observer, request, answers) };
  });
}

/** Waits until a set that would not change is ready. Writes nothing. */
export async function waitUntilReady(ctx: RunContext, request: ReadyRequest): Promise<readonly ReadyWorkload[]> {
  return withObserver(ctx, request, observer => rolledOut(observer, request, new Map()));
}

/**
 * Opens the watches of a set at once, so that they are open when the record of the operation is written. `beside`: what to watch
 * beside what its workloads need. The caller closes them.
 */
export function observeSet(
  ctx: RunContext,
  planned: readonly PlannedChange[],
  beside: readonly KindRef[] = [],
): Observer {
  const { cluster, log, clock, signal } = ctx;
  const targets = planned.map(({ resource }) => resource.object).filter(isAwaited);
  return observe({ cluster, log, clock, signal, targets: targets.map(refOf), beside });
}

/** Opened before the first write: otherwise the failure of a pod right after the write would be missed. */
async function withObserver<T>(
  ctx: RunContext,
  { planned, waitOptions, observer: opened }: ReadyRequest,
  work: (observer: Observer) => Promise<T>,
): Promise<T> {
  const observer = opened ?? observeSet(ctx, planned);
  try {
    await observer.synced;
    const unchanged = planned.flatMap(({ change, after }) => (change === 'unchanged' && after ? [after] : []));
    await observer.waitForPrerequisites(unchanged, waitOptions.timeoutMs);
    return await work(observer);
  } finally {
    if (opened === undefined) observer.close();
  }
}

function rolledOut(
  observer: Observer,
  { planned, waitOptions, paused = 'refused' }: ReadyRequest,
  answers: AppliedSet['answers'],
): Promise<readonly ReadyWorkload[]> {
  const { timeoutMs, stableForMs } = waitOptions;
  const settled = waitOptions.settled === true && answers.size === 0;
  const targets = planned
    .filter(({ resource, finished }) => isAwaited(resource.object) && !finished)
    .map(change => answers.get(change) ?? change.after ?? change.resource.object);
  return observer.waitForRollout({ targets, timeoutMs, stableForMs, settled, paused });
}

/** Logs the change, and the warnings that the plan has not told. */
function logAnswer(
  ctx: RunContext,
  { resource, change, warnings: told = [] }: PlannedChange,
  warnings: readonly string[],
): void {
  const name = describeRef(refOf(resource.object));
  for (const warning of warnings.filter(text => !told.includes(text)))
    ctx.log.warning(`${name}: ${warning}`, resource.at);
  ctx.log.info(`${name} ${change}`);
}

/** All results, or the first failure, but only once no request is pending: a late write would overwrite what was restored. */
async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
