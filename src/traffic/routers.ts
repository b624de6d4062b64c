import type { RunContext } from '../run/context.js';
import type { TrafficRouter } from './router.js';
import { serviceSelector } from './service-selector.js';

/** The router that decides which pods the users of the public Services reach. Every strategy gets its router here. */
export function routerOf(ctx: Pick<RunContext, 'cluster' | 'log' | 'records' | 'clock'>): TrafficRouter {
  return serviceSelector(ctx);
}
