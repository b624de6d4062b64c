import { takenOver } from '../../../cluster/ownership/drift.js';
import { CutoverError } from '../../../errors.js';
import { describeRef, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { selectorOf } from '../../../kubernetes/selectors.js';

/** Somebody else has led users elsewhere, or taken a public Service away: users are left where they are. */
export class MovedAway extends CutoverError {}

/**
 * What is seen of a public Service that a switch had set to `expected`: where it leads now, and who has changed it, as far as the
 * API server knows. `live` absent: it is gone.
 */
export function movedAway(expected: KubeObject, live: KubeObject | undefined, role: string): MovedAway {
  const name = describeRef(refOf(expected));
  const seen =
    live === undefined
      ? 'it is gone'
      : `it selects ${shown(live)} now, and not ${shown(expected)}. ${changedBy(expected, live)}`;
  return new MovedAway(`${name} does not lead users to ${role} any more: ${seen}`, {
    code: 'changed',
    object: name,
    hint: `Find out why it was changed. To lead users to ${role} again, point the Service there with the tool that changed it, and run \`action: promote\`. To leave them on the other role, run \`action: rollback\`. \`action: status\` shows where they are.`,
  });
}

function shown(service: KubeObject): string {
  const labels = Object.entries(selectorOf(service)).map(([key, value]) => `${key}=${value}`);
  return labels.sort().join(',') || 'nothing';
}

function changedBy(expected: KubeObject, live: KubeObject): string {
  const changes = takenOver(expected, live).map(({ manager, at, fields }) => {
    const when = at === undefined ? '' : ` at ${at}`;
    return `Field manager ${manager} has set ${fields.join(', ')}${when}`;
  });
  return changes.join('; ') || 'The API server does not say who has changed it';
}
