import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandReader, Masks, readFileCommands } from '../support/runner/commands.js';
import { eachLine } from '../support/runner/each-line.js';
import { runStep } from '../support/runner/runner.js';
import type { StepRequest, StepResult } from '../support/runner/runner.js';

const failed = (line: string) => ({
  kind: 'annotation',
  annotation: { level: 'error', message: `Unable to process command '${line}' successfully.` },
});

describe('Lines that a step prints', () => {
  it.each([
    ['plain: text', { kind: 'text', text: 'plain: text' }],
    ['::add-mask::50%25 off', { kind: 'mask', value: '50% off' }],
    ['::group::Deploy', { kind: 'group', title: 'Deploy' }],
    ['::endgroup::', { kind: 'silent' }],
    ['::debug::why', { kind: 'debug', text: 'why' }],
    ['::set-output name=x::y', { kind: 'output', name: 'x', value: 'y' }],
    ['::save-state name=x::y', { kind: 'state', name: 'x', value: 'y' }],
    ['::set-output::y', failed('::set-output::y')],
    ['::set-env name=x::y', failed('::set-env name=x::y')],
    ['::add-path::/tmp', failed('::add-path::/tmp')],
    ['::stop-commands::', failed('::stop-commands::')],
    ['::stop-commands::add-mask', failed('::stop-commands::add-mask')],
    ['::add-matcher::a.json', { kind: 'silent' }],
    [' \t\u00A0::add-mask::x', { kind: 'mask', value: 'x' }],
    ['::ADD-MASK::x', { kind: 'mask', value: 'x' }],
    ['a ::add-mask::x', { kind: 'text', text: 'a ::add-mask::x' }],
    [': :add-mask::x', { kind: 'text', text: ': :add-mask::x' }],
    ['::unknown::x', { kind: 'text', text: '::unknown::x' }],
    ['::add-mask', { kind: 'text', text: '::add-mask' }],
    ['anywhere ##[add-mask]a%5Db%3Bc', { kind: 'mask', value: 'a]b;c' }],
    ['##[set-output name=x;more=y]z', { kind: 'output', name: 'x', value: 'z' }],
    ['::unknown:: ##[group]x', { kind: 'group', title: 'x' }],
    ['##[unknown]a ##[add-mask]b', { kind: 'text', text: '##[unknown]a ##[add-mask]b' }],
    ['## [add-mask]x', { kind: 'text', text: '## [add-mask]x' }],
    ['::error::one%0Atwo', { kind: 'annotation', annotation: { level: 'error', message: 'one\ntwo' } }],
    [
      '::warning file=k8s/a%3Ab.yml,line=3,col=7::odd: very',
      {
        kind: 'annotation',
        annotation: { level: 'warning', message: 'odd: very', file: 'k8s/a:b.yml', line: 3, column: 7 },
      },
    ],
  ])('%s', (line, printed) => {
    expect(new CommandReader().read(line)).toEqual(printed);
  });

  it('are text from stop-commands to its token, in either syntax', () => {
    const reader = new CommandReader();
    const lines = ['::stop-commands::Token', '::add-mask::x', '::stop-commands::other', '##[token]', '::add-mask::y'];
    expect(lines.map(line => reader.read(line).kind)).toEqual(['text', 'text', 'text', 'text', 'mask']);
    expect(reader.obeyed.map(({ name, data }) => [name, data])).toEqual([
      ['stop-commands', 'Token'],
      ['add-mask', 'y'],
    ]);
  });

  it('end at CR, LF and CRLF, also between two parts of the stream', async () => {
    const lines: string[] = [];
    const stream = Readable.from([Buffer.from('a\rb\r\n\nc\r'), Buffer.from('\nd\u2028\r'), Buffer.from('e')]);
    eachLine(stream, line => lines.push(line));
    await finished(stream);
    expect(lines).toEqual(['a', 'b', '', 'c', 'd\u2028', 'e']);
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
    expect(result.commands.map(({ name }) => name)).toEqual(['add-mask', 'group', 'warning']);
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
