import { describeRef } from '../kubernetes/object.js';
import type { Operation } from '../release/state.js';
import type { RoleHealth, StatusServing, WorkloadHealth } from '../strategies/outcome/serving.js';

/** What `action: status` found, in a few sentences. */
export function describeStatus(status: StatusServing): string {
  const [users, ...lines] = [usersOf(status), ...statusLines(status)];
  return [users, ...lines.map(line => `${line}.`), ...unfinishedOf(status.unfinished)].join(' ');
}

/** One line per role and for what was adopted or, of a rolling release, per Deployment. */
export function statusLines(status: StatusServing): readonly string[] {
  if (status.kind === 'rolling-status') return status.workloads.map(workloadLine);
  const { adopted, roles } = status;
  const leftover = `${adopted === undefined ? '' : describeRef(adopted)} is no longer reached and is deleted after the first promotion`;
  return [...roles.map(roleLine), ...(adopted === undefined ? [] : [leftover])];
}

/** An operation in progress, as the object of a sentence. */
export function describeOperation(operation: Operation): string {
  const { kind, revision } = operation;
  switch (kind) {
    case 'deploy':
      return `the deploy of revision ${revision}`;
    case 'rollback':
    case 'prepare':
      return `the rollback to revision ${revision}`;
    case 'adopt':
      return `the adoption as ${operation.role}`;
    case 'leave':
      return `the change to strategy rolling as revision ${revision}`;
    case 'reject':
      return `the rejection of revision ${revision}`;
    case 'stage':
      return `the staging of revision ${revision}`;
    case 'switch':
      return `the ${operation.direction === 'rollback' ? 'rollback' : 'switch'} to revision ${revision}`;
    case 'finish':
      return `the clean-up after the switch to revision ${revision}`;
    default:
      return operation satisfies never;
  }
}

function usersOf(status: StatusServing): string {
  switch (status.kind) {
    case 'rolling-status':
      return status.current === undefined ? 'No revision is deployed.' : `Revision ${status.current} serves users.`;
    case 'blue-green-status':
      if (status.toAdopt !== undefined)
        return `Users are on ${describeRef(status.toAdopt)}, which the next deploy adopts.`;
      return status.active === undefined
        ? 'Nobody is served yet: there is no public Service.'
        : `Users are on ${status.active}.`;
    default:
      return status satisfies never;
  }
}

function roleLine({ role, revision, staged, workloads }: RoleHealth): string {
  const what = `${revision === undefined ? 'no revision' : `revision ${revision}`}${staged ? ', staged' : ''}`;
  return `${role}: ${what}, ${workloads.length === 0 ? 'nothing runs' : workloads.map(workloadLine).join(', ')}`;
}

function workloadLine({ ref, ready, replicas }: WorkloadHealth): string {
  return `${describeRef(ref)} ${ready} of ${replicas} ready`;
}

function unfinishedOf(operation: Operation | undefined): readonly string[] {
  if (operation === undefined) return [];
  return [`Unfinished: ${describeOperation(operation)}, begun by ${operation.run}; run that step again to finish it.`];
}
