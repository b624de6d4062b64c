import type { Report } from './report.js';
import { trafficHeadline } from './traffic/traffic.js';

/** The outcome in one line, as in `web: revision 8 is staged on green`. */
export function headline(report: Report): string {
  return `${report.release ?? 'Cutover'}: ${describeOutcome(report)}${trafficHeadline(report.traffic ?? [])}`;
}

function describeOutcome({ action, outcome, revision, activeRole, stagedRole, preview }: Report): string {
  const subject = revision === undefined ? 'the new revision' : `revision ${revision}`;
  const on = (role: string | undefined): string => (role === undefined ? '' : ` on ${role}`);
  switch (outcome) {
    case 'unchanged':
      return preview === undefined ? 'nothing had to be changed' : 'nothing would be changed';
    case 'deployed':
      return `${subject} is deployed`;
    case 'staged':
      return `${subject} is staged${on(stagedRole)}, without user traffic yet`;
    case 'switched':
      return `users are on ${subject}${on(activeRole)}`;
    case 'rolled-back':
      return `users are back on ${revision === undefined ? 'the previous revision' : subject}${on(activeRole)}`;
    case 'rejected':
      return 'what was staged is discarded';
    case 'planned':
      return `revision ${preview?.revision ?? 0} would be ${preview?.role === undefined ? 'deployed' : `staged${on(preview.role)}`}`;
    case 'status':
      return 'status';
    case 'failed':
      return `${action} failed`;
  }
}

/** An emoji for the kind of outcome. */
export function sign({ outcome }: Report): string {
  switch (outcome) {
    case 'failed':
      return '❌';
    case 'rolled-back':
    case 'rejected':
      return '↩️';
    case 'planned':
    case 'status':
      return 'ℹ️';
    case 'unchanged':
    case 'deployed':
    case 'staged':
    case 'switched':
      return '✅';
  }
}
