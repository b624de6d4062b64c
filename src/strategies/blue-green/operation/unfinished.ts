import { CutoverError } from '../../../errors.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { BlueGreenOperation } from '../../../release/operation.js';

/**
 * Throws `changed` when an earlier run left an operation unfinished that this step cannot resume: what it left decides where
 * users are or what the idle role holds. `resumes`: operations that the step resumes, undoes, or is not affected by.
 */
export function refuseUnfinished(
  { release, operation, staged }: BlueGreenState,
  resumes: (operation: BlueGreenOperation) => boolean,
): void {
  if (operation === undefined || resumes(operation)) return;
  const promotes = operation.kind === 'prepare' && operation.revision === staged?.revision;
  throw new CutoverError(`${describe(operation)} of release ${release} was never finished; nothing was changed`, {
    code: 'changed',
    hint: `${promotes ? 'Run `action: promote` again.' : nextStep(operation)} It was begun by ${operation.run}.`,
  });
}

function describe(operation: BlueGreenOperation): string {
  const { kind, revision } = operation;
  switch (kind) {
    case 'adopt':
      return `The adoption as ${operation.role}`;
    case 'leave':
      return `The change to strategy rolling as revision ${revision}`;
    case 'stage':
      return `The staging of revision ${revision} on ${operation.role}`;
    case 'reject':
      return `The rejection of revision ${revision} on ${operation.role}`;
    case 'prepare':
      return `The preparation of revision ${revision} on ${operation.role}`;
    case 'switch':
      return operation.direction === 'rollback'
        ? `The rollback to revision ${revision} on ${operation.role}`
        : `The switch to ${operation.role}, revision ${revision}`;
    case 'finish':
      return `The work after the switch to revision ${revision}`;
    default:
      return operation satisfies never;
  }
}

function nextStep(operation: BlueGreenOperation): string {
  switch (operation.kind) {
    case 'adopt':
      return 'Run `action: deploy` again: it finishes the adoption first.';
    case 'leave':
      return 'Run `action: deploy` with `strategy: rolling` again.';
    case 'stage':
      return 'Stage again with `action: deploy`, or restore the role with `action: reject`.';
    case 'reject':
      return 'Run `action: reject` again.';
    case 'prepare':
      return 'Run `action: rollback` again.';
    case 'switch':
      return operation.direction === 'rollback'
        ? 'Run `action: rollback` again.'
        : operation.services.every(({ before }) => before.object === undefined)
          ? 'Finish it with `action: promote`.'
          : 'Finish it with `action: promote`, or send users back with `action: rollback`.';
    case 'finish':
      return operation.direction === 'rollback' ? 'Run `action: rollback` again.' : 'Finish it with `action: promote`.';
    default:
      return operation satisfies never;
  }
}
