import { CutoverError } from '../../../errors.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { closingTime, totalMs } from '../closing/closing-time.js';
import { mostStaying, reachablePods } from '../closing/left-pods.js';
import type { SwitchPolicy } from './traffic-switch.js';

/** A switch that a step is about to make. */
interface ComingSwitch {
  /** Absent: the release is not on record yet. */
  readonly state?: Pick<BlueGreenState, 'roles' | 'publicServices'> | undefined;
  /** The role that users would leave. Absent: there is none. */
  readonly from?: string | undefined;
  readonly policy: SwitchPolicy;
}

/**
 * Throws `kubeconfig` if the credentials are known to expire before the drain, the closing of connections and the bake of a switch
 * can be over, counted from now: after that nothing could send users back, or finish the work. To be called before anything is written.
 */
export async function refuseExpiring(ctx: RunContext, coming: ComingSwitch): Promise<void> {
  const error = await expiringBefore(ctx, coming);
  if (error !== undefined) throw error;
}

/** The same as a warning, for a step that leads users away from a version that is bad: what it cannot finish, the next step finishes. */
export async function warnOfExpiring(ctx: RunContext, coming: ComingSwitch): Promise<void> {
  const error = await expiringBefore(ctx, coming);
  if (error !== undefined) ctx.log.warning(`${error.message}. ${error.hint}`);
}

async function expiringBefore(ctx: RunContext, coming: ComingSwitch): Promise<CutoverError | undefined> {
  const { credentialExpiry: expiry } = ctx;
  if (expiry === undefined) return undefined;
  const { bakeMs = 0 } = coming.policy;
  // The clock of the context begins at any moment; that of the machine is compared with a time of the outside.
  const untilMs = Date.now() + (await leavingMs(ctx, coming)) + bakeMs;
  if (untilMs < expiry.atMs) return undefined;
  const { what, source, atMs } = expiry;
  const renew = source.startsWith('input kubeconfig')
    ? `Set the input \`kubeconfig\` to credentials that are valid for longer`
    : `Log in again right before this step: credentials that are valid for longer must be in ${source}`;
  return new CutoverError(
    `The ${what} in ${source} expires at ${timeOf(atMs)}, before the drain, the closing of connections and the bake of this step are over: at ${timeOf(untilMs)} or later`,
    { code: 'kubeconfig', hint: `${renew}, or shorten \`drain\` or \`bake\`.` },
  );
}

/** How long the role that users left is drained and its connections are closed, as far as is known. */
async function leavingMs(ctx: RunContext, { state, from, policy }: ComingSwitch): Promise<number> {
  if (state === undefined || from === undefined) return 0;
  const { idlePolicy, drainMs, bakeMs = 0, closeConnections, timeoutMs } = policy;
  const most = mostStaying(idlePolicy);
  const pods = closeConnections === 'off' ? [] : await reachablePods(ctx, state, from);
  const staying = pods
    .map(one => ({ live: withReplicas(one.live, Math.min(replicasOf(one.live), most)), pods: one.pods.slice(0, most) }))
    .filter(({ live }) => replicasOf(live) > 1);
  const closing = closingTime(staying);
  const drains = closing.pods > 0 || bakeMs > 0 || idlePolicy.policy === 'scale-down';
  // Connections stay open where closing them may take longer than `timeout`.
  const closingMs = closing.pods === 0 || totalMs(closing) > timeoutMs ? 0 : totalMs(closing);
  return (drains ? drainMs : 0) + closingMs;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
