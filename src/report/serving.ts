import { withFullStop } from '../errors.js';
import { describeRefs } from '../kubernetes/object.js';
import type { IdleResult, Serving, StagingResult, Users } from '../strategies/outcome/serving.js';
import type { RoleRevision } from '../release/retention.js';
import { describeRestored } from './restored.js';
import { noLongerReached } from './serving/adopted.js';
import { describeServingNow } from './serving/users-now.js';
import {
  describeBackup,
  describeBackupNotMade,
  describeNotAdopted,
  describeWhy,
  imagesOf,
  note,
  resultOf,
  revisionOn,
} from './serving/parts.js';
import { atServices } from './status/at-services.js';
import { describeStatus } from './status/status.js';

/** What serves users now, in one or a few sentences. Never empty. */
export function describeServing(serving: Serving): string {
  switch (serving.kind) {
    case 'untouched':
      return 'The same as before: this step changed nothing that serves users.';
    case 'unknown':
      return 'This step ended in the middle of its work; run `action: status` to see what serves users now.';
    case 'rolled-back-before':
      return `Revision ${serving.revision} serves users since an earlier rollback; nothing was written. ${
        serving.strategy === 'rolling'
          ? 'Set the input `revision` to roll back further.'
          : 'Deploy the version that you want.'
      }`;
    case 'deployed': {
      const users = `Revision ${serving.revision} serves users (${imagesOf(serving)}).`;
      return [users, ...wayBackTo(serving.left), ...atServices(serving)].join(' ');
    }
    case 'unchanged':
      return serving.healthy
        ? [`Revision ${serving.revision} serves users, as before; nothing was written.`, ...atServices(serving)].join(
            ' ',
          )
        : `Nothing was changed: revision ${serving.revision} is what users reach, in the state described here.`;
    case 'planned':
      return serving.current === undefined ? 'No revision is deployed yet.' : stillServing(serving.current);
    case 'not-deployed':
      return serving.current === undefined
        ? 'Nothing was changed. There is no earlier revision of this release.'
        : `Nothing was changed: revision ${serving.current} serves users, as before.`;
    case 'roles-left':
      return `Users reach the ready pods of revision ${serving.revision}, and still those of the role that it replaces. Run this step again to delete the objects of the roles.`;
    case 'partly-deployed':
      return `The new version was left as it is (rollback-on-failure: false): users reach the pods that are ready, old or new.${note(serving)}`;
    case 'restored':
      return `${describeRestored(serving.restored)} ${afterRestore(serving)}${note(serving)}`;
    case 'not-adopted':
      return `Users are on ${describeRefs(serving.deployments)}, as before. ${describeNotAdopted(serving.result)}`;
    case 'adoption-unfinished': {
      const { deployments, notNarrowed = [] } = serving;
      const name = describeRefs(deployments);
      const others =
        notNarrowed.length === 0
          ? ''
          : ` ${describeRefs(notNarrowed)} still ${notNarrowed.length > 1 ? 'lead' : 'leads'} to ${name}, which ${deployments.length > 1 ? 'run' : 'runs'} the same version.`;
      return `Users are on ${revisionOn(serving)}: the version of ${name}, which ${deployments.length > 1 ? 'were' : 'was'} live before.${others} The adoption is not finished; run this step again to finish it.${note(serving)}`;
    }
    case 'staging': {
      const users = usersUnless(isReached(serving.result), describeUsers(serving.users));
      return [...users, ...resultOf(serving.result)].join(' ');
    }
    case 'active-confirmed': {
      const users = `Users are on ${revisionOn(serving)}, which already runs these manifests. Nothing was written.`;
      return serving.healthy ? users : `${users} But it is not healthy, as described here.`;
    }
    case 'rejected':
      return `${describeUsers(serving.users)} Revision ${serving.revision} is discarded. On ${serving.role}: ${describeRestored(serving.restored)}`;
    case 'rejected-before':
      return `${describeUsers(serving.users)} Revision ${serving.revision} was rejected before and nothing is staged. Nothing was written.`;
    case 'not-rejected': {
      const users = 'The public Service was not changed: users are where they were.';
      const isMoved = serving.restored.kind === 'reached';
      return [...usersUnless(isMoved, users), `On ${serving.role}: ${describeRestored(serving.restored)}`].join(' ');
    }
    case 'not-switched':
      return serving.active === undefined
        ? 'Nobody is served yet; nothing was switched.'
        : `Users are on ${serving.active}, as before; nothing was switched.`;
    case 'switched':
      return [
        `Users are on ${revisionOn(serving)} (${imagesOf(serving)}).`,
        ...describeTogether(serving),
        ...atServices(serving),
        ...describeIdle(serving.idle),
      ].join(' ');
    case 'switched-unfinished': {
      const users = `Users are on ${revisionOn(serving)} (${imagesOf(serving)}). The switch itself is complete and verified`;
      return serving.backup === undefined
        ? `${users}; run this step again to finish the rest.`
        : `${users}. ${describeBackupNotMade(serving.backup)}`;
    }
    case 'switch-finished':
      return [
        `Users are on ${revisionOn(serving)}; the work of an earlier run was finished.`,
        ...describeIdle(serving.idle),
      ].join(' ');
    case 'promoted-before':
      return `Revision ${serving.revision} was promoted before and serves users on ${serving.role}. Nothing was written.`;
    case 'switch-never-made':
      return `Users are on ${serving.role}: an interrupted run recorded the switch but never made it. No workload was changed.`;
    case 'users-now':
      return describeServingNow(serving);
    case 'switch-unknown':
      return `It is not known whether the switch was made: ${withFullStop(serving.reason)} Users reach one of the two roles.${note(serving)}`;
    case 'switch-failed':
      return serving.active === undefined
        ? `Nobody is served yet; nothing was switched.${note(serving)}`
        : `This step did not switch anything: users are where they were (${serving.active}).${note(serving)}`;
    case 'switched-back': {
      const { to, services, unconfirmed } = serving;
      if (to === undefined)
        return `${describeRefs(services)} ${services.length > 1 ? 'were' : 'was'} removed again: nobody is served, as before this step.${note(serving)}`;
      const users = `Users are back on ${revisionOn(to)}.${note(serving)}`;
      return unconfirmed === undefined
        ? users
        : `${users} But its endpoints are not confirmed: ${withFullStop(unconfirmed)}`;
    }
    case 'not-switched-back':
      return `${describeRefs(serving.services)} ${serving.services.length > 1 ? 'select' : 'selects'} ${revisionOn(serving)}: ${describeWhy(serving.why)}${note(serving)}`;
    case 'rolling-status':
    case 'blue-green-status':
      return describeStatus(serving);
    default:
      return serving satisfies never;
  }
}

