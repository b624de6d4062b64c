import { openKube } from '../kube.js';
import type { MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import type { Sandbox } from '../../../sandbox/sandbox.js';
import { startSandbox } from '../../../sandbox/start.js';
import { eventually } from '../eventually.js';
import { probeEach, type ClusterUnderTest, type Pace } from './cluster-under-test.js';

/** Starts the embedded cluster, also for scenarios that cannot run on a real one. `store` as in {@link startSandbox}. */
export async function startEmbedded(store?: MemoryStore): Promise<ClusterUnderTest & { readonly sandbox: Sandbox }> {
  // Ten times as fast as a real cluster, on free ports.
  const sandbox = await startSandbox({ secondMs: 100, nodePorts: 'any' }, store);
  const kube = openKube(sandbox.kubeconfig);
  // At ten times the usual rate, probes would take most of the machine.
  const pace: Pace = {
    waitMs: 10_000,
    everyMs: 20,
    timeout: '30s',
    probe: probeEach(5),
    inARow: 4,
    // Pods and API server share one event loop with the scenario.
    users: { perSecond: 15, keptAlive: { connections: 2, perSecond: 4 } },
    crowd: { perSecond: 50, keptAlive: { connections: 5, perSecond: 10 } },
    rounds: 4,
    rotateSource: false,
  };
  return {
    kubeconfig: sandbox.kubeconfig,
    kube,
    images: { tomcat: 'registry.test/shop/tomcat', site: 'registry.test/shop/site', task: 'registry.test/shop/task' },
    pace,
    publicUrl: (namespace, service) =>
      eventually(`an address of Service ${namespace}/${service}`, () => sandbox.serviceUrl(namespace, service)),
    sandbox,
    close: async () => {
      kube.close();
      await sandbox.close();
    },
  };
}
