import { markdownTable } from './markdown-table.js';
import type { Measured } from './measured-deploy.js';

/** When a tool reported the cause of a failing rollout. Times in milliseconds since the first answer to a write. */
export interface Telling {
  readonly tool: string;
  readonly failure: string;
  /** When it stopped waiting. */
  readonly decidedMs?: number;
  /** When it printed the cause. Absent: never. */
  readonly toldMs?: number;
  readonly words?: string;
}

/** `reason` matches a line that names the cause. */
export function tellingOf(
  { told, calls }: Measured,
  { tool, failure, reason }: { readonly tool: string; readonly failure: string; readonly reason: RegExp },
): Telling {
  if (told.succeeded) throw new Error(`${tool} takes ${failure} for a success`);
  const write = calls.find(({ call }) => call === 'PATCH Deployment' || call === 'POST Deployment');
  if (write === undefined) throw new Error(`${tool} never wrote the Deployment with ${failure}`);
  const line = told.lines.find(({ text, at }) => at > write.answeredAt && reason.test(text));
  return {
    tool,
    failure,
    ...(told.decidedAt !== undefined && { decidedMs: told.decidedAt - write.answeredAt }),
    ...(line && { toldMs: line.at - write.answeredAt, words: line.text }),
  };
}

export function failureTable(tellings: readonly Telling[], patienceSeconds: number): string {
  const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`);
  return markdownTable(
    ['failure', 'tool', 'stops waiting after', 'reports the cause after', 'message'],
    tellings.map(({ failure, tool, decidedMs, toldMs, words = '-' }) => [
      failure,
      tool,
      seconds(decidedMs),
      toldMs === undefined ? `not told in ${patienceSeconds} s` : seconds(toldMs),
      cut(words),
    ]),
  );
}

/** Registry errors are long. */
function cut(words: string): string {
  const limit = 150;
  return (words.length > limit ? `${words.slice(0, limit)}…` : words).replaceAll('|', '\\|');
}
