import { it } from '@jest/globals';
import type { ClusterUnderTest } from './cluster-under-test.js';
import { compareWithGolden } from './golden.js';
import { openTestNamespace, type TestNamespace } from './test-namespace.js';

/** Declares one scenario. It runs in its own namespace and workspace, beside the others of its file. */
export function scenario(
  title: string,
  cluster: () => Promise<ClusterUnderTest>,
  play: (ns: TestNamespace) => Promise<void>,
): void {
  it.concurrent(title, async () => {
    const { ns, leave } = await openTestNamespace(await cluster(), title);
    try {
      await compareWithGolden(title, ns, () => play(ns));
    } finally {
      await leave();
    }
  });
}
