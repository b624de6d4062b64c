import { CutoverError } from '../../errors.js';

/** Several reasons to stop as one error, which lists all of their problems; `undefined` when there is none. */
export function combined(refusals: readonly CutoverError[]): CutoverError | undefined {
  const [first, ...others] = refusals;
  if (first === undefined || others.length === 0) return first;
  const hints = [...new Set(refusals.flatMap(({ hint }) => hint ?? []))];
  return new CutoverError(refusals.map(({ message }) => message).join('. '), {
    code: 'rejected-plan',
    // An error without a list is a problem by itself.
    problems: refusals.flatMap(({ problems, message }) => (problems.length > 0 ? problems : [{ message }])),
    ...(hints.length > 0 && { hint: hints.join(' ') }),
  });
}

/** Throws the {@link combined} error, if there is one. */
export function throwAny(refusals: readonly CutoverError[]): void {
  const error = combined(refusals);
  if (error !== undefined) throw error;
}
