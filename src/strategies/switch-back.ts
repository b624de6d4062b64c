import { putBack } from '../cluster/putback.js';
import { asCutoverError } from '../errors.js';
import { describeRef, refOf, type KubeObject } from '../manifests/object.js';
import type { Snapshot } from '../plan/change.js';
import { recordFailure, withHistory } from '../release/records.js';
import { historyEntry } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import { isReady } from '../rollout/workload.js';
import { selectorOf } from './roles.js';
import type { Step } from './step.js';
import { confirmEndpoints, confirmMs, type PodName } from './switch.js';
import type { Move } from './traffic.js';

/** The switch was refused or never sent: the Service belongs to whoever it is with now, and is left alone. */
export async function notSwitched(
  step: Step,
  move: Move,
): Promise<{ readonly serving: string; readonly activeRole?: string }> {
  const { state, revision, from } = move;
  const note = await recordFailure(step.records, withHistory(state, historyEntry(step.run, revision, 'failed')));
  if (from === undefined) return { serving: `Nobody is served yet; nothing was switched.${note}` };
  return {
    activeRole: from,
    serving: `This step did not switch anything: users are where they were (${from}).${note}`,
  };
}

/** Points the Service back, unless the old side cannot serve; says what users reach now. Goes on after a cancel. */
export async function switchBack(
  step: Step,
  move: Move,
  way: { readonly undo: Snapshot; readonly switching: ReleaseState },
): Promise<{
  readonly serving: string;
  readonly activeRole?: string;
  readonly idleRole?: string;
  readonly stagedRole?: string;
}> {
  const { role, from, state, revision, policy } = move;
  const { undo, switching } = way;
  const { cluster, log, records } = step;
  const service = describeRef(undo.ref);
  const failed = historyEntry(step.run, revision, 'failed');
  const { inFlight: _ended, ...rest } = switching;
  const stay = async (why: string) => {
    const note = await recordFailure(records, withHistory(switching, failed));
    return {
      activeRole: role,
      serving: `${service} still points at ${role}, revision ${revision.number}: ${why}${note}`,
    };
  };
  if (!policy.rollbackOnFailure) return stay('rollback-on-failure is false.');
  return step.stage('Put back', async () => {
    const old = await readyPods(step, undo.object);
    if (from !== undefined && old.length === 0) {
      log.error(`${from} has no ready pod, so users were not sent back there. Neither side may be well: look at once.`);
      return stay(`${from} has no ready pod to go back to. Nothing more was changed.`);
    }
    const { failed: stuck } = await putBack({ cluster, snapshots: [undo], release: state.release, log });
    const [first] = stuck;
    if (first !== undefined) return stay(`it could not be put back (${first.error.message}).`);
    const note = await recordFailure(records, withHistory(rest, failed));
    if (from === undefined)
      return { serving: `${service} was removed again: nobody is served, as before this step.${note}` };
    const serving = `Users are back on ${from}${state.current === undefined ? '' : `, revision ${state.current}`}.${note}`;
    const sides = { activeRole: from, idleRole: role, ...(rest.staged !== undefined && { stagedRole: role }) };
    if (step.signal.aborted) return { ...sides, serving };
    try {
      await confirmEndpoints({
        step,
        service: undo.ref,
        wanted: old,
        timeoutMs: confirmMs,
        signal: new AbortController().signal,
      });
      return { ...sides, serving };
    } catch (error) {
      return { ...sides, serving: `${serving} But its endpoints are not confirmed: ${asCutoverError(error).message}` };
    }
  });
}

/** Ready pods that a Service selects; `undefined` stands for one that did not exist. */
async function readyPods(step: Step, service: KubeObject | undefined): Promise<readonly PodName[]> {
  if (service === undefined) return [];
  const { namespace } = refOf(service);
  const pods = await step.cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    {
      labelSelector: Object.entries(selectorOf(service))
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    },
  );
  return pods.filter(isReady).map(({ metadata }) => ({ name: metadata.name }));
}
