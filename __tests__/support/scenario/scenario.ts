import { it } from '@jest/globals';
import type { ClusterUnderTest } from './cluster-under-test.js';
import { compareWithGolden } from './golden.js';
import { openTestNamespace, type TestNamespace } from './test-namespace.js';

type Play = (ns: TestNamespace) => Promise<void>;

/** Declares one scenario. It runs in its own namespace and workspace, beside the others of its file. */
export function scenario(title: string, cluster: () => Promise<ClusterUnderTest>, play: Play): void {
  scenarioWithoutGolden(title, cluster, ns => compareWithGolden(title, ns, () => play(ns)));
}

/** The same for a scenario whose steps depend on timing, such as on which of several requests is refused first. */
export function scenarioWithoutGolden(title: string, cluster: () => Promise<ClusterUnderTest>, play: Play): void {
  it.concurrent(title, async () => {
    const { ns, leave } = await openTestNamespace(await cluster(), title);
    try {
      await play(ns);
    } finally {
      await leave();
    }
  });
}
