import { oneOf } from './parse/scalars.js';
import { Refusal, type Parse } from './refusal.js';

const actionNames = ['deploy', 'promote', 'reject', 'rollback', 'plan', 'status'] as const;

export type ActionName = (typeof actionNames)[number];

export const actionName: Parse<ActionName> = oneOf(...actionNames);

export type StrategyName = 'rolling' | 'blue-green';

/** The strategy names of other tools are answered with the one to use instead. */
export const strategyName: Parse<StrategyName> = text => {
  if (text === 'basic' || text === 'none') throw Refusal.accepting(`rolling (the same as ${text}) | blue-green`);
  if (text === 'canary') throw Refusal.accepting('rolling | blue-green (canary is not supported)');
  return oneOf('rolling', 'blue-green')(text);
};

/** What decides which inputs are used: a deploy by its strategy (done, or shown by `plan`), or one of the other actions. */
export type Action = StrategyName | Exclude<ActionName, 'deploy' | 'plan'>;

export function actionOf(step: { readonly action: ActionName; readonly strategy: StrategyName }): Action {
  return step.action === 'deploy' || step.action === 'plan' ? step.strategy : step.action;
}

/** The action as a user writes it: `action: deploy with strategy: rolling`. `plan` takes the inputs of a deploy. */
export function describeAction(action: Action, deployOrPlan: 'deploy' | 'plan' = 'deploy'): string {
  switch (action) {
    case 'rolling':
    case 'blue-green':
      return `action: ${deployOrPlan} with strategy: ${action}`;
    default:
      return `action: ${action}`;
  }
}

/** The actions as a phrase, with `action: deploy` in place of both of its strategies. */
export function describeActions(actions: readonly Action[]): string {
  const deploys: readonly Action[] = ['rolling', 'blue-green'];
  const both = deploys.every(action => actions.includes(action));
  const single = actions.filter(action => !both || !deploys.includes(action)).map(action => describeAction(action));
  const all = both ? ['action: deploy', ...single] : single;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1) ?? ''}`;
}
