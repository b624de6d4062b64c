import { writeDuration } from '../../../inputs/parse/durations.js';
import { refOf } from '../../../kubernetes/object.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import type { TrafficRouter } from '../../../traffic/router.js';
import type { CheckResult } from '../../../verify/verify.js';
import type { Connections } from '../../outcome/connections.js';
import { closeConnections } from '../closing/close-connections.js';
import { podsToLeave } from '../closing/left-pods.js';
import { applyAutoscalers } from '../operation/apply-autoscalers.js';
import { drain } from '../operation/drain.js';
import { movedAway } from '../operation/moved-away.js';
import type { TrafficSwitch } from '../switch/traffic-switch.js';
import { holdingSize } from './hold-size.js';
import { whileReady } from './while-ready.js';

/** A switch that is made and verified, and may still be undone. */
export interface BakeRequest {
  readonly trafficSwitch: TrafficSwitch;
  /** The role that users left. */
  readonly from: string;
  readonly router: TrafficRouter;
  /** How long the checks go on. */
  readonly bakeMs: number;
  /** Runs the checks of the public side and those of the bake; throws unless all pass. */
  readonly check: (ctx: RunContext) => Promise<readonly CheckResult[]>;
}

/** What a bake leaves for the end of the switch. */
export interface Baked {
  /** Of the last round. */
  readonly checks: readonly CheckResult[];
  /** Absent: the connections of users to the old role were not to be closed. */
  readonly connections?: Connections;
}

/** Between two rounds of checks. */
const roundMs = 30_000;

/**
 * The time after a switch in which it may still be undone: the autoscalers of the new role are applied, the old role is drained and
 * connections to it are closed. Then the public checks are repeated until the time is over, while the old role keeps its size. Throws
 * when a check fails, users are led elsewhere, the new role loses its pods, or the run is cancelled: users are to be sent back.
 */
export async function bake(ctx: OperationContext, request: BakeRequest): Promise<Baked> {
  const { trafficSwitch, from } = request;
  const { state, to, revision } = trafficSwitch;
  await applyAutoscalers(ctx, revision);
  return holdingSize(ctx, { state, role: from }, () =>
    whileReady(ctx, { state, role: to }, async watched => {
      const connections = await leave(watched, trafficSwitch, from);
      return { checks: await repeatChecks(watched, request), ...(connections && { connections }) };
    }),
  );
}

/** Drains the role, and closes connections to it. */
async function leave(
  ctx: OperationContext,
  trafficSwitch: TrafficSwitch,
  from: string,
): Promise<Connections | undefined> {
  const { state, policy } = trafficSwitch;
  const { drainMs, timeoutMs } = policy;
  const leftPods = await podsToLeave(ctx, trafficSwitch);
  await drain(ctx, from, drainMs);
  return leftPods.length === 0
    ? undefined
    : closeConnections(ctx, { state, role: from, leftPods, timeoutMs, isWayBack: true });
}

async function repeatChecks(ctx: OperationContext, request: BakeRequest): Promise<readonly CheckResult[]> {
  const { trafficSwitch, router, bakeMs, check } = request;
  const { clock, log, signal } = ctx;
  const { to, publicServices } = trafficSwitch;
  const untilMs = clock.now() + bakeMs;
  // A line for each check of each round would hide what changes.
  const quiet: RunContext = { ...ctx, log: { ...log, info: text => log.debug(text) } };
  log.info(`Baking ${to} for ${writeDuration(bakeMs)}: its checks are repeated, and a failure sends users back`);
  for (let rounds = 1; ; rounds += 1) {
    await clock.wait(Math.min(roundMs, Math.max(0, untilMs - clock.now())), signal);
    signal.throwIfAborted();
    for (const object of publicServices)
      if (!(await router.isSetTo(object))) throw movedAway(object, await ctx.cluster.get(refOf(object)), to);
    const checks = await check(quiet);
    const leftMs = untilMs - clock.now();
    if (leftMs <= 0) return checks;
    log.info(`Baking ${to}: ${writeDuration(Math.ceil(leftMs / 1000) * 1000)} left, round ${rounds} of checks passed`);
  }
}
