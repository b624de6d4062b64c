import { approvalLines, noApprovalLine } from './approval/approval-lines.js';
import { problemLine } from './failure-message.js';
import { headline, sign } from './headline.js';
import { block, code, fit, list, table, text, prose } from './markdown.js';
import { findingsSection, previewSections } from './preview.js';
import type { Report } from './report.js';
import { nextStepYaml } from './next-step.js';
import { trafficSection } from './traffic/traffic.js';

/** GitHub drops a step's summary over 1 MiB. */
const largest = 900_000;

/** The job summary: the outcome first, then what serves users, what failed, what was done, how to go on, and how to roll back. */
export function buildSummary(report: Report): string {
  const sections = [
    `## ${sign(report)} ${text(headline(report))}`,
    `**Serving users now:** ${text(report.serving)}`,
    release(report),
    failure(report),
    trafficSection(report.traffic ?? []),
    ...(report.preview === undefined ? [objects(report)] : previewSections(report.preview)),
    findingsSection(report.findings ?? []),
    checks(report),
    approval(report),
    times(report),
    goOn(report),
    rollbackHint(report),
    history(report),
  ];
  return fit(`${sections.filter(section => section !== undefined).join('\n\n')}\n`, largest);
}

type Section = string | undefined;

function release({
  namespace,
  strategy,
  revision,
  previousRevision,
  activeRole,
  idleRole,
  stagedRole,
  testUrl,
}: Report): Section {
  const rows = Object.entries({
    Namespace: namespace,
    Strategy: strategy,
    Revision: revision,
    'Previous revision': previousRevision,
    'Active role': activeRole,
    'Idle role': idleRole,
    'Staged on': stagedRole,
    'Test endpoint (inside the cluster)': testUrl,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, code(String(value))]]));
  return rows.length === 0 ? undefined : table(['', ''], rows);
}

function failure({ error }: Report): Section {
  if (error === undefined) return undefined;
  const { message, object, hint, problems } = error;
  const lines = [
    '### What went wrong',
    text(message),
    ...(object === undefined ? [] : [`**Object:** ${code(object)}`]),
    ...(hint === undefined ? [] : [`**What to do:** ${prose(hint)}`]),
    ...(problems.length === 0 ? [] : [list(problems.map(problem => text(problemLine(problem))))]),
  ];
  return lines.join('\n\n');
}

function objects({ changes = [] }: Report): Section {
  if (changes.length === 0) return undefined;
  const changed = changes.filter(({ change }) => change !== 'unchanged');
  const unchanged = changes.length - changed.length;
  const rows = changed.map(({ ref, change }) => [
    ref.kind,
    code(ref.name),
    ref.namespace ? code(ref.namespace) : '',
    change,
  ]);
  const lines = [
    '### Objects',
    ...(rows.length === 0 ? [] : [table(['Kind', 'Name', 'Namespace', 'Change'], rows)]),
    ...(unchanged === 0 ? [] : [`${unchanged} ${unchanged === 1 ? 'object is' : 'objects are'} unchanged.`]),
  ];
  return lines.join('\n\n');
}

function checks({ checks: results = [] }: Report): Section {
  if (results.length === 0) return undefined;
  const rows = results.map(({ name, side, verdict, detail, attempts, seconds }) => [
    ...[code(name), side, verdict === 'pass' ? 'pass' : `**${verdict === 'fail' ? 'fail' : 'cannot tell'}**`],
    ...[text(detail), String(attempts), `${seconds} s`],
  ]);
  return `### Checks\n\n${table(['Check', 'Side', 'Verdict', 'Answer', 'Attempts', 'Time'], rows, { limit: 100 })}`;
}

function approval({ approval: proof, action, wantsApproval }: Report): Section {
  if (proof !== undefined) return `### Approval\n\n${list(approvalLines(proof).map(text))}`;
  const isAsked = wantsApproval === true || (action !== 'promote' && action !== 'rollback');
  return isAsked ? undefined : text(noApprovalLine);
}

function times({ phases }: Report): Section {
  if (phases.length === 0) return undefined;
  const total = phases.reduce((sum, { ms }) => sum + ms, 0);
  const rows = [...phases, { name: 'Total', ms: total }].map(({ name, ms }) => [text(name), duration(ms)]);
  return `### Time\n\n${table(['Phase', 'Time'], rows)}`;
}

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** How to look at a staged revision, and how to lead users to it. */
function goOn(report: Report): Section {
  const { outcome, release: name, namespace, revision, testUrl, activeRole, stagedRole } = report;
  // Where the public Service leads to it already, a promotion is refused.
  if (outcome !== 'staged' || activeRole === stagedRole || name === undefined || namespace === undefined)
    return undefined;
  const next = { action: 'promote', release: name, namespace, ...(revision !== undefined && { revision }) } as const;
  const promote = `To lead users to it, run a step of this action that has these inputs, with \`approval\` where your promotions ask for one:\n\n${block('yaml', nextStepYaml(next))}`;
  const [, service, inNamespace, port = '80'] =
    /^http:\/\/([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?::(\d+))?$/.exec(testUrl ?? '') ?? [];
  if (service === undefined) return `### How to go on\n\n${promote}`;
  const command = `kubectl port-forward -n ${inNamespace} service/${service} 8080:${port}`;
  const look = `To look at it on \`http://127.0.0.1:8080\`, run:\n\n${block('sh', command)}`;
  return `### How to go on\n\n${look}\n\n${promote}`;
}

function rollbackHint({ rollbackHint: hint }: Report): Section {
  if (hint === undefined) return undefined;
  const what = hint.action === 'reject' ? 'Discard what is staged' : 'Go back to the previous revision';
  return `### How to roll back\n\n${what} with a step of this action that has these inputs:\n\n${block('yaml', nextStepYaml(hint))}`;
}

function history({ history: entries = [] }: Report): Section {
  if (entries.length === 0) return undefined;
  const rows = entries.map(({ revision, outcome, role, at, actor, sha, images, run }) => [
    ...[String(revision), outcome, role === undefined ? '' : code(role), text(at), text(actor), code(sha.slice(0, 7))],
    ...[images.map(code).join('<br>'), text(run)],
  ]);
  const head = ['Revision', 'Outcome', 'Role', 'When', 'Who', 'Commit', 'Images', 'Run'];
  return `### History\n\n${table(head, rows, { limit: 100 })}`;
}
