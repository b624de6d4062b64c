import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { ownersOfField } from '../cluster/apply/owned-fields.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import { activePods } from '../kubernetes/pods/pod.js';
import { specOf } from '../kubernetes/workload.js';
import { assess } from './assessment.js';
import type { Assessment } from './assessment.js';
import { formatDuration } from './duration.js';
import { Evidence } from './evidence/evidence.js';
import { rolloutFailure, rolloutTimeout } from './rollout-error.js';
import { Inventory } from './inventory.js';
import { Progress, type WaitLimits } from './progress.js';
import { isCustom } from './readiness/custom-resource.js';
import type { Paused } from './readiness/rule.js';
import { logNote, waitForPrerequisites } from './wait/wait-for-prerequisites.js';
import { kindKey, watchedKinds } from './watched-kinds.js';

/** An object that is ready, and its ready pods. */
export interface ReadyWorkload {
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly generation: number;
  /** Distinguishes its pods from those of other versions; absent for kinds that have no such hash. */
  readonly templateHash?: string;
  /** The pods of the new version, and no others. */
  readonly pods: readonly { readonly name: string; readonly uid: string }[];
  /** Who scaled it to 0, as managedFields name them; `somebody` if they do not. Absent: it is not scaled to 0. */
  readonly scaledToNoneBy?: string;
}

/** What to wait for, and how long. */
export interface RolloutWait extends WaitLimits {
  /** The API server's answers to the writes; for objects that were not written, the live objects. */
  readonly targets: readonly KubeObject[];
  /** Default: refused. */
  readonly paused?: Paused;
}

/** Watches objects from before they are written until they are ready. */
export interface Observer {
  /** Resolves when every watch has reported what existed at the start. Rejects when a watch cannot be opened. */
  readonly synced: Promise<void>;
  /**
   * Waits until the objects that others need, such as a CustomResourceDefinition or a Namespace, are ready, and logs the
   * notes of their rules. Throws `rollout` when one has failed, such as a claim that lost its volume; `timeout`.
   */
  waitForPrerequisites(objects: readonly KubeObject[], timeoutMs: number): Promise<void>;
  /**
   * Waits until every target is ready and has stayed so. Throws `rollout` when one cannot become ready, `timeout`, `changed`
   * when another version was written in the meantime, `cancelled`.
   */
  waitForRollout(wait: RolloutWait): Promise<readonly ReadyWorkload[]>;
  /** What the watches have reported so far. */
  readonly seen: Inventory;
  /** Waits until `isOver`, which is called at once and at each event, or until the deadline. Throws `cancelled`. */
  waitUntil(isOver: () => boolean, timeoutMs: number): Promise<void>;
  /** Ends the watches. */
  close(): void;
}

export interface ObserveOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** What to wait for later; these need not exist yet. */
  readonly targets: readonly ObjectRef[];
  /** Kinds to watch beside those that the targets need. Default: none. */
  readonly beside?: readonly KindRef[];
  readonly clock: Clock;
}

/**
 * Opens one watch for each kind and namespace that the targets need: 3 for any number of Deployments in one namespace. Custom
 * resources are watched from the start of the wait: before the first write their kind may not be served.
 */
