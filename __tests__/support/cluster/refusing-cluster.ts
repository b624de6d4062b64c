import type { Cluster } from '../../../src/cluster/cluster.js';

/** A cluster with namespace `shop` on which every call throws: the base of those that answer a few. */
export function refusingCluster(reason: string): Cluster {
  const refuse = (): never => {
    throw new Error(`the test expects no such call: ${reason}`);
  };
  return {
    namespace: 'shop',
    dryRunApply: refuse,
    dryRunCreate: refuse,
    dryRunReplace: refuse,
    get: refuse,
    list: refuse,
    watch: refuse,
    logs: refuse,
    proxy: refuse,
    tunnel: refuse,
  };
}
