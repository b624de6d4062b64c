import { CutoverError, type Problem } from '../errors.js';
import { where, type Position } from '../log.js';

/** A problem that does not stop the deploy, with its position in the manifests. */
export interface ManifestWarning {
  readonly message: string;
  readonly at: Position;
}

/** One error for all problems of the manifests, each with its position. `hint`: what to do about them; absent: no hint. */
export function manifestError(problems: readonly Problem[], hint?: string): CutoverError {
  const [first] = problems;
  const single = first?.at === undefined ? first?.message : `${where(first.at)}: ${first.message}`;
  const message =
    problems.length === 1 && single !== undefined ? single : `The manifests have ${problems.length} problems.`;
  return new CutoverError(message, { code: 'manifest', problems, ...(hint === undefined ? {} : { hint }) });
}
