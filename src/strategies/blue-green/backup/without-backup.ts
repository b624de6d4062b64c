import { CutoverError } from '../../../errors.js';
import type { Revision } from '../../../release/revision.js';
import { revisionOfRole } from '../../../release/revision-of-role.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { SwitchServing } from '../../outcome/serving.js';
import type { BackupFailed } from './hot-backup.js';

/** Throws `input` if a promotion could not make the role the hot backup of the revision. */
export function requireBackup(revision: Revision, role: string): void {
  if (revision.backup !== undefined && revisionOfRole(revision, role) !== undefined) return;
  throw new CutoverError(
    `Revision ${revision.number} cannot get a hot backup: it was staged without \`idle-policy: hot-backup\`, so what ${role} would run is not on record`,
    {
      code: 'input',
      hint: 'Stage it again with `idle-policy: hot-backup` on the step with `action: deploy`, too, or set `idle-policy: keep` on this step.',
    },
  );
}

/** What serves users after a switch whose hot backup was not made. */
export function withoutBackupMade(
  { role: backup, runs }: BackupFailed,
  { state, revision, role }: { readonly state: BlueGreenState; readonly revision: Revision; readonly role: string },
): Extract<SwitchServing, { readonly kind: 'switched-unfinished' }> {
  const { operation, roles } = state;
  const isPromoted = operation?.kind === 'finish' && operation.direction === 'promote';
  const rollback = isPromoted ? roles[backup]?.revision : undefined;
  return {
    ...{ kind: 'switched-unfinished', role, revision: revision.number, images: revision.images },
    backup: { role: backup, ...(runs !== undefined && { runs }), ...(rollback !== undefined && { rollback }) },
  };
}
