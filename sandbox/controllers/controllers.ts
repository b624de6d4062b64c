import type { Controller, ControllerContext } from './context.js';
import { clusterRoleAggregation } from './cluster/cluster-role-aggregation.js';
import { daemonSetController } from './workloads/daemon-set.js';
import { deploymentController } from './workloads/deployment.js';
import { endpointSliceController } from './cluster/endpoint-slice.js';
import { garbageCollector } from './cluster/garbage.js';
import { jobController } from './workloads/job.js';
import { loadBalancerController } from './cluster/load-balancer.js';
import { namespaceController } from './cluster/namespace.js';
import { replicaSetController } from './workloads/replica-set.js';
import { scheduler } from './cluster/scheduler.js';
import { statefulSetController } from './workloads/stateful-set.js';

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
  clusterRoleAggregation,
  scheduler,
];

/** Starts every controller on an empty store; returns a function that stops them. */
export function startControllers(context: ControllerContext): () => void {
  const ends = controllers.map(start => start(context));
  return () => {
    for (const end of ends) end();
  };
}
