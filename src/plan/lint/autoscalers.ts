import { fieldAt } from '../../kubernetes/fields.js';
import type { Rule } from './rule.js';
import { autoscalerOf, liveOf, nameOf } from './context.js';

export const autoscalerBelowLive: Rule = context =>
  context.resources.flatMap(resource => {
    const scaler = autoscalerOf(context, resource);
    const most = fieldAt(scaler?.object, ['spec', 'maxReplicas']);
    if (scaler === undefined || typeof most !== 'number') return [];
    const sizes = [liveOf(context, resource), resource.object].map(object => fieldAt(object, ['spec', 'replicas']));
    const pods = Math.max(0, ...sizes.filter(size => typeof size === 'number'));
    if (pods <= most) return [];
    return [
      {
        resource: scaler,
        path: ['spec', 'maxReplicas'],
        message: `${nameOf(scaler)} allows ${nameOf(resource)} at most ${most} pods, and it has ${pods}: the others end as soon as it is applied.`,
        remedy: `Set maxReplicas to ${pods} or more, or scale down beforehand.`,
      },
    ];
  });
