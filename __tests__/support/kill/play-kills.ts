import { expect, it } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { knownBroken } from './known-broken.js';
import { playRow, prepare, type Prepared, type Row } from './play.js';
import type { Situation } from './situations.js';

/** Rows that run at the same time in one file. */
const atOnce = 3;

/** For work on one row: the rows to play, as a regular expression of their titles. Default: all. */
export const only = new RegExp(process.env.CUTOVER_TEST_KILLS_ONLY ?? '');

/** Declares one test per situation: its step is killed at every write, and run again. */
export function playKills(strategy: string, situations: readonly Situation[]): void {
  const queue = createQueue(atOnce);
  it.concurrent.each(situations.map(situation => [situation.title, situation] as const))(
    titleOfTests(strategy),
    async (...[, situation]) => {
      const prepared = await queue(() => prepare(situation));
      const rows = rowsOf(prepared).filter(row => only.test(titleOf(row)));
      const name = `${strategy}: ${situation.title}`;
      const ends = await Promise.all(
        rows.map(row => queue(() => playToEnd({ name, row }, () => playRow(prepared, row)))),
      );
      const failed = ends.filter(({ wrong }) => wrong.length > 0);
      const known = knownBroken.filter(entry => entry.situation === name).flatMap(entry => entry.rows);
      const played = ends.map(({ title }) => title);
      expect(prepared.writes.length).toBeGreaterThan(0);
      expect(failed.filter(({ title }) => !known.includes(title)).map(({ wrong }) => wrong.join('\n'))).toEqual([]);
      // Rows that were mended leave the list; so do rows of writes that are no longer made.
      expect(known.filter(title => !failed.some(row => row.title === title) && played.includes(title))).toEqual([]);
      expect(known.filter(title => !titlesOf(prepared).includes(title))).toEqual([]);
    },
    1_800_000,
  );
}

/** The title of one situation's test, in which `%s` is its own title. */
export function titleOfTests(strategy: string): string {
  return `${strategy}: %s converges when it is killed at a write`;
}

/** How a row ended. */
interface End {
  readonly title: string;
  readonly wrong: readonly string[];
}

/** Plays one row and reports its duration in the file of CUTOVER_TEST_KILLS. */
export async function playToEnd(
  { name, row }: { readonly name: string; readonly row: Row },
  play: () => Promise<readonly string[]>,
): Promise<End> {
  const title = titleOf(row);
  const begun = performance.now();
  const wrong = await play();
  const file = process.env.CUTOVER_TEST_KILLS;
  const ms = Math.round(performance.now() - begun);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, title, ms, wrong })}\n`);
  return { title, wrong: wrong.length === 0 ? [] : [`${name}, ${title}:`, ...wrong] };
}

const all = ['before', 'done'].flatMap(moment =>
  ['post', 'lost'].map(then => ({ moment, then }) as Pick<Row, 'moment' | 'then'>),
);

/**
 * The rows to play. Every write is done but unanswered and the runner is lost, and every write is lost and the post step runs.
 * The writes of the lock and a third of the others meet the two other combinations too; with CUTOVER_TEST_FAULTS=all every write does.
 */
function rowsOf({ writes }: Prepared): readonly Row[] {
  const others = writes.filter(write => !isOfLock(write));
  const meetsAll = (write: string): boolean =>
    process.env.CUTOVER_TEST_FAULTS === 'all' || isOfLock(write) || others.indexOf(write) % 3 === 2;
  return writes.flatMap(write =>
    all
      .filter(({ moment, then }) => (moment === 'done') === (then === 'lost') || meetsAll(write))
      .map(kill => ({ write, ...kill })),
  );
}

export function isOfLock(write: string): boolean {
  return write.includes(' leases/');
}

/** The titles of all rows, played or not. */
function titlesOf({ writes }: Prepared): readonly string[] {
  return writes.flatMap(write => all.map(kill => titleOf({ write, ...kill })));
}

/** `done, lost: PATCH deployments/web #1`. */
export function titleOf({ write, moment, then }: Row): string {
  return `${moment}, ${then}: ${write}`;
}

/** Runs at most `limit` pieces of work at the same time, in the order in which they were given. */
export function createQueue(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async work => {
    if (running >= limit) await new Promise<void>(resolve => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
