import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Masks, readFileCommands, readLine } from '../support/runner/commands.js';
import { runStep } from '../support/runner/runner.js';
import type { StepRequest, StepResult } from '../support/runner/runner.js';

describe('Lines that a step prints', () => {
  it.each([
    ['plain: text', { kind: 'text', text: 'plain: text' }],
    ['::add-mask::50%25 off', { kind: 'mask', value: '50% off' }],
    ['::group::Deploy', { kind: 'group', title: 'Deploy' }],
    ['::endgroup::', { kind: 'silent' }],
    ['::debug::why', { kind: 'debug', text: 'why' }],
    ['::set-output name=x::y', { kind: 'text', text: '::set-output name=x::y' }],
    ['::error::one%0Atwo', { kind: 'annotation', annotation: { level: 'error', message: 'one\ntwo' } }],
    [
      '::warning file=k8s/a%3Ab.yml,line=3,col=7::odd: very',
      {
        kind: 'annotation',
        annotation: { level: 'warning', message: 'odd: very', file: 'k8s/a:b.yml', line: 3, column: 7 },
      },
    ],
  ])('%s', (line, printed) => {
    expect(readLine(line)).toEqual(printed);
  });
});

describe('Files that a step writes', () => {
  it.each([
    ['NAME=value', { NAME: 'value' }],
    ['NAME=a<<b', { NAME: 'a<<b' }],
    ['NAME<<END\nfirst\nOTHER=second\nEND\nNEXT=1\n', { NAME: 'first\nOTHER=second', NEXT: '1' }],
    ['EMPTY<<END\nEND', { EMPTY: '' }],
    ['', {}],
  ])('%j', (text, values) => {
    expect(readFileCommands(text)).toEqual(values);
  });

  it('a block without its end is refused', () => {
    expect(() => readFileCommands('NAME<<END\nvalue\n')).toThrow('a value without its closing END');
  });
});

describe('Masks', () => {
  it('hide each line of a secret, the longer secret first', () => {
    const masks = new Masks();
    masks.add('key\nlong key');
    expect(masks.apply('a long key and a key')).toBe('a *** and a ***');
  });
});

describe('The runner', () => {
  let action: string;
  beforeAll(async () => {
    action = await mkdtemp(join(tmpdir(), 'fake-action-'));
    await writeFile(
      join(action, 'action.yml'),
      `inputs:
  given: {default: not this}
  left-out: {default: fallback}
  bare: {description: has no default}
  token: {default: "\${{ github.token }}"}
runs: {using: node24, main: index.mjs, post: index.mjs}
`,
    );
    await writeFile(join(action, 'index.mjs'), program);
  });
  afterAll(() => rm(action, { recursive: true, force: true }));

  const run = (inputs: StepRequest['inputs'], more: Partial<StepRequest> = {}): Promise<StepResult> =>
    runStep({ action, workspace: action, inputs, ...more });

  it('passes every input, with defaults, and absent ones empty', async () => {
    const { outputs } = await run({ given: 'this', unknown: 'too' }, { token: 'job-token' });
    const inputs = JSON.parse(outputs.inputs ?? '') as Record<string, string>;
    expect(inputs).toEqual({
      INPUT_GIVEN: 'this',
      'INPUT_LEFT-OUT': 'fallback',
      INPUT_BARE: '',
      INPUT_TOKEN: 'job-token',
      INPUT_UNKNOWN: 'too',
    });
  });

  it('runs post with the state that main left, and keeps outputs, summary and annotations', async () => {
    const result = await run({ given: 'this' });
    expect(result).toMatchObject({
      exitCode: 0,
      postExitCode: 0,
      state: { left: 'by main\nfor post' },
      summary: '# Done\n',
      annotations: [{ level: 'warning', message: 'careful with ***', file: 'a.yml', line: 2 }],
    });
    expect(result.log).toContain('post saw "by main\\nfor post"');
    expect(result.log).toContain('Stage\n');
  });

  it('masks what the step asks to mask, everywhere in the log', async () => {
    const { log } = await run({ given: 'this' });
    expect(log).toContain('the secret is ***');
    expect(log).not.toContain('hunter2');
  });

  it('passes the step none of its own environment', async () => {
    process.env.KUBECONFIG = '/somewhere/else';
    process.env.GITHUB_CALLER = 'yes';
    try {
      const { outputs } = await run({});
      expect(JSON.parse(outputs.seen ?? '')).toEqual([null, null]);
    } finally {
      delete process.env.KUBECONFIG;
      delete process.env.GITHUB_CALLER;
    }
  });

  it.each([
    ['SIGINT', 7],
    ['SIGKILL', 137],
  ] as const)('sends %s when the log says so, and still runs post', async (signal, exitCode) => {
    const result = await run({ given: 'wait' }, { interrupt: { when: /waiting/, signal } });
    expect(result.exitCode).toBe(exitCode);
    expect(result.log).toContain('post saw');
  });
});

const program = `
import { appendFileSync } from 'node:fs';
const env = process.env;
const state = env['STATE_left'];
if (state !== undefined) {
  console.log('post saw ' + JSON.stringify(state));
} else {
  appendFileSync(env.GITHUB_STATE, 'left<<E1\\nby main\\nfor post\\nE1\\n');
  const inputs = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('INPUT_')));
  appendFileSync(env.GITHUB_OUTPUT, 'inputs=' + JSON.stringify(inputs) + '\\n');
  appendFileSync(env.GITHUB_OUTPUT, 'seen=' + JSON.stringify([env.KUBECONFIG ?? null, env.GITHUB_CALLER ?? null]) + '\\n');
  appendFileSync(env.GITHUB_STEP_SUMMARY, '# Done\\n');
  console.log('::add-mask::hunter2');
  console.log('::group::Stage');
  console.error('the secret is hunter2');
  console.log('::warning file=a.yml,line=2::careful with hunter2');
  if (env.INPUT_GIVEN === 'wait') {
    process.on('SIGINT', () => process.exit(7));
    setInterval(() => {}, 1000);
    console.log('waiting');
  }
}
`;
