import { writeDuration } from '../inputs/parse/durations.js';
import { describeRef, describeRefs } from '../kubernetes/object.js';
import type { Operation } from '../release/operation.js';
import { describeLeftObjects } from '../strategies/outcome/left-objects-text.js';
import type { Replacement } from '../plan/preview.js';
import type { PlanNote } from '../strategies/outcome/plan-note.js';
import { describeOperation } from './status/status.js';

const replacements: Readonly<Record<Replacement, string>> = {
  few: 'Pods would be replaced, a few at a time',
  all: 'All pods would be stopped before new ones start',
  'on-delete': 'Pods would be replaced only when somebody deletes them',
  again: 'Jobs would be deleted and run again',
};

/** One thing that a deploy would do, as a sentence. */
export function describePlanNote(note: PlanNote): string {
  switch (note.kind) {
    case 'unchanged':
      return `Nothing would be changed: revision ${note.revision} already has these manifests.`;
    case 'to-deploy':
      return `Revision ${note.revision} would be deployed.`;
    case 'pods-to-replace':
      return note.workloads.length === 0
        ? 'No pod that runs now would be replaced.'
        : `${replacements[note.how]}: ${note.workloads.map(describeRef).join(', ')}.`;
    case 'refused':
      return 'A deploy of these manifests would be refused.';
    case 'active-unchanged':
      return `Nothing would be changed: users are on ${note.role}, which already runs these manifests.`;
    case 'staged-before':
      return `Nothing would be changed: revision ${note.revision} is staged on ${note.role} already.`;
    case 'to-adopt':
      return describeAdoption(note);
    case 'to-leave-roles':
      return `The release would leave its roles. When the new pods are ready, ${describeRefs(note.services)} ${note.services.length > 1 ? 'lead' : 'leads'} to them and to ${note.active}: for a moment, both versions answer, as in any rolling update. Then the objects of ${note.roles.join(' and ')} are deleted.`;
    case 'to-stage':
      return `Revision ${note.revision} would be staged on ${note.role}, without user traffic.`;
    case 'to-end-backup': {
      const back =
        note.rollback === undefined ? '' : ` A rollback brings up revision ${note.rollback} there, as before.`;
      return `${note.role} runs revision ${note.revision}, as users do, and would no longer be their hot backup.${back}`;
    }
    case 'to-back-up': {
      const when = `${note.by === 'promote' ? 'If `promote` is told so (`idle-policy: hot-backup`), after' : 'After'} the drain of ${writeDuration(note.drainMs)}`;
      return `${when}, ${note.role} would get revision ${note.revision}, too, and become the hot backup.`;
    }
    case 'to-replace-staged':
      return `It would replace revision ${note.revision}, which is staged on ${note.role}.`;
    case 'to-switch': {
      const { services, from, to, by } = note;
      const who = by === 'deploy' ? 'The same step would then' : '`promote` would later';
      return from === undefined
        ? `${who} create ${describeRefs(services)} and send users to ${to}.`
        : `${who} switch ${describeRefs(services)} from ${from} to ${to}: all users would move ${services.length > 1 ? 'at once, one Service right after the other' : 'at once'}.`;
    }
    case 'to-close-connections':
      return describeClosing(note);
    case 'left':
      return describeLeftObjects(note.objects);
    case 'unfinished':
      return describeUnfinished(note.operation);
    default:
      return note satisfies never;
  }
}

function describeAdoption({
  revision,
  role,
  services,
  deployments,
}: Extract<PlanNote, { readonly kind: 'to-adopt' }>): string {
  const are = deployments.length > 1 ? 'are' : 'is';
  const narrowed =
    services.length > 1
      ? `${describeRefs(services)} are narrowed to it, one right after the other`
      : `${describeRefs(services)} is narrowed to it`;
  return `First, the live version would be adopted as revision ${revision}: it is brought up once more as ${role}, ${narrowed}, and ${describeRefs(deployments)} ${are} scaled to zero. After the first promotion, ${describeRefs(deployments)} ${are} deleted.`;
}

function describeClosing({
  role,
  time,
  drainMs,
  timeoutMs,
  by,
}: Extract<PlanNote, { readonly kind: 'to-close-connections' }>): string {
  const { pods, atOnce, batches, graceMs, startMs } = time;
  const when = `${by === 'promote' ? 'Unless `promote` is told otherwise, after' : 'After'} the drain of ${writeDuration(drainMs)}`;
  const grace = writeDuration(graceMs);
  if (timeoutMs !== undefined)
    return `${when}, connections that users keep open to ${role} would stay open: to replace its ${pods} pods may take longer than \`timeout\` (${writeDuration(timeoutMs)}), in ${batches} batches and with a grace of ${grace}.`;
  const duration =
    startMs === undefined
      ? `each batch once the one before it is ready (${batches} in all), and the last pods end within ${grace}`
      : `that takes up to ${writeDuration(batches * startMs + graceMs)}`;
  return `${when}, connections that users keep open to ${role} would be closed: its ${pods} pods are replaced, at most ${atOnce} at a time; ${duration}.`;
}

function describeUnfinished(operation: Operation): string {
  return `Unfinished: ${describeOperation(operation)}${onRole(operation)}, begun by ${operation.run}; ${nextOf(operation)}.`;
}

/** The role of the revision, where there is one that the description does not name. */
function onRole(operation: Operation): string {
  // The role of `leave` is the one that users leave for the revision.
  return 'role' in operation && operation.kind !== 'leave' && operation.kind !== 'adopt' ? ` (${operation.role})` : '';
}

function nextOf({ kind }: Operation): string {
  switch (kind) {
    case 'switch':
      return 'no deploy begins before `promote` or `rollback` has finished it';
    case 'reject':
      return 'no deploy begins before `reject` has finished it';
    case 'leave':
      return 'the next deploy with `strategy: rolling` finishes it';
    case 'adopt':
    case 'deploy':
    case 'finish':
    case 'prepare':
    case 'rollback':
    case 'stage':
      return 'the next deploy finishes it or starts from what it had found';
    default:
      return kind satisfies never;
  }
}
