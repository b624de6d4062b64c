import { CutoverError } from '../../../errors.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';

/** The record that a deploy starts from; `undefined` for a new release. Throws `input` when it is of the other strategy. */
export async function readToDeploy({ records }: Pick<RunContext, 'records'>): Promise<BlueGreenState | undefined> {
  const { release } = records;
  const state = await records.readState();
  if (state === undefined || state.strategy === 'blue-green') return state;
  throw new CutoverError(`Release ${release} is deployed with strategy ${state.strategy}, not blue-green`, {
    code: 'input',
    hint: 'Set the input `strategy` as before.',
  });
}
