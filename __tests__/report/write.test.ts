import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutoverError } from '../../src/errors.js';
import type { Position } from '../../src/log.js';
import type { Report } from '../../src/report/report.js';
import { buildSummary } from '../../src/report/summary.js';
import { writeReport } from '../../src/report/write.js';
import { listLog } from '../support/log.js';
import { early, staged } from '../support/reports.js';
import { CommandReader, readFileCommands } from '../support/runner/commands.js';

const names = ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'] as const;
const before = process.env;
let folder: string;
let files: Record<(typeof names)[number], string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutover-'));
  files = { GITHUB_OUTPUT: join(folder, 'output'), GITHUB_STEP_SUMMARY: join(folder, 'summary') };
});

beforeEach(async () => {
  process.env = { ...before };
  for (const name of names) {
    await writeFile(files[name], '');
    process.env[name] = files[name];
  }
});

afterAll(async () => {
  process.env = before;
  await rm(folder, { recursive: true });
});

describe('writing the report', () => {
  it('sets the outputs and adds the summary to what is there', async () => {
    await writeFile(files.GITHUB_STEP_SUMMARY, 'from a check\n');
    const log = listLog();
    await writeReport({ report: staged, log, environment: files });
    expect(await readFile(files.GITHUB_STEP_SUMMARY, 'utf8')).toBe(`from a check\n${buildSummary(staged)}\n`);
    expect(await readFile(files.GITHUB_OUTPUT, 'utf8')).toMatch(/^staged-role<<(ghadelimiter_\S+)\ngreen\n\1$/m);
    expect(log.lines).toEqual([]);
  });

  it('skips what has no file, and says so', async () => {
    const log = listLog();
    await writeReport({ report: staged, log, environment: {} });
    expect(log.lines).toEqual([
      'Outputs are not set: GITHUB_OUTPUT names no file',
      'The job summary is not written: GITHUB_STEP_SUMMARY names no file',
    ]);
    expect(await readFile(files.GITHUB_OUTPUT, 'utf8')).toBe('');
  });

  it('hides secrets in everything, but leaves words and names that other steps compare', async () => {
    const log = listLog();
    const secret = 'pass_word "with" <signs>\nand lines';
    [secret, 'staged', 'green', 'web', 'created', 'shop'].forEach(one => log.text.hide(one));
    const encoded = Buffer.from(secret).toString('base64');
    const failed: Report = {
      ...staged,
      changes: [{ ref: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'web' }, change: 'created' }],
      checks: [{ ...staged.checks![0]!, name: `GET /?p=${encodeURIComponent(secret)}`, detail: `answered ${encoded}` }],
      error: new CutoverError(`refused: ${secret}`, {
        code: 'api',
        hint: `do not use \`${secret}\``,
        problems: [{ message: secret }],
      }),
    };
    await writeReport({ report: failed, log, environment: files });
    const outputs = readFileCommands(await readFile(files.GITHUB_OUTPUT, 'utf8'));
    const summary = await readFile(files.GITHUB_STEP_SUMMARY, 'utf8');
    expect(outputs).toMatchObject({ outcome: 'staged', release: 'web', 'staged-role': 'green' });
    expect(JSON.parse(outputs['changes']!)).toEqual([
      { kind: 'ConfigMap', namespace: 'shop', name: 'web', change: 'created' },
    ]);
    for (const text of [outputs['summary'], summary]) {
      expect(text).toContain('refused: ');
      expect(text).not.toMatch(/pass_|pass\\|signs|and lines|%20/);
      expect(text).not.toContain(encoded.slice(0, 12));
    }
  });

  it('gives no command to the runner or to a step that prints the outputs', async () => {
    const hostile = 'odd\n::stop-commands::x\u001B[31m\r##[add-mask]y';
    const problem: Report = { ...early, serving: hostile, error: { message: hostile, problems: [], hint: hostile } };
    await writeReport({ report: problem, log: listLog(), environment: files });
    const outputs = readFileCommands(await readFile(files.GITHUB_OUTPUT, 'utf8'));
    const reader = new CommandReader();
    for (const text of [outputs['summary']!, await readFile(files.GITHUB_STEP_SUMMARY, 'utf8')]) {
      for (const line of text.split('\n')) reader.read(line);
      expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    }
    expect(reader.obeyed).toEqual([]);
  });

  it('annotates the lines that problems are about', async () => {
    const annotated: [string, Position | undefined][] = [];
    const log = { ...listLog(), error: (line: string, at?: Position) => void annotated.push([line, at]) };
    await writeReport({ report: early, log, environment: files });
    expect(annotated).toEqual([['key is not known', { file: 'k8s/web.yml', line: 3, column: 5 }]]);
  });

  it('warns, and does not fail, when a file cannot be written', async () => {
    await rm(files.GITHUB_OUTPUT);
    const log = listLog();
    await writeReport({ report: staged, log, environment: files });
    expect(log.lines).toEqual([expect.stringMatching(/^The outputs could not be written: Missing file at path: /)]);
    expect(await readFile(files.GITHUB_STEP_SUMMARY, 'utf8')).not.toBe('');
  });
});
