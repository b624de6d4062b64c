import { asCutoverError, type CutoverError } from '../errors.js';
import type { Inputs } from '../inputs/inputs.js';
import type { Finding } from '../plan/lint/finding.js';
import type { Preview } from '../plan/preview.js';
import type { PhaseTime, RunRecorder } from '../run/recorder.js';
import type { TrafficCounts } from '../run/traffic-counts.js';
import { FailedStep, type Outcome, type OutcomeKind } from '../strategies/outcome/outcome.js';
import type { PlannedDeploy } from '../strategies/outcome/plan-note.js';
import { comparisonLines } from './log-plan.js';
import { describePlanNote } from './plan-notes.js';
import { describeServing } from './serving.js';
import { statusJson } from './status/status-json.js';
import { statusLines } from './status/status.js';

/** Why a step failed: the fields that are shown to people. */
export type ReportedError = Pick<CutoverError, 'message' | 'object' | 'hint' | 'problems'>;

/**
 * The source of outputs and summary: the outcome of the strategy as text, and the phases and findings of the run. Members
 * of the outcome are absent if the step ended before they were determined.
 */
export interface Report extends Partial<Omit<Outcome, 'serving' | 'preview'>> {
  readonly action: Inputs['action'];
  readonly outcome: OutcomeKind;
  /** What serves users now, in one or a few sentences. Never empty. */
  readonly serving: string;
  /** Whether the input `approval` asks for one. Absent: no. */
  readonly wantsApproval?: true;
  /** What a deploy would do; only of `action: plan`. */
  readonly preview?: Preview;
  /** The output `status`; only of `action: status`. */
  readonly status?: string;
  /** Lines for the log alone, before its last line: what a plan would do, what runs where. Absent: none. */
  readonly details?: readonly string[];
  /** In the order in which they ran. */
  readonly phases: readonly PhaseTime[];
  /** What in the manifests would drop requests. Absent: the lint rules did not run. */
  readonly findings?: readonly Finding[];
  /** The requests that were sent while users were moved. Absent: none was. */
  readonly traffic?: readonly TrafficCounts[];
  /** Present when the step failed. */
  readonly error?: ReportedError;
}

/** The report of a step that succeeded. */
export function successReport(outcome: Outcome, recorder: RunRecorder): Report {
  return { ...toText(outcome), ...runReport(recorder) };
}

/** The report of a step that threw. */
export function failureReport(thrown: unknown, recorder: RunRecorder): Report {
  if (thrown instanceof FailedStep) return { ...successReport(thrown.outcome, recorder), error: thrown.error };
  const serving = describeServing({ kind: recorder.wrote ? 'unknown' : 'untouched' });
  return { ...runReport(recorder), outcome: 'failed', serving, error: asCutoverError(thrown) };
}

function toText(outcome: Outcome): Omit<Report, 'action' | 'phases'> {
  const { serving, preview, ...rest } = outcome;
  const status = statusJson(outcome);
  return {
    ...rest,
    serving: describeServing(serving),
    ...(status !== undefined && { status }),
    ...(preview !== undefined && { preview: previewText(preview) }),
    details: detailsOf(outcome),
  };
}

function previewText({ notes, ...preview }: PlannedDeploy): Preview {
  return { ...preview, notes: notes.map(describePlanNote) };
}

function detailsOf({ serving, preview, activeRole }: Outcome): readonly string[] {
  if (serving.kind === 'rolling-status' || serving.kind === 'blue-green-status') return statusLines(serving);
  if (preview === undefined) return [];
  return [...comparisonLines(activeRole ?? '', preview.users), ...preview.notes.map(describePlanNote)];
}

/** The members that come from the recorder. */
function runReport({
  inputs,
  phases,
  findings,
  traffic,
}: RunRecorder): Pick<Report, 'action' | 'wantsApproval' | 'phases' | 'findings' | 'traffic'> {
  const wantsApproval = inputs !== undefined && 'approval' in inputs && { wantsApproval: true as const };
  return {
    action: inputs?.action ?? 'deploy',
    ...wantsApproval,
    phases,
    ...(findings !== undefined && { findings }),
    ...(traffic.length > 0 && { traffic }),
  };
}
