import { withFullStop } from '../errors.js';
import { describeRef, type ObjectRef } from '../kubernetes/object.js';
import type { LeftObject } from '../cluster/apply/restore-snapshots.js';
import type { Reached, Recovered, Restored } from '../strategies/outcome/restored.js';
import { describeOperation } from './status/status.js';

/** How far the state before a step was restored, as one sentence. */
export function describeRestored(restored: Restored): string {
  switch (restored.kind) {
    case 'lock-lost':
      return 'Nothing was restored: another run has taken over the lock and decides now.';
    case 'lock-refused':
      return 'Nothing was restored: this step may not renew its lock any more.';
    case 'reached':
      return `${describeReached(restored)}, so nothing more was restored: users keep these pods.`;
    case 'no-ready-pod':
      return `Nothing was restored: ${restored.role} has no ready pod, so users were not sent back to it. Look at both versions now.`;
    case 'changed-by-others':
      return 'Nothing was restored, so as not to overwrite changes that somebody else made in the meantime.';
    case 'record-unknown':
      return 'Nothing was restored: the record may say that this step is done, and the next run goes by it.';
    case 'incomplete':
      return `Not everything could be restored; still as this step left it: ${namesOf(restored.failed)}.`;
    case 'not-ready':
      return `The state before this step was restored, but is not ready: ${withFullStop(restored.reason)}`;
    case 'complete': {
      const { withheld, kept, ready, unawaited, left } = restored;
      const exceptions = [
        ...(withheld.length > 0 ? [`the data of ${namesOf(withheld)}, which is never recorded`] : []),
        ...(kept.length > 0 ? [`${namesOf(kept)}, whose work cannot be undone`] : []),
      ];
      const except = exceptions.length === 0 ? '' : `, except ${exceptions.join(', and ')}`;
      const all = left.length === 0 ? 'Everything' : 'Everything else';
      const wait = unawaited ? ' This step was cancelled, so it did not wait until it was ready.' : '';
      return `${all} was restored${ready ? ' and is ready' : ''}${except}.${wait}${describeLeft(left)}`;
    }
    default:
      return restored satisfies never;
  }
}

/** What the post step did, as one sentence. */
export function describeRecovered(recovered: Recovered): string {
  switch (recovered.kind) {
    case 'lock-lost':
      return 'Another run has taken over the release: everything else is left to it.';
    case 'lock-refused':
      return 'The post step may not renew its lock any more, so not everything was restored: run `action: status` to see what serves users now.';
    case 'reached':
      return `${describeReached(recovered)}, so not everything was restored: users keep these pods. Run \`action: status\` to see what runs where.`;
    case 'nothing-unfinished':
      return 'Nothing was left unfinished.';
    case 'left':
      return `The run was killed during ${describeOperation(recovered.operation)}; everything was left as it is (rollback-on-failure: false).`;
    case 'finish-left':
      return 'Users are on the new role; run the same step again to finish what is left.';
    case 'no-ready-pod':
      return 'The role that users left has no ready pod, so users were not sent back to it: look at both roles now.';
    case 'incomplete':
      return `Not everything could be restored: ${namesOf(recovered.failed)}.`;
    case 'not-ready':
      return `Everything was restored, but it is not ready: ${withFullStop(recovered.reason)}`;
    case 'rollback-left':
      return `The run was killed during ${describeOperation(recovered.operation)}. Users were not sent back to the version that they left: run \`action: rollback\` again to finish it.`;
    case 'adoption-left':
      return `The run was killed during ${describeOperation(recovered.operation)}. Users are on ${recovered.operation.role}, which runs the version that was live before: run \`action: deploy\` again to finish the rest.`;
    case 'roles-left':
      return `The run was killed during ${describeOperation(recovered.operation)}. Users are on revision ${recovered.operation.revision}: run \`action: deploy\` again to delete the objects of the roles.`;
    case 'restored':
      return `The run was killed during ${describeOperation(recovered.operation)}; everything${recovered.left.length === 0 ? '' : ' else'} was restored.${describeLeft(recovered.left)}`;
    default:
      return recovered satisfies never;
  }
}

function describeReached({ service, to }: Reached): string {
  return `${describeRef(service)} leads users to ${to} now`;
}

/** What is left as it is, why, and what to do about it; empty where nothing is. */
function describeLeft(left: readonly LeftObject[]): string {
  if (left.length === 0) return '';
  const objects = left.map(({ ref, why }) => `${describeRef(ref)} (${why})`).join(', ');
  const [asItIs, it] = left.length === 1 ? ['as it is', 'it'] : ['as they are', 'them'];
  return ` Left ${asItIs}: ${objects}. Look at ${it}, and delete or change back by hand what nobody needs.`;
}

function namesOf(refs: readonly ObjectRef[]): string {
  return refs.map(describeRef).join(', ');
}
