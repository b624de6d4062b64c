import { readFile } from 'node:fs/promises';
import { openKube } from '../kube.js';
import type { Named } from '../kube.js';
import { probeEach, type ClusterUnderTest } from './cluster-under-test.js';
import { eventually } from '../eventually.js';
import { field } from '../field.js';

/** The variables of `npm run test:cluster`; e2e/README.md documents them. */
const {
  KUBECONFIG = '',
  CUTOVER_TEST_IMAGES = '127.0.0.1:5000/cutover',
  CUTOVER_TEST_ADDRESS = '127.0.0.1',
  CUTOVER_TEST_RATE = '50',
} = process.env;

/** Opens the cluster of KUBECONFIG. The file must embed its certificates or its token. */
export async function openRealCluster(): Promise<ClusterUnderTest> {
  const kubeconfig = await readFile(KUBECONFIG, 'utf8');
  const kube = openKube(kubeconfig);
  const waitMs = 60_000;
  return {
    kubeconfig,
    kube,
    images: {
      tomcat: `${CUTOVER_TEST_IMAGES}/tomcat`,
      site: `${CUTOVER_TEST_IMAGES}/site`,
      task: `${CUTOVER_TEST_IMAGES}/task`,
    },
    pace: {
      waitMs,
      // Each look is a request or more, and the node has better use for its processor.
      everyMs: 250,
      timeout: '2m',
      probe: probeEach(1),
      inARow: 20,
      users: { perSecond: Number(CUTOVER_TEST_RATE), keptAlive: { connections: 5, perSecond: 10 } },
      crowd: { perSecond: 500, keptAlive: { connections: 20, perSecond: 50 } },
      rounds: 20,
      rotateSource: CUTOVER_TEST_ADDRESS.startsWith('127.'),
    },
    publicUrl: (namespace, name) => {
      const named: Named = { kind: 'Service', namespace, name };
      const look = async (): Promise<string | undefined> => {
        const port = field(await kube.get(named), 'spec', 'ports', 0, 'nodePort');
        return typeof port === 'number' ? `http://${CUTOVER_TEST_ADDRESS}:${port}` : undefined;
      };
      return eventually(`a node port of Service ${namespace}/${name}`, look, waitMs);
    },
    close: async () => {
      const ours = `scenario-${process.pid}-`;
      const look = async (): Promise<true | undefined> =>
        (await kube.list('Namespace', '')).every(({ metadata }) => !metadata.name.startsWith(ours)) || undefined;
      await eventually('the namespaces of these scenarios to be gone', look, 2 * waitMs).finally(() => kube.close());
    },
  };
}
