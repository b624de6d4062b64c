import type { RecordNote } from '../../release/record-failure.js';
import type {
  BackupNotMade,
  IdleResult,
  NotAdopted,
  StagingResult,
  WhyNotSwitchedBack,
} from '../../strategies/outcome/serving.js';
import { describeRestored } from '../restored.js';

/** What became of an adoption that failed. */
export function describeNotAdopted(result: NotAdopted): string {
  switch (result.kind) {
    case 'not-begun':
      return 'Nothing was changed.';
    case 'left':
      return `The adoption was left as it is (rollback-on-failure: false).${note(result)}`;
    case 'restored':
      return `${describeRestored(result.restored)}${note(result)}`;
    default:
      return result satisfies never;
  }
}

/** What a staging did to the idle role; empty: nothing. */
export function resultOf(result: StagingResult): readonly string[] {
  switch (result.kind) {
    case 'none':
      return [];
    case 'staged':
      return [`Revision ${result.revision} is staged on ${result.role}, without user traffic.`];
    case 'staged-before':
      return ['Nothing was written: this was staged already.'];
    case 'not-begun':
      return ['Nothing was changed.'];
    case 'left':
      return [`${result.role} was left as it is (rollback-on-failure: false).${note(result)}`];
    case 'restored': {
      const { role, restored } = result;
      return [`On ${role}: ${describeRestored(restored)}${note(result)}`];
    }
    default:
      return result satisfies never;
  }
}

/** A role that has become the hot backup. */
export function describeBackup({ role, revision, previous }: Extract<IdleResult, { readonly kind: 'backup' }>): string {
  const backup = `${role} runs revision ${revision}, too, as the hot backup.`;
  return previous === undefined ? backup : `${backup} A rollback brings up revision ${previous} there first.`;
}

/** A role that was to become the hot backup. */
export function describeBackupNotMade({ role, runs, rollback }: BackupNotMade): string {
  const now =
    runs === undefined
      ? `${role} was to become the hot backup and may be changed in part, so lead no users there by hand`
      : `${role} was to become the hot backup and still runs revision ${runs}`;
  const back =
    rollback === undefined
      ? ''
      : ` \`action: rollback\` brings up revision ${rollback} on ${role} and sends users there.`;
  return `${now}. Run this step again to make the hot backup, or with \`idle-policy: keep\` to go on without it.${back}`;
}

/** Why users were not sent back. */
export function describeWhy(why: WhyNotSwitchedBack): string {
  switch (why.kind) {
    case 'lock-lost':
      return 'another run has taken over the release and decides now.';
    case 'lock-refused':
      return 'this step may not renew its lock any more, so it wrote nothing more.';
    case 'record-unknown':
      return 'the record may say that this step is done, and the next run goes by it.';
    case 'moved-away':
      return 'somebody else has changed that since, so it was left as it is.';
    case 'rollback-disabled':
      return 'rollback-on-failure is false.';
    case 'no-ready-pod':
      return `${why.role} has no ready pod to switch back to. Nothing more was changed.`;
    case 'failed':
      return `it could not be switched back (${why.reason}).`;
    default:
      return why satisfies never;
  }
}

/** `blue, revision 2`. */
export function revisionOn({ role, revision }: { readonly role: string; readonly revision?: number }): string {
  return revision === undefined ? role : `${role}, revision ${revision}`;
}

/** `site:v1, proxy:v2`. */
export function imagesOf({ images }: { readonly images: readonly string[] }): string {
  return images.join(', ') || 'no images';
}

/** That a failure could not be recorded, after a space; empty: it was. */
export function note({ unrecorded }: RecordNote): string {
  return unrecorded === undefined
    ? ''
    : ` The release record could not be updated (${unrecorded}); the next run treats this step as unfinished.`;
}
