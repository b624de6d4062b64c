// Compares what two clusters said of the same tests: `node scripts/verdicts.js EMBEDDED.json REAL.json`, as scripts/test.js
// writes them. Prints a table of the scenarios, and fails when a test that both played ended differently.
import { readFileSync } from 'node:fs';

const [embedded, real] = process.argv
  .slice(2)
  .map(file => new Map(JSON.parse(readFileSync(file, 'utf8')).map(row => [`${row.file}: ${row.test}`, row])));
if (!real) throw new Error('usage: node scripts/verdicts.js EMBEDDED.json REAL.json');

const users = row => (row?.requests === undefined ? '' : `${row.requests} / ${row.lost}`);
const kept = row =>
  row?.keptAlive === undefined ? '' : `${row.keptAlive.requests} / ${row.keptAlive.lost} / ${row.keptAlive.behind}`;
const rows = [...real].map(([key, row]) => ({ key, row, other: embedded.get(key) }));
const played = rows.filter(({ row }) => row.status !== 'pending');
const different = played.filter(({ row, other }) => other?.status !== row.status);

console.log(
  '| scenario | embedded | real | sent / lost, embedded | sent / lost, real | kept alive: sent / lost / still old, real |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { row, other } of rows.filter(({ row: { file } }) => file.includes('/scenarios/')))
  console.log(
    `| ${row.test} | ${other?.status ?? 'not there'} | ${row.status === 'pending' ? 'skipped' : row.status} | ${users(other)} | ${users(row)} | ${kept(row)} |`,
  );
const sum = name => [...real.values()].reduce((total, row) => total + (row[name] ?? 0), 0);
console.log(`\nOn the real cluster ${sum('requests')} requests on connections of their own, ${sum('lost')} lost.`);
for (const { row } of rows.filter(({ row: { warnings } }) => warnings !== undefined))
  console.log(`While somebody lost a request in "${row.test}", the cluster warned:\n  ${row.warnings.join('\n  ')}`);
console.log(
  `${played.length} tests on the real cluster, ${different.length} with another verdict than on the embedded one`,
);
for (const { key, row, other } of different)
  console.log(`  ${key}: ${other?.status ?? 'not there'} on the embedded cluster, ${row.status} on the real one`);
if (different.length > 0) process.exitCode = 1;
