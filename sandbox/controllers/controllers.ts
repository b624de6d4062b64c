import type { Controller, ControllerContext } from './context.js';
import { daemonSetController } from './daemon-set.js';
import { deploymentController } from './deployment.js';
import { endpointSliceController } from './endpoint-slice.js';
import { garbageCollector } from './garbage.js';
import { jobController } from './job.js';
import { loadBalancerController } from './load-balancer.js';
import { namespaceController } from './namespace.js';
import { replicaSetController } from './replica-set.js';
import { scheduler } from './scheduler.js';
import { statefulSetController } from './stateful-set.js';

const controllers: readonly Controller[] = [
  deploymentController,
  replicaSetController,
  statefulSetController,
  daemonSetController,
  endpointSliceController,
  jobController,
  namespaceController,
  garbageCollector,
  loadBalancerController,
  scheduler,
];

/** Starts every controller on an empty store; returns the end of them all. */
export function startControllers(context: ControllerContext): () => void {
  const ends = controllers.map(start => start(context));
  return () => {
    for (const end of ends) end();
  };
}
