import { expect, it } from '@jest/globals';
import { appendFileSync } from 'node:fs';
import { knownBroken } from './known-broken.js';
import { prepare } from './play.js';
import { rowsOf, type Row } from './rows.js';
import type { Situation } from './situations.js';

/** Rows that run at the same time in one file. */
const atOnce = 3;

/** For work on one row: the rows to play, as a regular expression of their titles. Default: all. */
export const only = new RegExp(process.env.CUTOVER_TEST_KILLS_ONLY ?? '');

/** Declares one test per situation: its step is killed at every write, and what follows is played. */
export function playKills(strategy: string, situations: readonly Situation[]): void {
  const queue = createQueue(atOnce);
  it.concurrent.each(situations.map(situation => [situation.title, situation] as const))(
    titleOfTests(strategy),
    async (...[, situation]) => {
      const prepared = await queue(() => prepare(situation));
      const all = rowsOf(prepared);
      const rows = all.filter(({ title, isPlayed }) => isPlayed && only.test(title));
      const name = `${strategy}: ${situation.title}`;
      const ends = await Promise.all(rows.map(row => queue(() => playToEnd(name, row))));
      const failed = ends.filter(({ wrong }) => wrong.length > 0);
      const known = knownBroken.filter(entry => entry.situation === name).flatMap(entry => entry.rows);
      const played = ends.map(({ title }) => title);
      expect(prepared.writes.length).toBeGreaterThan(0);
      expect(failed.filter(({ title }) => !known.includes(title)).map(({ wrong }) => wrong.join('\n'))).toEqual([]);
      // Rows that were mended leave the list; so do rows of writes that are no longer made.
      expect(known.filter(title => !failed.some(row => row.title === title) && played.includes(title))).toEqual([]);
      const titles = all.map(({ title }) => title);
      expect(known.filter(title => !titles.includes(title))).toEqual([]);
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
export async function playToEnd(name: string, { title, play }: Pick<Row, 'title' | 'play'>): Promise<End> {
  const begun = performance.now();
  const wrong = await play();
  const file = process.env.CUTOVER_TEST_KILLS;
  const ms = Math.round(performance.now() - begun);
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ name, title, ms, wrong })}\n`);
  return { title, wrong: wrong.length === 0 ? [] : [`${name}, ${title}:`, ...wrong] };
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
