import { playAnother, playFailure, playTwice, type Kill } from './play-again.js';
import { playRow, type Prepared } from './play.js';
import { web } from './web.js';

/** One course of events, which begins with a kill. */
export interface Row {
  readonly title: string;
  /** Whether it is one of the rows that are played by default. */
  readonly isPlayed: boolean;
  /** Returns what is wrong with the end, in words. */
  readonly play: () => Promise<readonly string[]>;
}

/** Every row of a situation. With CUTOVER_TEST_FAULTS=all each of them is played. */
export function rowsOf(prepared: Prepared): readonly Row[] {
  const rows = [...once(prepared), ...twice(prepared), ...failing(prepared), ...another(prepared)];
  return process.env.CUTOVER_TEST_FAULTS === 'all' ? rows.map(row => ({ ...row, isPlayed: true })) : rows;
}

const moments = ['before', 'done'] as const;
const thens = ['post', 'lost'] as const;

/**
 * The step is killed and run again. Every write is done but unanswered and the runner is lost, and every write is lost and the
 * post step runs. The writes of the lock and a third of the others meet the two other combinations too.
 */
function once(prepared: Prepared): readonly Row[] {
  const { writes } = prepared;
  const others = writes.filter(write => !isOfLock(write));
  const meetsAll = (write: string): boolean => isOfLock(write) || others.indexOf(write) % 3 === 2;
  return writes.flatMap(write =>
    moments.flatMap(moment =>
      thens.map(then => ({
        title: titleOf({ write, moment, then }),
        isPlayed: (moment === 'done') === (then === 'lost') || meetsAll(write),
        play: () => playRow(prepared, { write, moment, then }),
      })),
    ),
  );
}

const secondKills: readonly (readonly [name: string, write: Kill['write']])[] = [
  ['the first object', name => !/ (leases|secrets)\/cutover-web/.test(name)],
  ['the switch', `PATCH services/${web.release} #1`],
  ['the end', `DELETE leases/cutover-${web.release} #1`],
];

/**
 * The step is killed at a write, killed again at its first write of an object of the application, at its switch or at its last
 * write, and run a third time. One row in 31 is played.
 */
function twice(prepared: Prepared): readonly Row[] {
  const rows = prepared.writes.flatMap((write, at) => {
    const first = killAt(write, at);
    const second = { moment: otherThan(moments, first.moment), then: thens[(at >> 1) % 2] ?? 'lost' } as const;
    return secondKills.map(([name, held]) => ({
      title: `twice, ${titleOf(first)}; ${second.moment}, ${second.then}: ${name}`,
      play: () => playTwice(prepared, first, { ...second, write: held }),
    }));
  });
  return oneIn(31, rows, prepared);
}

/**
 * The step is killed, run again with checks that fail (everywhere, or in public only), and run a third time as it was. One row
 * in 21 is played. Steps that have no checks, and those that fail anyway, have no rows.
 */
function failing(prepared: Prepared): readonly Row[] {
  const { step, ends } = prepared.situation;
  if (step.action === 'reject' || ends.every(({ exitCode }) => exitCode !== 0)) return [];
  const rows = prepared.writes.flatMap((write, at) => {
    const kill = killAt(write, at);
    return Object.entries(web.checks).map(([name, verify]) => ({
      title: `${name}, ${titleOf(kill)}`,
      play: () => playFailure(prepared, kill, verify),
    }));
  });
  return oneIn(21, rows, prepared);
}

/**
 * The step is killed, and another step follows; if it is refused, the step that it names follows. One row in 41 is played, so
 * that every step comes up.
 */
function another(prepared: Prepared): readonly Row[] {
  const { next } = prepared.situation;
  const others = {
    deploy: next,
    rollback: web.switchBack(),
    ...(next.strategy === 'blue-green' && { promote: web.promote(), reject: web.reject() }),
  };
  const rows = prepared.writes.flatMap((write, at) => {
    const kill = killAt(write, at);
    return Object.entries(others).map(([name, inputs]) => ({
      title: `then ${name}, ${titleOf(kill)}`,
      play: () => playAnother(prepared, kill, inputs),
    }));
  });
  return oneIn(others.promote === undefined ? 15 : 41, rows, prepared);
}

/** A kill at the write at this place of the step: the combinations take turns. */
function killAt(write: string, at: number): Kill & { readonly write: string } {
  return { write, moment: moments[at % 2] ?? 'done', then: thens[(at >> 1) % 2] ?? 'lost' };
}

function otherThan<T>(values: readonly T[], one: T): T {
  return values.find(value => value !== one) ?? one;
}

/** `done, lost: PATCH deployments/web #1`. */
export function titleOf({ write, moment, then }: Kill & { readonly write: string }): string {
  return `${moment}, ${then}: ${write}`;
}

/** Every n-th row is played. The first one differs from situation to situation, since many begin with the same writes. */
function oneIn(n: number, rows: readonly Omit<Row, 'isPlayed'>[], { situation }: Prepared): readonly Row[] {
  return rows.map((row, index) => ({ ...row, isPlayed: (index + situation.title.length) % n === 0 }));
}

function isOfLock(write: string): boolean {
  return write.includes(' leases/');
}
