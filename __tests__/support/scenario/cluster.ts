import { openKube } from '../kube.js';
import type { MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import type { Sandbox } from '../../../sandbox/sandbox.js';
import { startSandbox } from '../../../sandbox/start.js';
import { describeUnless } from '../describe-unless.js';
import { eventually } from '../eventually.js';
import { probeEach, type ClusterUnderTest, type Pace } from './cluster-under-test.js';
import { openRealCluster } from './real-cluster.js';

/** CUTOVER_TEST_CLUSTER=1 declares the cluster of KUBECONFIG a test cluster. */
export const isReal = process.env.CUTOVER_TEST_CLUSTER === '1';

/** Starts the embedded cluster; under `npm run test:cluster` opens the real one instead. */
export function startCluster(): Promise<ClusterUnderTest> {
  return isReal ? openRealCluster() : startEmbedded();
}

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

/** Describes scenarios that need the embedded cluster. On a real one they are skipped, and the reason is printed. */
export function describeEmbedded(title: string, reason: string, play: () => void): void {
  describeUnless(isReal ? reason : undefined, title, play);
}
