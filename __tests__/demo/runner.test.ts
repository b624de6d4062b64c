import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Masks, readFileCommands, readLine } from '../../demo/commands.js';
import { runStep } from '../../demo/runner.js';
import type { StepRequest, StepResult } from '../../demo/runner.js';
import { startTraffic } from '../../demo/traffic.js';

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

  it('hands over every input, the defaults filled in and absent ones empty', async () => {
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

  it('masks what the step asks to mask, in all that it shows', async () => {
    const { log } = await run({ given: 'this' });
    expect(log).toContain('the secret is ***');
    expect(log).not.toContain('hunter2');
  });

  it('gives the step nothing of its own environment', async () => {
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

describe('Traffic', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise(done => (server ? server.close(done) : done(undefined)));
    server = undefined;
  });
  const serve = async (answer: (number: number) => string | number): Promise<string> => {
    let number = 0;
    server = createServer((_request, response) => {
      const given = answer((number += 1));
      if (given === 'reset') response.socket?.destroy();
      else if (typeof given === 'number') response.writeHead(given).end();
      else response.end(given);
    });
    await new Promise<void>(done => server?.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  it('counts answers by version, in their order', async () => {
    const traffic = startTraffic({ url: await serve(number => (number <= 5 ? 'v1' : 'v2\n')), perSecond: 200 });
    await traffic.more(10);
    const { sent, answered, lost, timeline, byVersion } = await traffic.stop();
    expect({ lost, left: sent - answered }).toEqual({ lost: 0, left: 0 });
    expect(timeline.map(({ version }) => version)).toEqual(['v1', 'v2']);
    expect(byVersion).toEqual({ v1: 5, v2: answered - 5 });
  });

  it.each([
    ['a connection that is cut', 'reset', /ECONNRESET/],
    ['another status', 503, /status 503, not 200/],
  ] as const)('counts %s as lost', async (_what, third, why) => {
    const traffic = startTraffic({ url: await serve(number => (number === 3 ? third : 'v1')), perSecond: 200 });
    await traffic.more(6);
    const { lost, losses } = await traffic.stop();
    expect(lost).toBe(1);
    expect(losses[0]?.why).toMatch(why);
  });

  it('counts requests that nobody takes as lost', async () => {
    const url = await serve(() => 'v1');
    await new Promise(done => server?.close(done));
    const traffic = startTraffic({ url, perSecond: 200 });
    await traffic.more(3);
    const { lost, answered } = await traffic.stop();
    expect(lost).toBeGreaterThanOrEqual(3);
    expect(answered).toBe(0);
  });

  it('keeps one connection open beside the others, and counts it apart', async () => {
    const url = await serve(() => 'v1');
    const sockets = new Set<number | undefined>();
    server?.on('request', (request: { headers: { connection?: string }; socket: { remotePort?: number } }) => {
      if (request.headers.connection === 'keep-alive') sockets.add(request.socket.remotePort);
    });
    const traffic = startTraffic({ url, perSecond: 100, keptAlivePerSecond: 100 });
    await traffic.more(20);
    const { keptAlive } = await traffic.stop();
    expect(sockets.size).toBe(1);
    expect(keptAlive.lost).toBe(0);
    expect(keptAlive.sent).toBeGreaterThan(1);
    expect(keptAlive.byVersion).toEqual({ v1: keptAlive.sent });
  });
});
