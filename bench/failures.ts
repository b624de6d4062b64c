import { markdownTable } from './markdown-table.js';
import type { Measured } from './measured-deploy.js';

/** When a tool reported the cause of a failing rollout. Times in milliseconds since the first answer to a write. */
export interface FailureReport {
  readonly tool: string;
  readonly failure: string;
  /** When it stopped waiting. */
  readonly decidedMs?: number;
  /** When it printed the cause. Absent: never. */
  readonly reportedMs?: number;
  readonly message?: string;
}

/** `reason` matches a line that names the cause. */
export function failureReportOf(
  { result, calls }: Measured,
  { tool, failure, reason }: { readonly tool: string; readonly failure: string; readonly reason: RegExp },
): FailureReport {
  if (result.succeeded) throw new Error(`${tool} takes ${failure} for a success`);
  const write = calls.find(({ call }) => call === 'PATCH Deployment' || call === 'POST Deployment');
  if (write === undefined) throw new Error(`${tool} never wrote the Deployment with ${failure}`);
  const line = result.lines.find(({ text, at }) => at > write.answeredAt && reason.test(text));
  return {
    tool,
    failure,
    ...(result.decidedAt !== undefined && { decidedMs: result.decidedAt - write.answeredAt }),
    ...(line && { reportedMs: line.at - write.answeredAt, message: line.text }),
  };
}

export function failureTable(failureReports: readonly FailureReport[], deadlineSeconds: number): string {
  const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`);
  return markdownTable(
    ['failure', 'tool', 'stops waiting after', 'reports the cause after', 'message'],
    failureReports.map(({ failure, tool, decidedMs, reportedMs, message = '-' }) => [
      failure,
      tool,
      seconds(decidedMs),
      reportedMs === undefined ? `not reported in ${deadlineSeconds} s` : seconds(reportedMs),
      cut(message),
    ]),
  );
}

/** Registry errors are long. */
function cut(message: string): string {
  const limit = 150;
  return (message.length > limit ? `${message.slice(0, limit)}…` : message).replaceAll('|', '\\|');
}
