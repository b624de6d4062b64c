import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { describeRef } from '../kubernetes/object.js';
import type { Assessment } from './assessment.js';
import { diagnose, pickPod } from './diagnosis.js';
import { whyNotReady } from './pod-failure.js';

/** Workloads beyond these are named, but not looked into: the first causes are what a reader acts on. */
const maxDiagnosed = 3;

/** The error for workloads that will not become ready: the first one's cause as its sentence, all of them below. */
export async function rolloutFailure(failed: readonly Assessment[], cluster: Cluster): Promise<CutoverError> {
  const diagnoses = await Promise.all(failed.slice(0, maxDiagnosed).map(assessment => diagnose(assessment, cluster)));
  const causes = failed.map((assessment, index) => causeOf(assessment, diagnoses[index]?.newestEvent));
  const [first] = failed;
  return new CutoverError(causes[0] ?? 'nothing failed', {
    code: 'rollout',
    ...(first !== undefined && { object: describeRef(first.ref) }),
    hint: first?.trouble?.hint ?? (first?.ref.kind === 'Job' ? 'Its last log lines say why.' : 'The events say more.'),
    problems: [
      ...(failed.length > 1 ? causes.map(message => ({ message })) : []),
      ...diagnoses.flatMap(diagnosis => diagnosis.lines),
    ],
  });
}

function causeOf(assessment: Assessment, event: string | undefined): string {
  const { ref, readiness, trouble } = assessment;
  const name = describeRef(ref);
  if (trouble !== undefined) return ref.kind === 'Pod' ? trouble.sentence : `${trouble.sentence} (${name})`;
  return ref.kind === 'Deployment' ? `${name}: ${awaited(assessment, event)}` : `${name}: ${readiness.reason}`;
}

/** The error for a wait whose time is over: what was still awaited, and why. */
export async function rolloutTimeout(
  open: readonly Assessment[],
  { cluster, timeoutMs }: { readonly cluster: Cluster; readonly timeoutMs: number },
): Promise<CutoverError> {
  const diagnoses = await Promise.all(open.slice(0, maxDiagnosed).map(assessment => diagnose(assessment, cluster)));
  const sentences = open.map((assessment, index) => awaited(assessment, diagnoses[index]?.newestEvent));
  const [first] = open;
  const after = `after ${spoken(timeoutMs)}`;
  const message =
    first === undefined || sentences.length > 1
      ? `${open.length} workloads were not ready ${after}: ${open.map(({ ref }) => describeRef(ref)).join(', ')}`
      : `${describeRef(first.ref)} was not ready ${after}: ${sentences[0] ?? ''}`;
  const each = open.map(({ ref }, index) => ({ message: `${describeRef(ref)}: ${sentences[index] ?? ''}` }));
  return new CutoverError(message, {
    code: 'timeout',
    ...(first !== undefined && { object: describeRef(first.ref) }),
    hint:
      first?.trouble?.hint ?? 'Mend what keeps it from being ready, or raise input timeout if it only needs more time.',
    problems: [...(open.length > 1 ? each : []), ...diagnoses.flatMap(diagnosis => diagnosis.lines)],
  });
}

function awaited(assessment: Assessment, event: string | undefined): string {
  const { ref, readiness, trouble } = assessment;
  if (readiness.ok) return `${readiness.reason}, but not for long enough`;
  const pod = pickPod(assessment);
  const why = trouble?.sentence ?? (pod && `pod ${pod.metadata.name}: ${whyNotReady(pod)}`);
  // The event tells what a probe or the scheduler got, or why there is no pod; a Deployment's reason says that already.
  const told = pod !== undefined || ref.kind !== 'Deployment' ? event : undefined;
  return [readiness.reason, why, told].filter(text => text !== undefined).join('; ');
}

/** `10 min`, `1 min 30 s`, `0.5 s`. */
export function spoken(ms: number): string {
  if (ms < 60_000) return `${ms / 1000} s`;
  const seconds = Math.round(ms / 1000);
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}
