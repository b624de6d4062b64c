import type { Controller } from '../context.js';
import { getByKey, keyOf, SERVICE } from '../kinds.js';
import { createQueue } from '../queue.js';
import { writeStatus } from '../status.js';

/** Gives Services of type LoadBalancer their address, as a cloud provider does; removes it when the type changes. */
export const loadBalancerController: Controller = ({ store, clock }) => {
  const queue = createQueue(clock, key => {
    const service = getByKey(store, SERVICE, key);
    if (!service) return;
    const status = service['status'] as { readonly loadBalancer?: { readonly ingress?: unknown } } | undefined;
    const balanced = service.spec?.type === 'LoadBalancer';
    // A Service that never was one is left alone: a write would change its resourceVersion needlessly.
    if (!balanced && status?.loadBalancer?.ingress === undefined) return;
    const loadBalancer = balanced ? { ingress: [{ ip: '127.0.0.1', ipMode: 'VIP' }] } : {};
    writeStatus(store, service, { ...status, loadBalancer });
  });
  const end = store.watch(SERVICE, ({ type, object }) => {
    if (type !== 'DELETED') queue.add(keyOf(object));
  });
  return () => {
    queue.close();
    end();
  };
};
