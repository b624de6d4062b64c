import { withFullStop } from '../../errors.js';
import { describeRefs } from '../../kubernetes/object.js';
import type { Serving, UsersNow } from '../../strategies/outcome/serving.js';
import { describeRestored } from '../restored.js';
import { describeNotAdopted, describeWhy, note, resultOf, revisionOn } from './parts.js';

/** Where users are, and what else the step has to say. */
export function describeServingNow({ users, said }: Extract<Serving, { readonly kind: 'users-now' }>): string {
  return [describeUsersNow(users), ...withoutUsers(said)].join(' ');
}

function describeUsersNow(users: UsersNow): string {
  switch (users.kind) {
    case 'none':
      return 'Nobody is served: the public Service is gone.';
    case 'role':
      return `Users are on ${users.role}: the public Service leads there now.`;
    case 'unknown':
      return `It is not known what serves users now: ${withFullStop(users.reason)} Run \`action: status\` to see it.`;
    default:
      return users satisfies never;
  }
}

/** What a step says apart from where users are; empty: nothing. */
function withoutUsers(said: Serving): readonly string[] {
  switch (said.kind) {
    case 'staging':
      return said.result.kind === 'staged'
        ? [`Revision ${said.result.revision} is staged on ${said.result.role}.`]
        : resultOf(said.result);
    case 'active-confirmed':
      return ['Nothing was written.'];
    case 'not-rejected':
      return [`On ${said.role}: ${describeRestored(said.restored)}`];
    case 'not-adopted':
      return [describeNotAdopted(said.result)];
    case 'adoption-unfinished':
      return [`The adoption is not finished; run this step again to finish it.${note(said)}`];
    case 'restored':
      return [`${describeRestored(said.restored)}${note(said)}`];
    case 'partly-deployed':
      return [`The new version was left as it is (rollback-on-failure: false).${note(said)}`];
    case 'roles-left':
      return [`Revision ${said.revision} is deployed, but the objects of the roles are not all deleted.`];
    case 'not-switched':
      return ['This step did not switch anything.'];
    case 'switch-failed':
      return [`This step did not switch anything.${note(said)}`];
    case 'switched-back':
      return [`This step has undone its own change to ${describeRefs(said.services)}.${note(said)}`];
    case 'not-switched-back':
      return [
        `This step had switched ${describeRefs(said.services)} to ${revisionOn(said)}: ${describeWhy(said.why)}${note(said)}`,
      ];
    case 'switched-unfinished':
      return [`The switch to ${revisionOn(said)} was complete and verified before.`];
    default:
      return [];
  }
}
