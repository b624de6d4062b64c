import type { StrategyName } from '../inputs/actions.js';
import type { DeployInputs, Rollback } from '../inputs/inputs.js';
import type { RenderRequest } from '../manifests/render.js';
import type { ApprovalSubject, RecordedApproval, Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import type { InProgress } from '../release/transitions.js';
import type { LockedContext, RunContext } from '../run/context.js';
import type { Outcome } from './outcome/outcome.js';
import type { Recovered } from './outcome/restored.js';
import type { Draft } from './shared/rendering.js';

/** What a deploy or its plan starts from. */
export interface DeployRequest<S extends StrategyName = StrategyName> {
  readonly inputs: DeployInputs<S>;
  readonly draft: Draft;
}

/** What a rollback starts from. */
export interface RollbackRequest<State extends ReleaseState = ReleaseState> {
  readonly inputs: Rollback;
  readonly state: State;
  /** Proves the approval; throws `approval` when there is none. Absent: none is asked for. */
  readonly approve?: (subject: ApprovalSubject) => Promise<RecordedApproval>;
}

/** An operation whose process was killed, as it is on record. */
export interface Interrupted<State extends ReleaseState = ReleaseState> {
  readonly state: InProgress<State>;
  /** The revision of the operation. */
  readonly revision: Revision;
}

/**
 * How a release is deployed. Every method but `releaseName` throws `FailedStep` once it can tell what serves users, and
 * `CutoverError` before.
 */
export interface Strategy<S extends StrategyName = StrategyName> {
  /** Name of the release without the input `release`, derived from the manifests. Throws `input` where it cannot be. */
  releaseName(inputs: DeployInputs<S>, request: RenderRequest): string;
  /** Reads the record, renders the next revision and deploys it. */
  deploy(ctx: RunContext, request: DeployRequest<S>): Promise<Outcome>;
  /** What a deploy would do now. Writes nothing, and takes no lock. */
  plan(ctx: RunContext, request: DeployRequest<S>): Promise<Outcome>;
  /** Sends users back to an earlier revision. */
  rollBack(ctx: RunContext, request: RollbackRequest): Promise<Outcome>;
  /** What serves users, what runs where, and the history. Only reads. */
  status(ctx: RunContext, state: ReleaseState): Promise<Outcome>;
  /** Restores from the record what an operation had changed before its process was killed. Throws `CutoverError` only. */
  restoreInterrupted(ctx: LockedContext, interrupted: Interrupted): Promise<Recovered>;
}
