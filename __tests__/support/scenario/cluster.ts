import { openKube } from '../kube.js';
import type { Kube } from '../kube.js';
import type { Sandbox } from '../../../sandbox/sandbox.js';
import { startSandbox } from '../../../sandbox/start.js';
import { describeUnless } from '../describe-unless.js';
import { eventually } from '../eventually.js';
import { openRealCluster } from './real-cluster.js';

/** The cluster that the scenarios are played on. They know nothing else of it. */
export interface ClusterUnderTest {
  /** YAML, with everything in itself. Its user may do everything. */
  readonly kubeconfig: string;
  /** Looks at the cluster without the code under test. */
  readonly kube: Kube;
  /** Repositories of the images; e2e/README.md has their tags (`7`, `v1`, `broken`, …). */
  readonly images: { readonly tomcat: string; readonly site: string; readonly task: string };
  /** How fast things happen there, and how much of it the machine can bear. */
  readonly pace: Pace;
  /** Where users reach a NodePort or LoadBalancer Service. Waits until there is an address. */
  publicUrl(namespace: string, service: string): Promise<string>;
  /** What only an embedded cluster can do: count calls, make faults. `undefined` on a real one. */
  readonly sandbox?: Sandbox;
  close(): Promise<void>;
}

export interface Pace {
  /** Milliseconds after which a wait is given up for what the cluster does in its own time. */
  readonly patienceMs: number;
  /** The steps' input `timeout`, unless a scenario says otherwise. */
  readonly timeout: string;
  /** Seconds between two readiness probes of a pod. */
  readonly probeSeconds: number;
  /** Answers in a row that show where nodes lead: a single one may be luck. */
  readonly inARow: number;
  /** What one stream of users is, unless a scenario says otherwise. */
  readonly users: Load;
  /** What users are where a scenario is about their number, and how many rounds of it are played. */
  readonly crowd: Load;
  readonly rounds: number;
  /** Whether a busy client has to go round the addresses 127.0.0.2–251, as a node with connection tracking asks for. */
  readonly rotateSource: boolean;
}

/**
 * A line of a readiness probe. Scenarios are about what a deploy does to pods: at the default of one second, a machine that
 * stands still for three would take every pod out of its Service.
 */
export const patientProbe = 'timeoutSeconds: 10';

/** Requests a second: each on a connection of its own, and beside those on connections that are kept. */
export interface Load {
  readonly perSecond: number;
  readonly keptAlive: { readonly connections: number; readonly perSecond: number };
}

/** Set to `1` by whoever says that the cluster of KUBECONFIG is there for tests. */
const isReal = process.env.CUTOVER_TEST_CLUSTER === '1';

/** Starts the embedded cluster; under `npm run test:cluster` opens the real one instead. */
export function startCluster(): Promise<ClusterUnderTest> {
  return isReal ? openRealCluster() : startEmbedded();
}

/** What a scenario that only the embedded cluster can play needs. Not to be called on a real cluster. */
export async function startEmbedded(): Promise<ClusterUnderTest & { readonly sandbox: Sandbox }> {
  // Ten times as fast as a real one and on free ports.
  const sandbox = await startSandbox({ secondMs: 100, nodePorts: 'any' });
  const kube = openKube(sandbox.kubeconfig);
  // Probes at ten times the pace of a real cluster would be most of what the machine does.
  const pace: Pace = {
    patienceMs: 10_000,
    timeout: '30s',
    probeSeconds: 5,
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

/** Scenarios that only the embedded cluster can play. On a real one they are skipped, and the reason is printed. */
export function describeEmbedded(title: string, reason: string, play: () => void): void {
  describeUnless(isReal ? reason : undefined, title, play);
}
