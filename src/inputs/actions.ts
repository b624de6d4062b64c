import type { Step } from './table.js';
import { Refusal, type Parse } from './refusal.js';
import { oneOf } from './parse/scalars.js';

const actions = ['deploy', 'promote', 'reject', 'rollback', 'plan', 'status'] as const;

export type ActionName = (typeof actions)[number];

export const actionName: Parse<ActionName> = oneOf(...actions);

export type StrategyName = 'rolling' | 'blue-green';

/** The names that other tools use for their strategies are told apart, never taken. */
export const strategyName: Parse<StrategyName> = text => {
  if (text === 'basic' || text === 'none') throw Refusal.accepting('rolling (it does what that does) | blue-green');
  if (text === 'canary') throw Refusal.accepting('rolling | blue-green (canary is not offered)');
  return oneOf('rolling', 'blue-green')(text);
};

export function stepOf({ action, strategy }: { readonly action: ActionName; readonly strategy: StrategyName }): Step {
  return action === 'deploy' || action === 'plan' ? strategy : action;
}
