import { CutoverError } from '../errors.js';
import { describeRef } from '../kubernetes/object.js';
import type { Assessment } from './assessment.js';
import { diagnose, podToDiagnose, type Diagnosis, type DiagnosisPorts } from './diagnosis.js';
import { formatDuration } from './duration.js';
import { whyNotReady } from './pod-failure.js';

/** Further objects are listed but not diagnosed: users act on the first causes. */
const maxDiagnosed = 3;

/** The error for objects that will not become ready: its message is the first one's cause, its problems list all. */
export async function rolloutFailure(failed: readonly Assessment[], ports: DiagnosisPorts): Promise<CutoverError> {
  const diagnoses = await Promise.all(failed.slice(0, maxDiagnosed).map(assessment => diagnose(assessment, ports)));
  const causes = failed.map((assessment, index) => causeOf(assessment, diagnoses[index]));
  const [first] = failed;
  return new CutoverError(causes[0] ?? 'nothing failed', {
    code: 'rollout',
    ...(first !== undefined && { object: describeRef(first.ref) }),
    hint: first?.podFailure?.hint ?? (first?.ref.kind === 'Job' ? 'See its last log lines.' : 'See its events.'),
    problems: [
      ...(failed.length > 1 ? causes.map(message => ({ message })) : []),
      ...diagnoses.flatMap(diagnosis => diagnosis.lines),
    ],
  });
}

function causeOf(assessment: Assessment, { newestEvent, failedProbe }: Partial<Diagnosis> = {}): string {
  const { ref, readiness, podFailure } = assessment;
  const name = describeRef(ref);
  if (podFailure !== undefined) {
    // The kubelet ends a container whose probe fails; its exit code then says nothing.
    const probe =
      podFailure.log !== 'none' && failedProbe !== undefined ? `; the kubelet killed it: ${failedProbe}` : '';
    return `${podFailure.message}${probe}${ref.kind === 'Pod' ? '' : ` (${name})`}`;
  }
  return ref.kind === 'Deployment'
    ? `${name}: ${describeState(assessment, newestEvent)}`
    : `${name}: ${readiness.reason}`;
}

/** The error for a wait that timed out: which objects were not ready, and why. */
export async function rolloutTimeout(
  open: readonly Assessment[],
  { timeoutMs, ...ports }: DiagnosisPorts & { readonly timeoutMs: number },
): Promise<CutoverError> {
  const diagnoses = await Promise.all(open.slice(0, maxDiagnosed).map(assessment => diagnose(assessment, ports)));
  const states = open.map((assessment, index) => describeState(assessment, diagnoses[index]?.newestEvent));
  const [first] = open;
  const after = `after ${formatDuration(timeoutMs)}`;
  const message =
    first === undefined || states.length > 1
      ? `${open.length} workloads were not ready ${after}: ${open.map(({ ref }) => describeRef(ref)).join(', ')}`
      : `${describeRef(first.ref)} was not ready ${after}: ${states[0] ?? ''}`;
  const each = open.map(({ ref }, index) => ({ message: `${describeRef(ref)}: ${states[index] ?? ''}` }));
  return new CutoverError(message, {
    code: 'timeout',
    ...(first !== undefined && { object: describeRef(first.ref) }),
    hint:
      first?.podFailure?.hint ??
      'Fix what keeps it from becoming ready, or raise the input `timeout` if it needs more time.',
    problems: [...(open.length > 1 ? each : []), ...diagnoses.flatMap(diagnosis => diagnosis.lines)],
  });
}

/** Why an object is not ready, or not for long enough. `event`: message of the newest Warning event. */
export function describeState(assessment: Assessment, event?: string): string {
  const { ref, readiness, podFailure } = assessment;
  if (readiness.ok) return `${readiness.reason}, but not for long enough`;
  const pod = podToDiagnose(assessment) ?? assessment.stopping?.[0];
  const why = podFailure?.message ?? (pod && `pod ${pod.metadata.name}: ${whyNotReady(pod)}`);
  // The event has the answer of a probe, or why there is no pod; a Deployment's reason has the latter already, and a pod's condition
  // what the scheduler says.
  const isSaid = event !== undefined && why?.includes(event.replace(/ \(\d+ times\)$/, '')) === true;
  const cause = !isSaid && (pod !== undefined || ref.kind !== 'Deployment') ? event : undefined;
  return [readiness.reason, why, cause].filter(text => text !== undefined).join('; ');
}
