import { spread } from './figures.js';
import type { Figures } from './figures.js';
import { markdownTable } from './markdown-table.js';

interface Row {
  readonly tool: string;
  readonly runs: readonly Figures[];
}

interface Column {
  readonly title: string;
  readonly of: keyof Figures;
  readonly digits: number;
  /** Divisor from the measured unit to the shown one. Default 1. */
  readonly unit?: number;
}

const columns: readonly Column[] = [
  { title: 'calls', of: 'calls', digits: 0 },
  { title: 'dry runs', of: 'dryRuns', digits: 0 },
  { title: 'writes', of: 'applies', digits: 0 },
  { title: 'reads', of: 'reads', digits: 0 },
  { title: 'watches', of: 'watches', digits: 0 },
  { title: 'discovery', of: 'discovery', digits: 0 },
  { title: 'record, lock', of: 'record', digits: 0 },
  { title: 'wall s', of: 'wallMs', digits: 2, unit: 1000 },
  { title: 'until first call s', of: 'startMs', digits: 2, unit: 1000 },
  { title: 'dry runs s', of: 'dryRunMs', digits: 2, unit: 1000 },
  { title: 'first to last write s', of: 'applyMs', digits: 2, unit: 1000 },
  { title: 'ready to decision s', of: 'decisionMs', digits: 3, unit: 1000 },
  { title: 'connections', of: 'connections', digits: 0 },
  { title: 'KiB to server', of: 'receivedKiB', digits: 0 },
  { title: 'KiB from server', of: 'sentKiB', digits: 0 },
  { title: 'peak MiB', of: 'peakMiB', digits: 0 },
];

/** One line per tool: the median, with minimum and maximum if the runs differ. */
export function costTable(rows: readonly Row[]): string {
  return markdownTable(
    ['tool', ...columns.map(({ title }) => title)],
    rows.map(({ tool, runs }) => [tool, ...columns.map(column => cell(runs, column))]),
  );
}

function cell(runs: readonly Figures[], { of, digits, unit = 1 }: Column): string {
  const found = spread(runs.map(figures => figures[of]));
  if (found === undefined) return '-';
  const text = (value: number): string => (value / unit).toFixed(digits);
  const { median, min, max } = found;
  return text(min) === text(max) ? text(median) : `${text(median)} (${text(min)}..${text(max)})`;
}
