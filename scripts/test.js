// Runs jest in ESM on this very Node, and ends with the plain line that CI reads.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'cutover-test-'));
const results = join(folder, 'results.json');
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
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
jest.on('close', code => {
  let summary;
  try {
    summary = JSON.parse(readFileSync(results, 'utf8'));
  } catch {
    console.error('jest wrote no results');
    process.exit(code || 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites;
  const skipped = summary.numPendingTests + summary.numTodoTests;
  console.log(`${summary.numPassedTests} passed, ${failed} failed` + (skipped ? `, ${skipped} skipped` : ''));
  process.exit(code ?? 1);
});
