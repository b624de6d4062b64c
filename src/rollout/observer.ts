import { systemClock } from '../cluster/clock.js';
import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import { assess } from './assessment.js';
import type { Assessment } from './assessment.js';
import { kindKey, kindsFor } from './awaited.js';
import { isCustom } from './readiness/custom-resource.js';
import { rolloutFailure, rolloutTimeout, spoken } from './failure.js';
import { Inventory } from './inventory.js';
import { Progress } from './progress.js';
import type { Readiness } from './readiness/readiness.js';
import { waitUntilReady } from './wait-until-ready.js';
import type { Paused } from './readiness/workloads.js';

/** A workload that is ready, and which pods that is true of. */
export interface ReadyWorkload {
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly generation: number;
  /** Tells its pods from those of other versions; absent for kinds that have no such hash. */
  readonly templateHash?: string;
  /** The pods of the new version, and no others. */
  readonly pods: readonly { readonly name: string; readonly uid: string }[];
}

/** How long to wait for what. */
export interface Wait {
  /** The API server's answers to our writes; for what was not written, the live objects. */
  readonly targets: readonly KubeObject[];
  readonly timeoutMs: number;
  /** How long ready must last, with the same pods and no restart. */
  readonly stableForMs: number;
  /** Default: refused. */
  readonly paused?: Paused;
}

/** Watches workloads from before they are written until they are ready. */
export interface Observer {
  /** Everything that was there at the start has been seen. Rejects when the watches cannot be opened. */
  readonly synced: Promise<void>;
  /**
   * Until every CustomResourceDefinition and Namespace among `objects` can be used; of others is said what there is to say.
   * Throws `rollout` when one never can, such as a claim that has lost its volume; `timeout`.
   */
  served(objects: readonly KubeObject[], timeoutMs: number): Promise<void>;
  /**
   * Until every target is ready and has stayed so. Throws `rollout` when one cannot become ready, `timeout`, `changed`
   * when somebody else wrote another version meanwhile, `cancelled`.
   */
  until(wait: Wait): Promise<readonly ReadyWorkload[]>;
  /** Ends the watches. */
  close(): void;
}

export interface ObserveOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** What will be waited for; they need not exist yet. */
  readonly targets: readonly ObjectRef[];
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Opens one watch for each kind and namespace that the targets need: 3 for any number of Deployments in one namespace. Those
 * of custom resources are opened when the wait begins: before the first write their very kind may not be served.
 */
export function observe({ cluster, log, signal, targets, clock = systemClock }: ObserveOptions): Observer {
  const inventory = new Inventory();
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  let broken: CutoverError | undefined;
  let ring: () => void = () => undefined;
  const followed = new Set<string>();

  const follow = (kind: KindRef): Promise<void> => {
    followed.add(kindKey(kind));
    return new Promise((resolve, reject) => {
      const read = async (): Promise<void> => {
        for await (const event of cluster.watch(kind, { signal: end })) {
          inventory.tell(event);
          if (event.type === 'synced') resolve();
          ring();
        }
        reject(cancelled(end));
      };
      read().catch((error: unknown) => {
        const failure = asCutoverError(error);
        broken ??= failure;
        ring();
        reject(failure);
      });
    });
  };
  const followAll = (kinds: readonly KindRef[]): Promise<void> => {
    const started = Promise.all(kinds.map(follow)).then(() => undefined);
    // `until` throws it too; without this an observer whose start nobody awaits would end the process.
    started.catch((error: unknown) => log.debug(`the watches did not start: ${String(error)}`));
    return started;
  };
  const synced = followAll(kindsFor(targets).filter(kind => !isCustom(kind)));

  async function until({ targets, timeoutMs, stableForMs, paused }: Wait): Promise<readonly ReadyWorkload[]> {
    if (targets.length === 0) return [];
    void followAll(kindsFor(targets.map(refOf)).filter(kind => !followed.has(kindKey(kind))));
    const names = targets.map(target => describeRef(refOf(target))).join(', ');
    const steady = stableForMs === 0 ? '' : ` and stay so for ${spoken(stableForMs)}`;
    log.info(`Waiting up to ${spoken(timeoutMs)} for ${names} to be ready${steady}`);
    const progress = new Progress(clock.now(), { timeoutMs, stableForMs });
    for (;;) {
      const rung = new Promise<void>(resolve => {
        ring = resolve;
      });
      if (end.aborted) throw cancelled(end);
      if (broken !== undefined) throw broken;
      const now = clock.now();
      const assessments = targets.map(target => assess(target, inventory, paused));
      for (const line of progress.news(assessments, now)) log.info(line);
      const move = progress.decide(assessments, now);
      switch (move.do) {
        case 'succeed':
          for (const { ref, readiness } of assessments) tell(log, ref, readiness);
          return assessments.map(readyOf);
        case 'superseded':
          throw superseded(move.by);
        case 'fail':
          throw await rolloutFailure(move.failed, cluster);
        case 'time-out':
          throw await rolloutTimeout(move.open, { cluster, timeoutMs });
        case 'wait': {
          const pause = new AbortController();
          await Promise.race([rung, clock.wait(move.ms, AbortSignal.any([end, pause.signal]))]);
          pause.abort();
        }
      }
    }
  }

  return {
    synced,
    until,
    served: (objects, timeoutMs) => waitUntilReady({ cluster, log, clock, signal: end, objects, timeoutMs }),
    close: () => ending.abort(),
  };
}

/** Says of something done what a reader should know of it. */
function tell(log: Log, ref: ObjectRef, readiness: Readiness): void {
  if (readiness.ok && readiness.note !== undefined)
    log[readiness.note.level](`${describeRef(ref)}: ${readiness.note.text}`);
}

function readyOf({ ref, live, newPods, templateHash }: Assessment): ReadyWorkload {
  const pods = newPods
    .filter(pod => pod.metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid ?? '' }))
    .sort((a, b) => a.name.localeCompare(b.name));
  const { uid = '', generation = 0 } = live?.metadata ?? {};
  return { ref, uid, generation, pods, ...(templateHash !== undefined && { templateHash }) };
}

function superseded({ ref, superseded = '' }: Assessment): CutoverError {
  return new CutoverError(`${describeRef(ref)} ${superseded} while it was waited for`, {
    code: 'changed',
    object: describeRef(ref),
    hint: 'Somebody else deploys it too. One run at a time is what the concurrency setting of the workflow is for.',
  });
}

/** Why the wait ends: the reason that the signal was aborted with, which tells a cancel from a lost lock. */
function cancelled({ reason }: AbortSignal): CutoverError {
  return reason instanceof CutoverError ? reason : new CutoverError('the wait was cancelled', { code: 'cancelled' });
}
