import type { Report } from './report.js';

/** The outcome in one line, as in `web: revision 8 is staged on green`. */
export function headline(report: Report): string {
  return `${report.release ?? 'Cutover'}: ${said(report)}`;
}

function said({ action, outcome, revision, activeRole, stagedRole, preview }: Report): string {
  const what = revision === undefined ? 'the new revision' : `revision ${revision}`;
  const on = (role: string | undefined): string => (role === undefined ? '' : ` on ${role}`);
  switch (outcome) {
    case 'unchanged':
      return preview === undefined ? 'nothing had to be changed' : 'nothing would be changed';
    case 'deployed':
      return `${what} is deployed`;
    case 'staged':
      return `${what} is staged${on(stagedRole)}, no user is there yet`;
    case 'switched':
      return `users are on ${what}${on(activeRole)}`;
    case 'rolled-back':
      return `users are back on ${revision === undefined ? 'the previous revision' : what}${on(activeRole)}`;
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

/** A sign that is seen before anything is read. */
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