export function observe({ cluster, log, signal, targets, beside = [], clock }: ObserveOptions): Observer {
  const inventory = new Inventory();
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  let watchError: CutoverError | undefined;
  let wake: () => void = () => undefined;
  const watched = new Set<string>();

  const watch = (kind: KindRef): Promise<void> => {
    watched.add(kindKey(kind));
    return new Promise((resolve, reject) => {
      const read = async (): Promise<void> => {
        for await (const event of cluster.watch(kind, { signal: end })) {
          inventory.update(event);
          if (event.type === 'synced') resolve();
          wake();
        }
        reject(cancelled(end));
      };
      read().catch((error: unknown) => {
        const failure = asCutoverError(error);
        watchError ??= failure;
        wake();
        reject(failure);
      });
    });
  };
  const watchAll = (kinds: readonly KindRef[]): Promise<void> => {
    const started = Promise.all(kinds.map(watch)).then(() => undefined);
    // `waitForRollout` throws it too; without this handler the rejection would end the process where nobody awaits `synced`.
    started.catch((error: unknown) => log.debug(`watches did not start: ${String(error)}`));
    return started;
  };
  const kinds = [...watchedKinds(targets).filter(kind => !isCustom(kind)), ...beside];
  const synced = watchAll([...new Map(kinds.map(kind => [kindKey(kind), kind])).values()]);

  /** Resolves at the next event. Called before what is judged is read, so that no event is missed. */
  const nextEvent = (): Promise<void> => {
    const woken = new Promise<void>(resolve => {
      wake = resolve;
    });
    if (end.aborted) throw cancelled(end);
    if (watchError !== undefined) throw watchError;
    return woken;
  };

  async function waitUntil(isOver: () => boolean, timeoutMs: number): Promise<void> {
    const endsAt = clock.now() + timeoutMs;
    for (;;) {
      const woken = nextEvent();
      if (isOver() || clock.now() >= endsAt) return;
      const pause = new AbortController();
      await Promise.race([woken, clock.wait(endsAt - clock.now(), AbortSignal.any([end, pause.signal]))]);
      pause.abort();
    }
  }

  async function waitForRollout({
    targets,
    timeoutMs,
    stableForMs,
    settled = false,
    paused,
  }: RolloutWait): Promise<readonly ReadyWorkload[]> {
    if (targets.length === 0) return [];
    void watchAll(watchedKinds(targets.map(refOf)).filter(kind => !watched.has(kindKey(kind))));
    const names = targets.map(target => describeRef(refOf(target))).join(', ');
    const which = settled ? '; what becomes ready only now must' : ' and';
    const stable = stableForMs === 0 ? '' : `${which} stay so for ${formatDuration(stableForMs)}`;
    log.info(`Waiting up to ${formatDuration(timeoutMs)} for ${names} to be ready${stable}`);
    const context = { inventory, ...(paused !== undefined && { paused }) };
    const progress = new Progress(clock.now(), { timeoutMs, stableForMs, settled });
    const evidence = new Evidence(cluster, log);
    for (;;) {
      const woken = nextEvent();
      const now = clock.now();
      const assessments = targets.map(target => evidence.judge(assess(target, context), now));
      for (const line of progress.changes(assessments, now)) log.info(line);
      const decision = progress.decide(assessments, now);
      const beat = progress.heartbeat(assessments, now);
      switch (decision.action) {
        case 'succeed':
          for (const { ref, readiness } of assessments) logNote(log, ref, readiness);
          return assessments.map(readyOf);
        case 'superseded':
          throw superseded(decision.by);
        case 'fail':
          throw await rolloutFailure(decision.failed, { cluster, log });
        case 'time-out':
          throw await rolloutTimeout(decision.open, { cluster, log, timeoutMs });
        case 'wait': {
          for (const line of beat.lines) log.info(line);
          const lookMs = evidence.nextLookMs(assessments, now);
          if (lookMs <= 0) {
            await evidence.look(assessments, now);
            break;
          }
          const pause = new AbortController();
          const ms = Math.min(decision.ms, lookMs, beat.nextMs);
          await Promise.race([woken, clock.wait(ms, AbortSignal.any([end, pause.signal]))]);
          pause.abort();
        }
      }
    }
  }

  return {
    synced,
    seen: inventory,
    waitForRollout,
    waitUntil,
    waitForPrerequisites: (objects, timeoutMs) =>
      waitForPrerequisites({ cluster, log, clock, signal: end, objects, timeoutMs }),
    close: () => ending.abort(),
  };
}

function readyOf({ ref, live, newPods, templateHash }: Assessment): ReadyWorkload {
  const pods = activePods(newPods)
    .map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid ?? '' }))
    .sort((a, b) => a.name.localeCompare(b.name));
  const { uid = '', generation = 0 } = live?.metadata ?? {};
  const scaledToNone = live !== undefined && specOf(live).replicas === 0;
  return {
    ref,
    uid,
    generation,
    pods,
    ...(templateHash !== undefined && { templateHash }),
    ...(scaledToNone && { scaledToNoneBy: ownersOfField(live, ['f:spec', 'f:replicas'])[0] ?? 'somebody' }),
  };
}

function superseded({ ref, superseded = '' }: Assessment): CutoverError {
  return new CutoverError(`${describeRef(ref)} ${superseded} during the wait`, {
    code: 'changed',
    object: describeRef(ref),
    hint: 'Another deploy wrote it too. Let `concurrency` in the workflow allow one run at a time.',
  });
}

/** The error of an aborted wait: the signal's own reason, which distinguishes a cancelled run from a lost lock. */
function cancelled({ reason }: AbortSignal): CutoverError {
  return reason instanceof CutoverError ? reason : new CutoverError('the wait was cancelled', { code: 'cancelled' });
}
