import { preflight, survey } from '../cluster/preflight.js';
import { CutoverError } from '../errors.js';
import type { DeployRolling, Rollback } from '../inputs/inputs.js';
import type { KubeObject } from '../manifests/object.js';
import type { Resource } from '../manifests/resource.js';
import type { PlannedChange, Snapshot } from '../plan/change.js';
import type { Scene } from '../plan/findings/finding.js';
import { previousRevision } from '../release/records.js';
import { authorOf, imagesOf, withoutSecrets, type RecordedApproval, type Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import { merged, recordable, snapshotsOf } from './bring-up.js';
import { besideImageCheck } from './image-check.js';
import { confirmUnchanged, rollOut, type Rollout } from './in-place.js';
import { lint } from './lint.js';
import { ensureNamespace } from './namespace.js';
import { narratePlan } from './narration.js';
import type { Outcome } from './outcome.js';
import { isRolledBack, rolledBackAlready, recordedResource, warnOfSecrets } from './recorded.js';
import { throwAny } from './refusals.js';
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
  const { inputs, state, contentHash } = deploy;
  const { planned, refusals } = await surveyRolling(step, deploy);
  throwAny(refusals);
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
  if (state.current !== undefined && nothingToDo(planned, state)) return confirmUnchanged(step, rollout, state.current);
  await ensureNamespace(step, { planned, createNamespace: inputs.createNamespace });
  return underLock(step, state, locked => rollOut(locked, rollout));
}

/** Asks by dry run what a deploy would do, and for every reason not to do it. Writes nothing. */
export async function surveyRolling(
  step: Step,
  { inputs, resources }: RollingDeploy,
): Promise<{ readonly planned: readonly PlannedChange[]; readonly refusals: readonly CutoverError[] }> {
  const { recreate, forceConflicts: force } = inputs;
  const comingNamespaces = inputs.createNamespace ? [step.records.namespace] : [];
  return step.stage('Plan', async () => {
    const { survey: surveyed, missing } = await besideImageCheck(step, { check: inputs.imageCheck, resources }, () =>
      survey({ cluster: step.cluster, resources, force, comingNamespaces, recreate }),
    );
    const { planned, refusal } = surveyed;
    narratePlan(step.log, planned);
    const scene: Scene = { strategy: 'rolling', resources, planned, idle: new Set(), active: [] };
    const found = lint(step, inputs.lint, scene);
    return { planned, refusals: [refusal, missing, found].filter(error => error !== undefined) };
  });
}

/** Whether the current revision is what these manifests say, to the letter. */
export function nothingToDo(planned: readonly PlannedChange[], { current, inFlight }: ReleaseState): boolean {
  return current !== undefined && inFlight === undefined && planned.every(({ change }) => change === 'unchanged');
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
  },
): Promise<readonly PlannedChange[]> {
  return step.stage('Plan', async () => {
    const planned = await preflight({ cluster: step.cluster, ...wanted });
    narratePlan(step.log, planned);
    return planned;
  });
}
