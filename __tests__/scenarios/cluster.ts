import { openKube } from '../../demo/kube.js';
import type { Kube } from '../../demo/kube.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { startSandbox } from '../../sandbox/start.js';

/** The cluster that the scenarios are played on. They know nothing else of it. */
export interface ClusterUnderTest {
  readonly kubeconfig: string;
  /** Looks at the cluster without the code under test. */
  readonly kube: Kube;
  /** Repositories of the images; the tags are the sandbox's and the lab's (`v1`, `broken`, …). */
  readonly images: { readonly tomcat: string; readonly site: string; readonly task: string };
  /** Where users reach a NodePort or LoadBalancer Service. Waits until there is an address; at most 10 s. */
  publicUrl(namespace: string, service: string): Promise<string>;
  /** What only an embedded cluster can do: count calls, make faults. `undefined` on a real one. */
  readonly sandbox?: Sandbox;
  close(): Promise<void>;
}

/** Starts the embedded cluster, ten times as fast as a real one and on free ports. */
export async function startCluster(): Promise<ClusterUnderTest & { readonly sandbox: Sandbox }> {
  const sandbox = await startSandbox({ secondMs: 100, nodePorts: 'any' });
  const kube = openKube(sandbox.kubeconfig);
  return {
    kubeconfig: sandbox.kubeconfig,
    kube,
    images: { tomcat: 'tomcat', site: 'registry.test/shop/site', task: 'registry.test/shop/task' },
    publicUrl: (namespace, service) =>
      eventually(`an address of Service ${namespace}/${service}`, () => sandbox.serviceUrl(namespace, service)),
    sandbox,
    close: async () => {
      kube.close();
      await sandbox.close();
    },
  };
}

/** Asks until there is an answer: for what the cluster does in its own time and tells nobody. Gives up after 10 s. */
export async function eventually<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`waited 10 s for ${what}`);
    await new Promise(done => setTimeout(done, 20));
  }
}