/** How long several public Services led to both roles. */
function describeTogether({ together }: Extract<Serving, { readonly kind: 'switched' }>): readonly string[] {
  if (together === undefined) return [];
  return [
    `The ${together.services} public Services led to both roles for ${together.mixedMs} ms while they were switched.`,
  ];
}

/** The sentence about users, unless somebody else has moved them since: then what was restored says where they are. */
function usersUnless(isMoved: boolean, sentence: string): readonly string[] {
  return isMoved ? [] : [sentence];
}

function isReached(result: StagingResult): boolean {
  return result.kind === 'restored' && result.restored.kind === 'reached';
}

function describeUsers(users: Users): string {
  switch (users.kind) {
    case 'none':
      return 'Nobody is served yet: there is no public Service.';
    case 'role':
      return users.adopted === undefined
        ? `Users are on ${revisionOn(users)}, as before.`
        : `Users are on ${revisionOn(users)}: the version of ${describeRefs(users.adopted)}, which ${noLongerReached(users.adopted)}.`;
    case 'adopted':
      return `Users are on ${describeRefs(users.deployments)}, as before.`;
    default:
      return users satisfies never;
  }
}

function describeIdle(idle: IdleResult): readonly string[] {
  switch (idle.kind) {
    case 'none':
      return [];
    case 'kept':
      return [`${idle.role} is kept for a rollback.`, ...describeConnections(idle)];
    case 'not-recorded':
      return [`${idle.role} was left as it is: no revision of it is on record.`];
    case 'backup':
      return [describeBackup(idle), ...describeConnections(idle)];
    case 'scaled-down':
      return [
        `${idle.role} was scaled down to ${idle.replicas}; a rollback scales it up first.`,
        ...describeConnections(idle),
      ];
    default:
      return idle satisfies never;
  }
}

function describeConnections({
  role,
  connections,
}: Extract<IdleResult, { readonly connections?: unknown }>): readonly string[] {
  switch (connections?.kind) {
    case undefined:
      return [];
    case 'closed':
      return [`Connections that users had kept open to ${role} are closed.`];
    case 'open':
      return [
        `Users with a connection that they keep open may still be on ${role}: ${withFullStop(connections.reason)}`,
      ];
    default:
      return connections satisfies never;
  }
}

function afterRestore(serving: Extract<Serving, { readonly kind: 'restored' }>): string {
  const { restored, current, reached } = serving;
  if (current === undefined) return 'There is no earlier revision of this release.';
  if (restored.kind !== 'complete' || restored.unawaited)
    return `Users reach the pods that are ready, of revision ${current} or of the new one.`;
  if (reached !== undefined)
    return `Revision ${current} serves users. Until it was restored, they could reach pods of revision ${reached}.`;
  return `Revision ${current} serves users.`;
}

function stillServing(revision: number): string {
  return `Revision ${revision} serves users, as before.`;
}

function wayBackTo(left: RoleRevision | undefined): readonly string[] {
  if (left === undefined) return [];
  return [`To go back to revision ${left.revision}, which ran on role ${left.role}, deploy that version again.`];
}
