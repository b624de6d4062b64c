import { afterAll, expect, it } from '@jest/globals';
import type { ClusterUnderTest } from '../scenario/cluster-under-test.js';
import { startCluster } from '../scenario/cluster.js';
import { openTestNamespace, type TestNamespace } from '../scenario/test-namespace.js';
import { createQueue, only, playToEnd, titleOfTests } from './play-kills.js';
import { bringAbout, playRowIn, playWithoutKill, type Row } from './play.js';
import { titleOf } from './rows.js';
import { web } from './web.js';
import type { Situation } from './situations.js';

/** Rows that run at the same time: they mostly wait for pods and Leases. */
const atOnce = 8;

/** Whether to play every row of {@link rowsOf}, which takes an hour, or some of one situation per file. */
const playsAll = process.env.CUTOVER_TEST_FAULTS === 'all';

/** Declares one test per situation, which is brought about anew for every row: a real cluster cannot be copied. */
export function playKillsOnCluster(strategy: string, situations: readonly Situation[]): void {
  const starting = startCluster();
  afterAll(async () => (await starting).close());
  const queue = createQueue(atOnce);
  const played = playsAll ? situations : situations.filter(({ users }) => users).slice(0, 1);
  it.concurrent.each(played.map(situation => [situation.title, situation] as const))(
    titleOfTests(strategy),
    async (...[, situation]) => {
      const begun = performance.now();
      const cluster = await starting;
      const name = `${strategy}: ${situation.title}`;
      const { writes, end } = await queue(() => inSituation(cluster, situation, ns => playWithoutKill(ns, situation)));
      // The adoption that goes on to the switch has the writes of those that end before.
      const isWhole = strategy === 'adoption' && situation.ends.some(({ outcome }) => outcome === 'switched');
      const rows = rowsOf(writes, isWhole).filter(row => only.test(titleOf(row)));
      const play = (row: Row) => inSituation(cluster, situation, ns => playRowIn(ns, { situation, end }, row));
      const ends = await Promise.all(
        rows.map(row => queue(() => playToEnd(name, { title: titleOf(row), play: () => play(row) }))),
      );
      const seconds = Math.round((performance.now() - begun) / 1000);
      process.stderr.write(`${name}: ${rows.length} kills, ${writes.length} writes, ${seconds} s\n`);
      expect(writes.length).toBeGreaterThan(0);
      expect(ends.filter(({ wrong }) => wrong.length > 0).map(({ wrong }) => wrong.join('\n'))).toEqual([]);
    },
    7_200_000,
  );
}

async function inSituation<T>(
  cluster: ClusterUnderTest,
  situation: Situation,
  work: (ns: TestNamespace) => Promise<T>,
): Promise<T> {
  const { ns, leave } = await openTestNamespace(cluster, situation.title);
  try {
    await bringAbout(ns, situation);
    return await work(ns);
  } finally {
    await leave();
  }
}

/** Writes at which a kill is most dangerous: to the lock, the public Service and autoscalers. */
const delicate = new RegExp(`^\\w+ (leases/|services/${web.release} |horizontalpodautoscalers/)`);

/**
 * One write of each kind, as `PATCH deployments`, in one of the two ways in turn: lost before it arrives, and the post step runs;
 * or done but unanswered, and the runner is lost. If all rows are played, delicate writes, and each write of a whole adoption,
 * are killed in both ways.
 */
function rowsOf(writes: readonly string[], isWhole: boolean): readonly Row[] {
  const kinds = writes.map(write => write.split('/')[0]);
  const ways: readonly Pick<Row, 'moment' | 'then'>[] = [
    { moment: 'before', then: 'post' },
    { moment: 'done', then: 'lost' },
  ];
  let first = 0;
  return writes.flatMap((write, at) => {
    if (playsAll && (isWhole || delicate.test(write))) return ways.map(way => ({ write, ...way }));
    if (kinds.indexOf(kinds[at]) !== at) return [];
    first += 1;
    return ways.filter((_, number) => number === first % 2).map(way => ({ write, ...way }));
  });
}
