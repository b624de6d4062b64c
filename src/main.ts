import * as core from '@actions/core';
import { systemClock } from './cluster/clock.js';
import type { Cluster } from './cluster/cluster.js';
import { connect } from './cluster/connect.js';
import type { Connection } from './cluster/live-cluster.js';
import { asCutoverError, CutoverError } from './errors.js';
import { proveApproval } from './github/approval.js';
import type { DeployBlueGreen, DeployRolling, Inputs, Promote, Rollback } from './inputs/inputs.js';
import { readInputs } from './inputs/read.js';
import { actionsLog, type Log } from './log.js';
import { onlyRelease, openRecords } from './release/records.js';
import { newState, type ReleaseState } from './release/state.js';
import { failureMessage } from './report/failure.js';
import type { Report } from './report/report.js';
import { writeReport } from './report/write.js';
import { FailedStep, type Outcome } from './strategies/shared/outcome.js';
import { createRecorder, type RunRecorder } from './run/recorder.js';
import { resumeFinishSwitch } from './strategies/blue-green/finish-switch.js';
import { planBlueGreen, planRolling } from './strategies/plan.js';
import { promote, type Promotion } from './strategies/blue-green/promote.js';
import { readRelease } from './strategies/blue-green/recheck.js';
import { reject } from './strategies/blue-green/reject.js';
import { draft, renderBlueGreen, renderRolling } from './strategies/shared/rendering.js';
import { rollBackBlueGreen } from './strategies/blue-green/rollback.js';
import { deployRolling, rollBackRolling } from './strategies/rolling/deploy.js';
import { stage } from './strategies/blue-green/staging/stage.js';
import { status } from './strategies/status.js';
import type { RunContext } from './run/context.js';
import { version } from './version.js';

/** What a run works with: the runner's environment, its log, its wish to stop, and the story so far. */
interface Run {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly cancelled: AbortSignal;
  readonly recorder: RunRecorder;
}

/** One step of a workflow: does it, reports it, and fails the run if it failed. */
export async function main(options: Pick<Run, 'environment' | 'cancelled'>): Promise<void> {
  const log = actionsLog();
  const recorder = createRecorder(log, () => systemClock.now());
  const { environment } = options;
  const report = await act({ ...options, log, recorder }).then(succeeded(recorder), failed(recorder));
  if (recorder.unfinished.size === 0) core.saveState('finished', 'true');
  await writeReport({ report, log, environment });
  if (report.error === undefined) log.info(report.serving);
  else core.setFailed(failureMessage({ error: report.error, serving: report.serving }));
}

async function act(run: Run): Promise<Outcome> {
  const { environment, log, recorder } = run;
  const inputs = readInputs({ environment, log });
  recorder.recordInputs(inputs);
  // Its requests outlive a cancel: putting back what was needs them most just then.
  const signal = new AbortController().signal;
  const cluster = await recorder.phase('Check', () =>
    connect({ ...inputs, workspace: inputs.run.workspace, log, version, signal }),
  );
  switch (inputs.action) {
    case 'deploy':
    case 'plan':
      return deploy(run, cluster, inputs);
    case 'promote':
      return promote(await stepFor(run, cluster, inputs), { ...inputs, ...approvalOf(inputs, log) });
    case 'reject':
      return reject(await stepFor(run, cluster, inputs), inputs);
    case 'rollback':
      return rollBack(await stepFor(run, cluster, inputs), inputs);
    case 'status':
      return status(await stepFor(run, cluster, inputs));
    default:
      return inputs satisfies never;
  }
}

