import { CutoverError, type Problem } from '../errors.js';
import { where, type Position } from '../log.js';

/** Something that works but that the reader should know, with the manifest's place. */
export interface ManifestWarning {
  readonly message: string;
  readonly at: Position;
}

/** One error for everything that is wrong with the manifests; its problems hold each with its place. */
export function manifestError(problems: readonly Problem[], hint?: string): CutoverError {
  const [first] = problems;
  const single = first?.at === undefined ? first?.message : `${where(first.at)}: ${first.message}`;
  const message =
    problems.length === 1 && single !== undefined ? single : `The manifests have ${problems.length} problems.`;
  return new CutoverError(message, { code: 'manifest', problems, ...(hint === undefined ? {} : { hint }) });
}
