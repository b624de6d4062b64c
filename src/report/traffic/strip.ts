import type { TrafficCounts, TrafficSecond } from '../../run/traffic-counts.js';

/** Characters of a row: as many as a summary shows without scrolling. */
const widest = 100;
const scaleEvery = 10;

interface Row {
  readonly name: string;
  readonly cells: string;
}

/** What requests met, as text of fixed width: a row for each version and one for failures, a character for each second or more. */
export interface Strip {
  readonly text: string;
  /** What a character is, and what the signs mean. */
  readonly legend: string;
}

/**
 * The strip of one stream. Only characters without a colour of their own, which take that of the text: it reads the same on a light and
 * on a dark page.
 */
export function stripOf({ seconds, versions, version, movedMs }: TrafficCounts): Strip {
  const each = Math.max(1, Math.ceil(seconds.length / widest));
  const columns = merged(seconds, each);
  const isTold = versions !== undefined && version !== undefined;
  const hasFailed = columns.some(({ failed }) => failed > 0);
  const hasUnknown = columns.some(({ unknown }) => unknown > 0);
  const hasBoth = isTold && columns.some(({ expected, other }) => expected > 0 && other > 0);
  const answered = (count: keyof TrafficSecond, beside: keyof TrafficSecond) => (column: TrafficSecond) =>
    column[count] === 0 ? '·' : isTold && column[beside] > 0 ? '▄' : '█';
  const rows: readonly Row[] = [
    ...(isTold ? [{ name: 'before', cells: columns.map(answered('other', 'expected')).join('') }] : []),
    { name: isTold ? version : 'answered', cells: columns.map(answered('expected', 'other')).join('') },
    ...(hasFailed || hasUnknown
      ? [
          {
            name: 'failed',
            cells: columns.map(({ failed, unknown }) => (failed > 0 ? '×' : unknown > 0 ? '?' : '·')).join(''),
          },
        ]
      : []),
    ...(movedMs === undefined ? [] : [{ name: 'moved', cells: `${' '.repeat(Math.floor(movedMs / 1000 / each))}▲` }]),
  ];
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  const lines = [{ name: '', cells: scale(columns.length, each) }, ...rows].map(({ name, cells }) =>
    `${name.padEnd(width)}${cells}`.trimEnd(),
  );
  const signs = [
    '█ answered',
    ...(hasBoth ? ['▄ both versions answered'] : []),
    ...(hasFailed ? ['× a request failed'] : []),
    ...(hasUnknown ? ['? not known'] : []),
    ...(movedMs === undefined ? [] : ['▲ from here on all users should be on the new version']),
  ];
  return { text: lines.join('\n'), legend: `One character is ${each} s. ${signs.join(', ')}.` };
}

/** The seconds, each `size` of them as one. */
function merged(seconds: readonly TrafficSecond[], size: number): readonly TrafficSecond[] {
  const columns = Array.from({ length: Math.ceil(seconds.length / size) }, (_, at) =>
    seconds.slice(at * size, (at + 1) * size),
  );
  const sum = (column: readonly TrafficSecond[], count: keyof TrafficSecond): number =>
    column.reduce((total, second) => total + second[count], 0);
  return columns.map(column => ({
    expected: sum(column, 'expected'),
    other: sum(column, 'other'),
    failed: sum(column, 'failed'),
    unknown: sum(column, 'unknown'),
  }));
}

/** `0 s       10 s      20 s`. */
function scale(columns: number, each: number): string {
  const marks = Array.from({ length: Math.ceil(columns / scaleEvery) }, (_, at) => `${at * scaleEvery * each} s`);
  return marks.map(mark => mark.padEnd(scaleEvery)).join('');
}
