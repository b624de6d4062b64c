import { oneOf } from './parse/scalars.js';
import { Refusal, type Parse } from './refusal.js';

const actionNames = ['deploy', 'promote', 'reject', 'rollback', 'plan', 'status'] as const;

export type ActionName = (typeof actionNames)[number];

export const actionName: Parse<ActionName> = oneOf(...actionNames);

/** Every strategy, in the order in which messages list them. */
export const strategyNames = ['rolling', 'blue-green'] as const;

export type StrategyName = (typeof strategyNames)[number];

export function isStrategyName(value: unknown): value is StrategyName {
  return strategyNames.some(name => name === value);
}

/** The strategy names of other tools are answered with the one to use instead. */
export const strategyName: Parse<StrategyName> = text => {
  if (text === 'basic' || text === 'none') {
    const names = strategyNames.map(name => (name === 'rolling' ? `rolling (the same as ${text})` : name));
    throw Refusal.accepting(names.join(' | '));
  }
  if (text === 'canary') throw Refusal.accepting(`${strategyNames.join(' | ')} (canary is not supported)`);
  return oneOf(...strategyNames)(text);
};

/** What decides which inputs are used: a deploy by its strategy (done, or shown by `plan`), or one of the other actions. */
export type Action = StrategyName | Exclude<ActionName, 'deploy' | 'plan'>;

export function actionOf(step: { readonly action: ActionName; readonly strategy: StrategyName }): Action {
  return step.action === 'deploy' || step.action === 'plan' ? step.strategy : step.action;
}

/** The action as a user writes it: `action: deploy with strategy: rolling`. `plan` takes the inputs of a deploy. */
export function describeAction(action: Action, deployOrPlan: 'deploy' | 'plan' = 'deploy'): string {
  return isStrategyName(action) ? `action: ${deployOrPlan} with strategy: ${action}` : `action: ${action}`;
}

/** The actions as a phrase, with `action: deploy` in place of all of its strategies. */
export function describeActions(actions: readonly Action[]): string {
  const everyDeploy = strategyNames.every(strategy => actions.includes(strategy));
  const single = actions
    .filter(action => !everyDeploy || !isStrategyName(action))
    .map(action => describeAction(action));
  const all = everyDeploy ? ['action: deploy', ...single] : single;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1) ?? ''}`;
}
