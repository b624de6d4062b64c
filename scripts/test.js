// Runs jest in ESM on this very Node, and ends with the plain line that CI reads.
// With CUTOVER_TEST_VERDICTS=FILE the verdict on every test is written there too, with what users of its scenario saw.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

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
    '--json',
    `--outputFile=${results}`,
    ...process.argv.slice(2),
  ],
  // With --json jest prints the results to stdout too; the readable report goes to stderr.
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, CUTOVER_TEST_TRAFFIC: traffic } },
);
// Whoever ends this ends the tests, which then clean up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('close', code => {
  let summary;
  try {
    summary = JSON.parse(readFileSync(results, 'utf8'));
    if (verdicts) writeVerdicts(summary);
  } catch (error) {
    console.error(`jest wrote no results: ${error.message}`);
    process.exit(code || 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites;
  const skipped = summary.numPendingTests + summary.numTodoTests;
  console.log(`${summary.numPassedTests} passed, ${failed} failed` + (skipped ? `, ${skipped} skipped` : ''));
  process.exit(code ?? 1);
});

/** `[{file, test, status, requests, lost, …}]`; what users saw is only there for scenarios that had some. */
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
