import type { ObjectRef } from '../kubernetes/object.js';
import type { RunContext } from '../run/context.js';
import type { TrafficRouter } from './router.js';
import { serviceSelector } from './service-selector.js';

/** The router that decides which pods the users of a public Service reach. Every strategy gets its router here. */
export function routerOf(
  ctx: Pick<RunContext, 'cluster' | 'log' | 'records' | 'clock'>,
  publicService: ObjectRef,
): TrafficRouter {
  return serviceSelector(ctx, publicService);
}