async function deploy(run: Run, cluster: Connection, inputs: DeployRolling | DeployBlueGreen): Promise<Outcome> {
  const { log, recorder } = run;
  const drafted = await recorder.phase('Render', () => draft(inputs, cluster, log));
  const ctx = await stepFor(run, cluster, { ...inputs, release: drafted.release });
  const fresh = newState(drafted.release, inputs.strategy);
  let recorded = (await ctx.records.readState()) ?? fresh;
  const isPlan = inputs.action === 'plan';
  if (!isPlan && inputs.strategy === 'blue-green' && recorded.operation?.kind === 'finish') {
    await resumeFinishSwitch(ctx, inputs, recorded);
    recorded = (await ctx.records.readState()) ?? fresh;
  }
  const given = { draft: drafted, state: ofStrategy(recorded, inputs.strategy), log };
  if (inputs.strategy === 'rolling') return (isPlan ? planRolling : deployRolling)(ctx, renderRolling(inputs, given));
  const rendered = renderBlueGreen(inputs, given);
  if (isPlan) return planBlueGreen(ctx, rendered);
  const staged = await stage(ctx, rendered);
  if (inputs.switch === 'manual' || staged.outcome !== 'staged') return staged;
  const promoted = await promote(ctx, {
    ...inputs,
    force: inputs.forceConflicts,
    ...(staged.revision !== undefined && { revision: staged.revision }),
  }).catch((error: unknown) => {
    // What the promotion does not tell itself has ended it before it switched anything.
    throw error instanceof FailedStep ? error : new FailedStep(error, staged);
  });
  return { ...promoted, changes: [...staged.changes, ...promoted.changes] };
}

async function rollBack(ctx: RunContext, inputs: Rollback): Promise<Outcome> {
  const state = await readRelease(ctx);
  const rollback = { inputs, state, ...approvalOf(inputs, ctx.log) };
  return state.strategy === 'rolling' ? rollBackRolling(ctx, rollback) : rollBackBlueGreen(ctx, rollback);
}

/** What every recipe works with, for the release that the inputs name (or the only one that there is). */
async function stepFor(run: Run, cluster: Cluster, inputs: Inputs): Promise<RunContext> {
  const { log, cancelled, recorder } = run;
  const { namespace } = cluster;
  const release = inputs.release ?? (await onlyRelease(cluster, namespace));
  log.info(`Release ${release} in namespace ${namespace}`);
  return {
    cluster,
    records: openRecords({ cluster, release, namespace, onWrite: () => recorder.recordWrite() }),
    log,
    clock: systemClock,
    run: inputs.run,
    environment: inputs.environment,
    signal: cancelled,
    phase: (name, work) => recorder.phase(name, work),
    recordFindings: findings => recorder.recordFindings(findings),
    savePostState: facts => {
      recorder.unfinished.add(facts);
      core.saveState('facts', JSON.stringify(facts));
    },
    clearPostState: facts => void recorder.unfinished.delete(facts),
  };
}

/** How this step proves its approval; nothing when none is asked for. */
function approvalOf({ approval, token, run }: Promote | Rollback, log: Log): Pick<Promotion, 'approve'> {
  if (approval === undefined) return {};
  return {
    approve: async () => {
      const proof = await proveApproval({ environment: approval, token, run });
      const said = proof.comment === '' ? '' : `: ${proof.comment}`;
      log.info(`Approved for environment ${proof.environment} by ${proof.by.join(', ')}${said}`);
      return proof;
    },
  };
}

/** A release keeps its strategy: the record of one says nothing that the other could go by. */
function ofStrategy(state: ReleaseState, strategy: ReleaseState['strategy']): ReleaseState {
  if (state.strategy === strategy) return state;
  throw new CutoverError(`Release ${state.release} is deployed with strategy ${state.strategy}, not ${strategy}`, {
    code: 'input',
    hint: 'Set the input `strategy` as before, or give the new strategy a release name of its own.',
  });
}

function succeeded(recorder: RunRecorder): (outcome: Outcome) => Report {
  return outcome => ({ ...outcome, ...told(recorder) });
}

function failed(recorder: RunRecorder): (thrown: unknown) => Report {
  return thrown => {
    const known = thrown instanceof FailedStep ? thrown.outcome : undefined;
    const error = thrown instanceof FailedStep ? thrown.error : asCutoverError(thrown);
    const untouched = 'As before: this step changed nothing that serves users.';
    const unknown = 'This step ended in the middle of its work; run `action: status` to see what serves users now.';
    const serving = known?.serving ?? (recorder.wrote ? unknown : untouched);
    return { ...known, ...told(recorder), outcome: 'failed', serving, error };
  };
}

/** What every report tells of the run itself. */
function told({ inputs, phases: stages, findings }: RunRecorder): Pick<Report, 'action' | 'stages' | 'findings'> {
  return { action: inputs?.action ?? 'deploy', stages, ...(findings !== undefined && { findings }) };
}
