import { CutoverError } from '../../../errors.js';
import type { RecordedCheck } from '../../../release/recorded-revision.js';
import type { SwitchPolicy } from '../switch/traffic-switch.js';

/**
 * Throws `input` if a revision has recorded checks that run only in a bake, and the promotion has none: what somebody wanted to be
 * checked would never be, and the step would succeed all the same. Nothing is written before.
 */
export function refuseWithoutBake(
  { number, checks }: { readonly number: number; readonly checks: readonly RecordedCheck[] },
  { bakeMs = 0 }: Pick<SwitchPolicy, 'bakeMs'>,
): void {
  const inBake = checks.filter(({ when }) => when === 'bake').length;
  if (inBake === 0 || bakeMs > 0) return;
  const found = inBake === 1 ? 'a check' : `${inBake} checks`;
  throw new CutoverError(
    `Revision ${number} was staged with ${found} for the bake (\`when: bake\`), and this step has no bake: nothing was switched`,
    {
      code: 'input',
      hint: 'Set the input `bake`, such as `bake: 5m`, or set `verify` in this step to the checks that it should run.',
    },
  );
}
