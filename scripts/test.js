// Runs jest in ESM mode on the current Node, and ends with the line `N passed, N failed` that CI reads.
//   npm test                 every suite except the slow ones below
//   npm test -- PATH…        the suites whose paths match, slow ones included
//   npm run test:all         every suite
// With CUTOVER_TEST_VERDICTS=FILE the status of every test is also written to that file as JSON, with the request counts of
// its scenario.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** What takes as long as everything else together: a folder under `__tests__/`, and suites that wait for locks and budgets. */
const slow = ['matrix/', 'scenarios/fence', 'scenarios/lock', 'scenarios/adoption-disturbed'];

const options = process.argv.slice(2).filter(argument => argument !== '--all');
const isAll = process.argv.includes('--all');
const isRequested = name => options.some(option => option.includes(name) || `__tests__/${name}`.includes(option));
const skipped = slow.filter(name => !isAll && !isRequested(name));

const folder = mkdtempSync(join(tmpdir(), 'cutover-test-'));
const results = join(folder, 'results.json');
const traffic = join(folder, 'traffic.jsonl');
const verdicts = process.env.CUTOVER_TEST_VERDICTS;
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    // Not last: jest would read the paths after it as more patterns.
    ...skipped.map(name => `--testPathIgnorePatterns=/__tests__/${name}`),
    '--json',
    `--outputFile=${results}`,
    ...options,
  ],
  // With --json jest prints the results to stdout too; the readable report goes to stderr.
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, CUTOVER_TEST_TRAFFIC: traffic } },
);
// jest forwards the signal to the suites, which then clean up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('close', code => {
  let summary;
  try {
    summary = JSON.parse(readFileSync(results, 'utf8'));
    if (verdicts) writeVerdicts(summary);
  } catch (error) {
    console.error(`jest wrote no results to ${results}: ${error.message}`);
    process.exit(code || 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites;
  const pending = summary.numPendingTests + summary.numTodoTests;
  console.log(`${summary.numPassedTests} passed, ${failed} failed` + (pending ? `, ${pending} skipped` : ''));
  process.exit(code ?? 1);
});

/** `[{file, test, status, requests, lost, …}]`; only scenarios that sent requests have counts. */
function writeVerdicts(summary) {
  const seen = new Map(
    (existsSync(traffic) ? readFileSync(traffic, 'utf8').trim().split('\n') : [])
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
      .map(({ scenario, ...counts }) => [scenario, counts]),
  );
  const rows = summary.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, title, status }) => ({
      file: relative(process.cwd(), name),
      test: fullName,
      status,
      ...(name.includes('/scenarios/') ? seen.get(title) : {}),
    })),
  );
  mkdirSync(dirname(verdicts), { recursive: true });
  writeFileSync(verdicts, JSON.stringify(rows, undefined, 1));
}
