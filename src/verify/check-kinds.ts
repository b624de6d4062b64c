import type { Check as CheckInput } from '../inputs/inputs.js';
import type { Check } from './check.js';
import { httpCheck } from './http-check.js';
import { runCheck } from './run-check.js';

type CheckInputs = { readonly [K in CheckInput['kind']]: Extract<CheckInput, { readonly kind: K }> };
type CheckInputOf<K extends CheckInput['kind']> = { [P in K]: { readonly kind: P } & CheckInputs[P] }[K];

/** Creates the check of each kind. A new kind is one file with its check, and one line here. */
const checkKinds: { readonly [K in CheckInput['kind']]: (input: CheckInputs[K]) => Check } = {
  http: httpCheck,
  run: runCheck,
};

/** The check for an entry of the input `verify`. */
export function createCheck<K extends CheckInput['kind']>(input: CheckInputOf<K>): Check {
  return checkKinds[input.kind](input);
}
