import { proveApproval } from '../../github/approval.js';
import type { Promote, Rollback } from '../../inputs/inputs.js';
import type { ApprovalSubject, RecordedApproval } from '../../release/revision.js';
import type { RunContext } from '../../run/context.js';
import { approvalLines, noApprovalLine } from './approval-lines.js';

/** How the approval is proved and logged; nothing when none is asked for, which is logged too. */
export function approvalOf(
  inputs: Promote | Rollback,
  { log, signal, clock }: RunContext,
): { readonly approve?: (subject: ApprovalSubject) => Promise<RecordedApproval> } {
  const { approval: environment, token, run, job, environment: variables } = inputs;
  if (environment === undefined) {
    log.info(noApprovalLine);
    return {};
  }
  return {
    approve: async subject => {
      const proof = await proveApproval({ environment, token, run, job, variables, signal, clock });
      const approval = { ...proof, subject };
      for (const line of approvalLines(approval)) log.info(line);
      return approval;
    },
  };
}
