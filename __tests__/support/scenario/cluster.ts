import { describeUnless } from '../describe-unless.js';
import type { ClusterUnderTest } from './cluster-under-test.js';
import { startEmbedded } from './embedded-cluster.js';
import { openRealCluster } from './real-cluster.js';

export { startEmbedded };

/** CUTOVER_TEST_CLUSTER=1 declares the cluster of KUBECONFIG a test cluster. */
export const isReal = process.env.CUTOVER_TEST_CLUSTER === '1';

/** Starts the embedded cluster; under `npm run test:cluster` opens the real one instead. */
export function startCluster(): Promise<ClusterUnderTest> {
  return isReal ? openRealCluster() : startEmbedded();
}

/** Describes scenarios that need the embedded cluster. On a real one they are skipped, and the reason is printed. */
export function describeEmbedded(title: string, reason: string, play: () => void): void {
  describeUnless(isReal ? reason : undefined, title, play);
}
