import type { OutgoingText } from '../text.js';
import type { Report } from './report.js';

/**
 * Members that are left as they are: words of Cutover and Kubernetes' names, which other steps compare. A Secret whose value
 * is such a word does not make it secret.
 */
const identifiers: ReadonlySet<string> = new Set([
  ...['action', 'activeRole', 'change', 'code', 'idleRole', 'kind', 'namespace', 'outcome', 'release', 'role', 'side'],
  ...['stagedRole', 'strategy', 'testUrl', 'verdict', 'when'],
]);

/** The report without secrets, before it is escaped, encoded and cut: a secret is not found in what comes of that. */
export function redactedReport({ error, ...report }: Report, text: OutgoingText): Report {
  if (error === undefined) return redacted(report, text);
  // The members of an Error are not enumerable.
  const { message, object, hint, problems } = error;
  const shown = { message, problems, ...(object !== undefined && { object }), ...(hint !== undefined && { hint }) };
  return { ...redacted(report, text), error: redacted(shown, text) };
}

function redacted<T>(value: T, text: OutgoingText): T {
  if (typeof value === 'string') return text.redact(value) as T;
  if (Array.isArray(value)) return value.map(item => redacted<unknown>(item, text)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const isReference = 'kind' in value && 'name' in value;
  const members = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const isIdentifier = identifiers.has(key) || (isReference && key === 'name');
    return [key, isIdentifier && typeof member === 'string' ? member : redacted(member, text)] as const;
  });
  return Object.fromEntries(members) as T;
}
