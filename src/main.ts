import { systemClock } from './cluster/clock.js';
import type { Connection } from './cluster/live-cluster.js';
import type { DeployInputs, Promote, Rollback } from './inputs/inputs.js';
import { readInputs } from './inputs/read.js';
import type { StepLog } from './log.js';
import { approvalOf } from './report/approval/asked-approval.js';
import { failureMessage } from './report/failure-message.js';
import { logPlan } from './report/log-plan.js';
import { failureReport, successReport } from './report/report.js';
import { writeReport } from './report/write.js';
import type { RunContext } from './run/context.js';
import { openCluster, openContext, type Run } from './run/open-context.js';
import { saveFinished } from './run/post-state.js';
import { createRecorder } from './run/recorder.js';
import { readSettled } from './run/under-lock.js';
import { promote } from './strategies/blue-green/promote.js';
import { reject } from './strategies/blue-green/reject.js';
import { switchPolicyOf } from './strategies/blue-green/switch/traffic-switch.js';
import { namingMissingRights } from './strategies/missing-rights.js';
import type { Outcome } from './strategies/outcome/outcome.js';
import { readRelease } from './strategies/shared/recorded-release.js';
import { readDraft } from './strategies/shared/rendering.js';
import { strategies } from './strategies/table.js';
import { version } from './version.js';

/** What the process gives to a step. */
interface StepRun extends Pick<Run, 'environment' | 'cancelled'> {
  readonly log: StepLog;
}

/** One step of a workflow: does it, reports it, and fails the run if it failed. */
export async function main({ environment, cancelled, log }: StepRun): Promise<void> {
  const clock = systemClock;
  const recorder = createRecorder(log, () => clock.now());
  const run: Run = {
    environment,
    version,
    log,
    clock,
    cancelled,
    recorder,
    logPlan: planned => logPlan(log, planned),
  };
  const report = await act(run).then(
    outcome => successReport(outcome, recorder),
    (thrown: unknown) => failureReport(thrown, recorder),
  );
  if (recorder.unfinished.size === 0) saveFinished(log);
  await writeReport({ report, log, environment });
  if (report.error === undefined) log.info(report.serving);
  else log.fail(failureMessage({ error: report.error, serving: report.serving }));
}

async function act(run: Run): Promise<Outcome> {
  const { environment, log, recorder } = run;
  const inputs = readInputs({ environment, log });
  recorder.recordInputs(inputs);
  const cluster = await recorder.phase('Check', () => openCluster(inputs, run));
  const onRelease = (work: (ctx: RunContext) => Promise<Outcome>): Promise<Outcome> =>
    namingMissingRights({ cluster, inputs }, async () =>
      work(await openContext(run, { cluster, inputs, release: inputs.release })),
    );
  switch (inputs.action) {
    case 'deploy':
    case 'plan':
      return deployOrPlan(run, cluster, inputs);
    case 'promote':
      return onRelease(ctx => promoteStaged(ctx, inputs));
    case 'reject':
      return onRelease(ctx => reject(ctx, inputs));
    case 'rollback':
      return onRelease(ctx => rollBack(ctx, inputs));
    case 'status':
      return onRelease(status);
    default:
      return inputs satisfies never;
  }
}

async function deployOrPlan(run: Run, cluster: Connection, inputs: DeployInputs): Promise<Outcome> {
  const { log, recorder } = run;
  const strategy = strategies[inputs.strategy];
  const draft = await recorder.phase('Render', () => readDraft(inputs, strategy, { cluster, log }));
  return namingMissingRights({ cluster, inputs, draft }, async () => {
    const ctx = await openContext(run, { cluster, inputs, release: draft.release });
    return inputs.action === 'plan' ? strategy.plan(ctx, { inputs, draft }) : strategy.deploy(ctx, { inputs, draft });
  });
}

async function rollBack(ctx: RunContext, inputs: Rollback): Promise<Outcome> {
  const state = await readSettled(ctx, inputs.lockTimeoutMs, readRelease);
  return strategies[state.strategy].rollBack(ctx, { inputs, state, ...approvalOf(inputs, ctx) });
}

async function status(ctx: RunContext): Promise<Outcome> {
  const state = await readRelease(ctx);
  return strategies[state.strategy].status(ctx, state);
}

function promoteStaged(ctx: RunContext, inputs: Promote): Promise<Outcome> {
  const { revision, verify, timeoutMs, lockTimeoutMs } = inputs;
  return promote(ctx, {
    ...(revision !== undefined && { revision }),
    ...(verify !== undefined && { verify }),
    timeoutMs,
    lockTimeoutMs,
    policy: switchPolicyOf(inputs),
    ...approvalOf(inputs, ctx),
  });
}
