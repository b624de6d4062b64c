import { refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../kubernetes/selectors.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import type { Look } from '../../../traffic/look.js';
import type { TrafficRouter, TrafficTarget } from '../../../traffic/router.js';
import { isOf } from '../../../traffic/served-pods.js';
import { requireReadyRole } from '../../../traffic/switch-precondition.js';
import type { CheckResult } from '../../../verify/verify.js';
import { requireChecks } from '../../shared/checks.js';
import type { TrafficSwitch } from './traffic-switch.js';
import { deploymentsOf } from '../operation/counterparts.js';
import { sizesOf } from '../operation/sizes.js';
import { takeOverService } from '../operation/take-over-service.js';

/** The public Services as they are written, once Cutover owns what it writes of each. */
export async function takeOverServices(
  ctx: OperationContext,
  { publicServices, liveBefore, revision }: TrafficSwitch,
): Promise<readonly TrafficTarget[]> {
  const targets: TrafficTarget[] = [];
  for (const object of publicServices) {
    const live = liveBefore.find(({ ref }) => refKey(ref) === refKey(refOf(object)))?.object;
    targets.push({ object, force: await takeOverService(ctx, { target: object, live, force: revision.force }) });
  }
  return targets;
}

/**
 * What the public Services will select, seen right before they do: all wanted pods of every verified workload are ready, as many as
 * serve now. Throws when they are not, or when it would also select pods of another version: users would get both.
 */
export function podsToServe(ctx: OperationContext, router: TrafficRouter, trafficSwitch: TrafficSwitch): Promise<Look> {
  const { state, from, publicServices: targets, liveBefore, verified, to: role } = trafficSwitch;
  const { ready, readyUntilMs } = verified;
  const decidedOn = targets.map(
    target => liveBefore.find(({ ref }) => refKey(ref) === refKey(refOf(target))) ?? { ref: refOf(target) },
  );
  const precondition = { router, targets, decidedOn, role, verified: ready, readyUntilMs };
  if (from === undefined) return requireReadyRole(ctx, precondition);
  const sizes = sizesOf(ctx, { role, services: targets }, deploymentsOf(state, from));
  return requireReadyRole(ctx, { ...precondition, sizes });
}

/** Waits until users reach the pods of the look, or those that have replaced them, which the checks are for from now on. */
export async function confirmServed(
  ctx: RunContext,
  router: TrafficRouter,
  { trafficSwitch, look }: { readonly trafficSwitch: TrafficSwitch; readonly look: Look },
): Promise<TrafficSwitch> {
  const { publicServices, verified } = trafficSwitch;
  const workloads = look.workloads.filter(({ isServed }) => isServed);
  const found = new Map<string, KubeObject>();
  for (const object of publicServices) {
    const behind = workloads.filter(({ set }) => selects(selectorOf(object), templateLabels(set)));
    const readyTimeoutMs = verified.readyUntilMs - ctx.clock.now();
    const options = { timeoutMs: confirmMs, readyTimeoutMs, signal: ctx.signal };
    const confirmed = await router.confirm({ object, workloads: behind }, options);
    for (const pod of confirmed) found.set(pod.metadata.uid ?? pod.metadata.name, pod);
  }
  const pods = [...found.values()];
  const ready = verified.ready.map(one => {
    const served = workloads.find(({ ref }) => refKey(ref) === refKey(one.ref));
    if (served === undefined) return one;
    const own = pods.filter(pod => isOf(served, pod));
    return { ...one, pods: own.map(({ metadata: { name, uid = '' } }) => ({ name, uid })) };
  });
  return { ...trafficSwitch, verified: { ...verified, ready } };
}

/** Runs the checks of the public side, with those of a bake in its rounds. Throws unless all pass. */
export async function verifyPublic(
  ctx: RunContext,
  trafficSwitch: TrafficSwitch,
  { isBaking = false } = {},
): Promise<readonly CheckResult[]> {
  const { publicServices, verified, checks, to: role } = trafficSwitch;
  const [service] = publicServices;
  const { workloads, ready } = verified;
  return requireChecks(ctx, { checks, side: 'public', isBaking, role, service, workloads, ready });
}
