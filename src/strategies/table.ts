import type { StrategyName } from '../inputs/actions.js';
import { blueGreen } from './blue-green/strategy.js';
import { rolling } from './rolling/strategy.js';
import type { Strategy } from './strategy.js';

/** Every strategy by its name. Inputs select the strategy of a deploy; the release record selects it for every other action. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  rolling,
  'blue-green': blueGreen,
} satisfies { readonly [Name in StrategyName]: Strategy<Name> };
