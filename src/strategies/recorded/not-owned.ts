import { CutoverError } from '../../errors.js';
import type { RunContext } from '../../run/context.js';

/** The error of a record that names objects which its release does not own. `objects`: each with the reason. */
export function notOwned({ records }: Pick<RunContext, 'records'>, objects: readonly string[]): CutoverError {
  const [first = ''] = objects;
  return new CutoverError(
    `The record names objects that release ${records.release} does not own; none of them was changed: ${first}`,
    {
      code: 'record',
      ...(objects.length > 1 && { problems: objects.map(message => ({ message })) }),
      hint: 'Deploy again from the manifests. If nobody moved these objects to another owner, somebody changed the record: see "Who may write the release record" in docs/rbac.md.',
    },
  );
}
