// Compares the verdicts of two clusters: `node scripts/verdicts.js EMBEDDED.json REAL.json`, files of scripts/test.js. Prints
// a table of the scenarios, and fails if a test has different verdicts.
import { readFileSync } from 'node:fs';

const [embedded, real] = process.argv
  .slice(2)
  .map(file => new Map(JSON.parse(readFileSync(file, 'utf8')).map(row => [`${row.file}: ${row.test}`, row])));
if (!real) throw new Error('usage: node scripts/verdicts.js EMBEDDED.json REAL.json');

const requests = row => (row?.requests === undefined ? '' : `${row.requests} / ${row.lost}`);
const keptAlive = row =>
  row?.keptAlive === undefined ? '' : `${row.keptAlive.requests} / ${row.keptAlive.lost} / ${row.keptAlive.behind}`;
const rows = [...real].map(([key, row]) => ({ key, row, other: embedded.get(key) }));
const played = rows.filter(({ row }) => row.status !== 'pending');
const different = played.filter(({ row, other }) => other?.status !== row.status);

console.log(
  '| scenario | embedded | real | sent / lost, embedded | sent / lost, real | kept-alive: sent / lost / behind, real |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { row, other } of rows.filter(({ row: { file } }) => file.includes('/scenarios/')))
  console.log(
    `| ${row.test} | ${other?.status ?? 'not run'} | ${row.status === 'pending' ? 'skipped' : row.status} | ${requests(other)} | ${requests(row)} | ${keptAlive(row)} |`,
  );
const sum = name => [...real.values()].reduce((total, row) => total + (row[name] ?? 0), 0);
console.log(`\nReal cluster: ${sum('requests')} requests on their own connections, ${sum('lost')} lost.`);
for (const { row } of rows.filter(({ row: { warnings } }) => warnings !== undefined))
  console.log(`Warnings of the cluster while requests were lost in "${row.test}":\n  ${row.warnings.join('\n  ')}`);
console.log(
  `${played.length} tests on the real cluster, ${different.length} with a different verdict than on the embedded one`,
);
for (const { key, row, other } of different)
  console.log(`  ${key}: ${other?.status ?? 'not run'} on the embedded cluster, ${row.status} on the real one`);
if (different.length > 0) process.exitCode = 1;
