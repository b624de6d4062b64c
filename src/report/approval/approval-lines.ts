import type { RecordedApproval } from '../../release/revision.js';

/** What was proved of an approval, and what is unknown, one sentence each. */
export function approvalLines(approval: RecordedApproval): readonly string[] {
  const { environment, by, comment, attempt } = approval;
  return [
    `Approved for environment ${environment} by ${by.join(', ')}${comment === '' ? '' : `: ${comment}`}`,
    subjectLine(approval),
    jobLine(approval),
    ...(attempt === 1
      ? []
      : [`Attempt of the review unknown: GitHub does not tell it, and this is attempt ${attempt}.`]),
  ];
}

/** For steps that could have asked for an approval. */
export const noApprovalLine = 'Approval: not asked for (`approval: none`).';

function subjectLine({ subject }: RecordedApproval): string {
  switch (subject) {
    case 'staged-by-run':
      return 'What: the staged revision, which this run staged.';
    case 'revision-input':
      return 'What: the revision that input `revision` names.';
    case 'rollback':
      return 'What: a rollback in this run.';
    default:
      return subject satisfies never;
  }
}

function jobLine({ job, attempt, environment }: RecordedApproval): string {
  const place = `in environment ${environment}, attempt ${attempt} of this run`;
  switch (job) {
    case 'id-token':
      return `Where: this job ${place}, proved by its ID token.`;
    case 'deployment':
      return `Where: this job ${place}, proved by the deployment that GitHub made for it.`;
    default:
      return job satisfies never;
  }
}
