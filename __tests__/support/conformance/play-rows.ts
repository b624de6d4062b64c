import { afterAll, describe, expect, it } from '@jest/globals';
import { startCluster } from '../scenario/cluster.js';
import { ConformanceNamespace, type Row } from './conformance-namespace.js';

/** Deadlines of one wait and of a row, in milliseconds; they only matter on a busy machine. */
const waitMs = 120_000;
const rowMs = 300_000;

/** Declares a test per row. The rows run concurrently on the cluster under test. */
export function playRows(subject: string, rows: readonly Row[]): void {
  const starting = startCluster();
  afterAll(async () => (await starting).close());

  describe(subject, () => {
    it.concurrent.each([...rows])(
      '$title',
      async ({ play, expected }) => {
        const { kubeconfig, images } = await starting;
        const ns = new ConformanceNamespace({ kubeconfig, site: images.site, task: images.task, waitMs });
        await ns.enter();
        try {
          expect(await play(ns)).toEqual(expected);
        } finally {
          await ns.leave();
        }
      },
      rowMs,
    );
  });
}
