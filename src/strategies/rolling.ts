import { preflight } from '../cluster/preflight.js';
import { CutoverError } from '../errors.js';
import type { DeployRolling, RecreatePolicy, Rollback } from '../inputs/inputs.js';
import type { ImageCheck } from '../inputs/registry.js';
import type { KubeObject } from '../manifests/object.js';
import type { Resource } from '../manifests/resource.js';
import type { PlannedChange, Snapshot } from '../plan/change.js';
import { previousRevision } from '../release/records.js';
import { authorOf, imagesOf, withoutSecrets, type RecordedApproval, type Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import { merged, recordable, snapshotsOf } from './bring-up.js';
import { besideImageCheck } from './image-check.js';
import { confirmUnchanged, rollOut, type Rollout } from './in-place.js';
import { ensureNamespace } from './namespace.js';
import { narratePlan } from './narration.js';
import type { Outcome } from './outcome.js';
import { isRolledBack, rolledBackAlready, recordedResource, warnOfSecrets } from './recorded.js';
import { underLock, type Step } from './step.js';

/** What a rolling deploy starts from. */
export interface RollingDeploy {
  readonly inputs: DeployRolling;
  readonly state: ReleaseState;
  /** Rendered for revision `state.latest + 1`. */
  readonly resources: readonly Resource[];
  readonly contentHash: string;
}

/**
 * The rolling strategy: Kubernetes replaces the pods in place, a few at a time. Plan, apply, wait, verify; on failure
 * everything goes back to what it was.
 */
export async function deployRolling(step: Step, deploy: RollingDeploy): Promise<Outcome> {
  const { inputs, state, resources, contentHash } = deploy;
  const comingNamespaces = inputs.createNamespace ? [step.records.namespace] : [];
  const { recreate, forceConflicts: force, imageCheck } = inputs;
  const planned = await plan(step, { resources, force, comingNamespaces, recreate, imageCheck });
  const rendered: readonly KubeObject[] = planned.map(({ resource }) => resource.object);
  const snapshots = merged(await unfinishedBefore(step, state), snapshotsOf(planned));
  const revision: Revision = {
    ...withoutSecrets(rendered),
    ...authorOf(step.run),
    number: state.latest + 1,
    strategy: 'rolling',
    shared: [],
    deferred: [],
    before: recordable(snapshots),
    checks: inputs.verify,
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(rendered),
    at: new Date().toISOString(),
  };
  const rollout: Rollout = {
    ...inputs,
    state,
    revision,
    planned,
    snapshots,
    patience: inputs,
    checks: inputs.verify,
    force: inputs.forceConflicts,
    outcome: 'deployed',
  };
  const nothingToDo = planned.every(({ change }) => change === 'unchanged');
  if (nothingToDo && state.current !== undefined && state.inFlight === undefined)
    return confirmUnchanged(step, rollout, state.current);
  await ensureNamespace(step, { planned, createNamespace: inputs.createNamespace });
  return underLock(step, state, locked => rollOut(locked, rollout));
}

/** Re-applies an earlier revision exactly as it was recorded, ConfigMaps included. */
export async function rollBackRolling(
  step: Step,
  rollback: {
    readonly inputs: Rollback;
    readonly state: ReleaseState;
    readonly approve?: () => Promise<RecordedApproval>;
  },
): Promise<Outcome> {
  const { inputs, state, approve } = rollback;
  if (inputs.to === undefined && isRolledBack(state)) return rolledBackAlready(step, state);
  const target = inputs.to ?? previousRevision(state);
  if (target === undefined) {
    throw new CutoverError(`Release ${state.release} has no earlier revision to go back to`, {
      code: 'no-revision',
      hint: 'Run `action: status` to see its history; deploy the version that you want instead.',
    });
  }
  const approval = approve && (await step.stage('Confirm', approve));
  return underLock(step, state, async locked => {
    const recorded = await locked.records.readRevision(target);
    await warnOfSecrets(locked, recorded);
    // A Job of back then has done its work; run again, an old migration would undo a newer one.
    const objects = recorded.objects.filter(({ kind }) => kind !== 'Job');
    const resources = objects.map(object => recordedResource(object, recorded.number));
    const planned = await plan(locked, { resources, force: recorded.force });
    const snapshots = merged(await unfinishedBefore(locked, state), snapshotsOf(planned));
    const revision = {
      ...recorded,
      before: recordable(snapshots),
      ...(approval !== undefined && { approval }),
    };
    const checks = inputs.verify ?? recorded.checks;
    return rollOut(locked, {
      ...inputs,
      state,
      revision,
      planned,
      snapshots,
      patience: inputs,
      checks,
      force: recorded.force,
      outcome: 'rolled-back',
    });
  });
}

/**
 * What an unfinished deploy had found before its first write: the state to go back to, since what is there now may be its
 * half-done work.
 */
async function unfinishedBefore(step: Step, { inFlight }: ReleaseState): Promise<readonly Snapshot[]> {
  if (inFlight?.step !== 'deploy') return [];
  return (await step.records.readRevision(inFlight.revision)).before;
}

async function plan(
  step: Step,
  wanted: {
    readonly resources: readonly Resource[];
    readonly force: boolean;
    readonly comingNamespaces?: readonly string[];
    readonly recreate?: RecreatePolicy;
    readonly imageCheck?: ImageCheck | undefined;
  },
): Promise<readonly PlannedChange[]> {
  const { imageCheck: check, ...asked } = wanted;
  return step.stage('Plan', async () => {
    const planned = await besideImageCheck(step, { ...asked, check }, () =>
      preflight({ cluster: step.cluster, ...asked }),
    );
    narratePlan(step.log, planned);
    return planned;
  });
}
