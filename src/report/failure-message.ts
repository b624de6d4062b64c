import { where } from '../log.js';
import type { Report, ReportedError } from './report.js';

/** The message that ends a failed step: the cause first, then the object, what serves users now, and what to do. */
export function failureMessage({
  error,
  serving,
}: {
  readonly error: ReportedError;
  readonly serving: Report['serving'];
}): string {
  const { message, object, hint, problems } = error;
  // A single problem that only repeats the message is left out.
  const repeats = problems.length === 1 && problems[0]?.message === message && problems[0].at === undefined;
  const listed = repeats ? [] : problems;
  return [
    message,
    ...(object === undefined || message.includes(object) ? [] : [`Object: ${object}`]),
    `Serving users now: ${serving}`,
    ...(hint === undefined ? [] : [`What to do: ${hint}`]),
    ...(listed.length === 0
      ? []
      : [`Problems (${listed.length}):`, ...listed.map(problem => `- ${problemLine(problem)}`)]),
  ].join('\n');
}

/** One problem with its place in the manifests in front; its further lines are indented. */
export function problemLine({ message, at }: ReportedError['problems'][number]): string {
  const line = at === undefined ? message : `${where(at)}: ${message}`;
  return line.replace(/\n/g, '\n  ');
}
