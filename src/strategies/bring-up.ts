import { putBack } from '../cluster/putback.js';
import { CutoverError } from '../errors.js';
import { describeRef, refOf, type KubeObject } from '../manifests/object.js';
import type { PlannedChange, Snapshot } from '../plan/change.js';
import { orderWaves } from '../plan/waves.js';
import { observe, type ReadyWorkload } from '../rollout/observer.js';
import { isSecret } from '../release/revision.js';
import type { Step } from './step.js';

/** How long to wait, and what ready has to mean. */
export interface Patience {
  readonly timeoutMs: number;
  /** How long ready must last, with no restart. */
  readonly steadyMs: number;
}

const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job']);

/** Kinds that hold what others own; putting back leaves them, since deleting one deletes more than this step made. */
const holders = new Set(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume']);

/**
 * Applies what changes, wave by wave, and waits until every workload of the set is ready in exactly the version that was
 * written. Objects that would not change are not written, but their workloads are waited for all the same.
 */
export async function bringUp(options: {
  readonly step: Step;
  readonly planned: readonly PlannedChange[];
  readonly patience: Patience;
  readonly force: boolean;
}): Promise<readonly ReadyWorkload[]> {
  const { step, planned, patience, force } = options;
  const { cluster, log, signal, clock } = step;
  const workloads = planned.filter(({ resource }) => workloadKinds.has(resource.object.kind));
  const observer = observe({
    cluster,
    log,
    clock,
    signal,
    targets: workloads.map(({ resource }) => refOf(resource.object)),
  });
  try {
    // Opened before the first write: a pod that fails at once must not fail unseen.
    await observer.synced;
    const written = new Map<PlannedChange, KubeObject>();
    const changing = planned
      .filter(({ change }) => change !== 'unchanged')
      .map(change => ({ change, object: change.resource.object }));
    for (const wave of orderWaves(changing)) {
      signal.throwIfAborted();
      const answers = await Promise.all(
        wave.items.map(async ({ change, object }) => {
          const answer = await cluster.apply(object, { force });
          for (const warning of answer.warnings)
            log.warning(`${describeRef(refOf(object))}: ${warning}`, change.resource.at);
          log.info(`${describeRef(refOf(object))} ${change.change}`);
          written.set(change, answer.object);
          return answer.object;
        }),
      );
      await observer.served(answers, patience.timeoutMs);
    }
    const targets = workloads.map(change => written.get(change) ?? change.after ?? change.resource.object);
    return await observer.until({ targets, ...patience });
  } finally {
    observer.close();
  }
}

/** What must be remembered before the first write, so that everything can be put back. */
export function snapshotsOf(planned: readonly PlannedChange[]): readonly Snapshot[] {
  return planned
    .filter(({ change }) => change !== 'unchanged')
    .filter(({ change, resource }) => change !== 'created' || !holders.has(resource.object.kind))
    .map(({ resource, live }) => ({ ref: refOf(resource.object), ...(live !== undefined && { object: live }) }));
}

/** The snapshots that may be recorded: a Secret's data never leaves this process. */
export function recordable(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  return snapshots.filter(({ ref, object }) => object === undefined || !isSecret(ref));
}

/** Puts everything back and, unless the run was cancelled, waits until what was is ready again. Says how it went. */
export async function undo(options: {
  readonly step: Step;
  readonly snapshots: readonly Snapshot[];
  readonly patience: Patience;
}): Promise<{ readonly complete: boolean; readonly sentence: string }> {
  const { step, snapshots, patience } = options;
  const { cluster, log, clock, records } = step;
  return step.stage('Put back', async () => {
    const { failed } = await putBack({ cluster, snapshots, release: records.release, log });
    if (failed.length > 0) {
      const names = failed.map(({ ref }) => describeRef(ref)).join(', ');
      return {
        complete: false,
        sentence: `Not everything could be put back: ${names} still ${failed.length === 1 ? 'is' : 'are'} as this step left ${failed.length === 1 ? 'it' : 'them'}.`,
      };
    }
    const targets = snapshots.flatMap(({ object }) =>
      object !== undefined && workloadKinds.has(object.kind) ? [refOf(object)] : [],
    );
    if (targets.length === 0 || step.signal.aborted) return { complete: true, sentence: 'Everything was put back.' };
    const observer = observe({ cluster, log, clock, signal: new AbortController().signal, targets });
    try {
      await observer.synced;
      const live = await Promise.all(targets.map(ref => cluster.get(ref)));
      await observer.until({
        targets: live.filter(object => object !== undefined),
        timeoutMs: patience.timeoutMs,
        steadyMs: 0,
      });
      return { complete: true, sentence: 'Everything was put back and is ready.' };
    } catch (error) {
      const why = error instanceof CutoverError ? error.message : String(error);
      return { complete: false, sentence: `What was before has been put back, but is not ready: ${why}` };
    } finally {
      observer.close();
    }
  });
}
