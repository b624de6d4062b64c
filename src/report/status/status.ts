import { describeRef, describeRefs } from '../../kubernetes/object.js';
import type { Operation } from '../../release/operation.js';
import type { Drift, LiveState, ServiceHealth } from '../../strategies/outcome/live-state.js';
import { describeStrangers } from '../../traffic/strangers.js';
import { noLongerReached } from '../serving/adopted.js';
import type { RoleHealth, StatusServing, WorkloadHealth } from '../../strategies/outcome/status-serving.js';

/** What `action: status` found, in a few sentences. */
export function describeStatus(status: StatusServing): string {
  const [users, ...lines] = [usersOf(status), ...statusLines(status)];
  return [users, ...lines.map(line => `${line}.`), ...unfinishedOf(status)].join(' ');
}

/**
 * One line per role and for what was adopted or, of a rolling release, per workload; then one per Service and for whatever else
 * it leads to, and per object that is not as recorded.
 */
export function statusLines(status: StatusServing): readonly string[] {
  const live = liveLines(status.live);
  if (status.kind === 'rolling-status') return [...status.workloads.map(workloadLine), ...live];
  const { adopted, roles } = status;
  const leftover = adopted === undefined ? [] : [`${describeRefs(adopted)} ${noLongerReached(adopted)}`];
  return [...roles.map(roleLine), ...leftover, ...live];
}

/** An operation in progress, as the object of a sentence. */
export function describeOperation(operation: Operation): string {
  const { kind, revision } = operation;
  switch (kind) {
    case 'deploy':
      return `the deploy of revision ${revision}`;
    case 'prepare':
      return `the preparation of revision ${revision}`;
    case 'rollback':
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
      if (status.current === undefined) return 'No revision is deployed.';
      return isAsRecorded(status)
        ? `Revision ${status.current} serves users.`
        : `On record, revision ${status.current} serves users.`;
    case 'blue-green-status':
      if (status.toAdopt !== undefined)
        return `Users are on ${describeRefs(status.toAdopt)}, which the next deploy adopts.`;
      if (status.live.undecided !== undefined) return `Nobody can tell which role users are on.`;
      if (status.active === undefined) return 'Nobody is served yet: there is no public Service.';
      if (!hasOnlyOwnEndpoints(status.live)) return `The public Service selects ${status.active}.`;
      return status.expected === undefined
        ? `Users are on ${status.active}.`
        : `Users are on ${status.active}, but on record they are on revision ${status.expected}: somebody or something else has moved them.`;
    default:
      return status satisfies never;
  }
}

/** Whether everything was looked at, and is as it should be. */
function isAsRecorded({ live, unfinished }: StatusServing): boolean {
  const { drift, uncompared, running } = live;
  const isKnown = drift.length === 0 && uncompared.length === 0;
  return isKnown && unfinished === undefined && running === undefined && hasOnlyOwnEndpoints(live);
}

function hasOnlyOwnEndpoints({ services, strangers }: LiveState): boolean {
  return strangers.length === 0 && services.every(({ endpoints = 0 }) => endpoints > 0);
}

function roleLine({ role, revision, staged, backup, halfDone, workloads }: RoleHealth): string {
  const back = backup?.previous === undefined ? '' : ` (a rollback brings up revision ${backup.previous} there)`;
  const what = `${revision === undefined ? 'no revision' : `revision ${revision}`}${staged ? ', staged' : ''}${backup === undefined ? '' : `, hot backup${back}`}${halfDone ? ', changed in part by what is unfinished' : ''}`;
  return `${role}: ${what}, ${workloads.length === 0 ? 'nothing runs' : workloads.map(workloadLine).join(', ')}`;
}

function liveLines({ services, strangers, drift, uncompared }: LiveState): readonly string[] {
  return [
    ...services.map(serviceLine),
    ...strangers.map(describeStrangers),
    ...drift.map(driftLine),
    ...uncompared.map(({ ref, reason }) => `${describeRef(ref)} could not be compared with the record: ${reason}`),
  ];
}

function serviceLine({ ref, endpoints, unknown }: ServiceHealth): string {
  const name = describeRef(ref);
  if (unknown) return `How many endpoints of ${name} are ready is unknown`;
  if (endpoints === undefined) return `${name} does not exist: nobody gets an answer through it`;
  if (endpoints === 0) return `${name} has no ready endpoint: nobody gets an answer through it`;
  return `${name} has ${endpoints} ready endpoint${endpoints === 1 ? '' : 's'}`;
}

/** Fields of one manager that a line names. */
const mostFields = 5;

function driftLine({ ref, what, by }: Drift): string {
  const name = describeRef(ref);
  switch (what) {
    case 'gone':
      return `${name} is on record, but it is gone`;
    case 'not-owned':
      return `${name} is on record, but it does not belong to this release any more`;
    case 'changed': {
      const changes = by.map(({ manager, at, fields }) => {
        const more = fields.length > mostFields ? ` and ${fields.length - mostFields} more` : '';
        return `${fields.slice(0, mostFields).join(', ')}${more} by ${manager}${at === undefined ? '' : ` at ${at}`}`;
      });
      return `${name} was changed outside of Cutover: ${changes.join('; ')}`;
    }
    default:
      return what satisfies never;
  }
}

function workloadLine({ ref, ready, replicas }: WorkloadHealth): string {
  return `${describeRef(ref)} ${ready} of ${replicas} ready`;
}

function unfinishedOf({ unfinished, live: { running } }: StatusServing): readonly string[] {
  if (unfinished === undefined) return running === undefined ? [] : [`A run is at work: ${running}.`];
  const what = describeOperation(unfinished);
  if (running !== undefined) return [`Unfinished: ${what}, begun by ${unfinished.run}; a run is at work: ${running}.`];
  return [`Unfinished: ${what}, begun by ${unfinished.run}; run that step again to finish it.`];
}
