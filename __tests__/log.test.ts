import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { actionsLog, type StepLog } from '../src/log.js';
import { hostileText } from './support/hostile-text.js';
import { CommandReader, type Printed } from './support/runner/commands.js';

const exitCode = process.exitCode;
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = exitCode;
});

/** What the runner makes of what the log prints. */
async function printed(print: (log: StepLog) => unknown): Promise<{ meanings: Printed[]; commands: string[] }> {
  let output = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation(chunk => {
    output += String(chunk);
    return true;
  });
  try {
    await print(actionsLog());
  } finally {
    write.mockRestore();
  }
  const reader = new CommandReader();
  const lines = output.replace(/\n$/, '').split(/\r\n|[\r\n]/);
  const meanings = lines.map(line => reader.read(line));
  return { meanings, commands: reader.obeyed.map(({ name, syntax }) => (syntax === '::' ? name : `##[${name}`)) };
}

const injected = '::stop-commands::x\r  ::add-mask::y\n##[set-output name=a]b';
const asText = [': :stop-commands::x', '  : :add-mask::y', '## [set-output name=a]b'];

describe('The log of a step', () => {
  it('prints what looks like a command as text, each line of it', async () => {
    const { meanings } = await printed(log => log.info(injected));
    expect(meanings).toEqual(asText.map(text => ({ kind: 'text', text })));
  });

  it('keeps it inside debug lines, annotations and the message of a failure', async () => {
    const { meanings, commands } = await printed(log => {
      log.debug(injected);
      log.warning(injected, { file: `a,b:${injected}`, line: 3, column: 5 });
      log.fail(injected);
    });
    const message = asText.join('\n');
    expect(commands).toEqual(['debug', 'warning', 'error']);
    expect(meanings).toEqual([
      { kind: 'debug', text: message },
      {
        kind: 'annotation',
        annotation: {
          level: 'warning',
          message,
          file: 'a,b:::stop-commands::x   : :add-mask::y ## [set-output name=a]b',
          line: 3,
          column: 5,
        },
      },
      { kind: 'annotation', annotation: { level: 'error', message } },
    ]);
    expect(process.exitCode).toBe(1);
  });

  it('keeps it out of the lines that follow the tenth annotation', async () => {
    const { meanings, commands } = await printed(log => {
      for (let count = 0; count < 11; count += 1)
        log.error(`wrong\n${injected}`, { file: 'a.yml', line: 1, column: 1 });
    });
    expect(commands).toEqual(Array.from({ length: 10 }, () => 'error'));
    const last = ['error: a.yml:1:1: wrong', ...asText];
    expect(meanings.slice(10)).toEqual(last.map(text => ({ kind: 'text', text })));
  });

  it('has titles of groups on one line', async () => {
    const { meanings } = await printed(log => log.group(injected, () => Promise.resolve()));
    expect(meanings).toEqual([{ kind: 'group', title: asText.join(' ') }, { kind: 'silent' }]);
  });

  it('hides what was masked, before the runner does', async () => {
    const { meanings } = await printed(log => {
      log.mask('abc');
      log.mask('hunter2\nhunter3');
      log.info('abc hunter2 hunter3');
      log.warning(`hunter2 ${Buffer.from('hunter3').toString('base64')}`);
    });
    expect(meanings).toEqual([
      { kind: 'mask', value: 'hunter2\nhunter3' },
      { kind: 'text', text: 'abc ***' },
      { kind: 'annotation', annotation: { level: 'warning', message: '*** ***' } },
    ]);
  });

  it('never gives the runner another command than its own', async () => {
    const texts = fc.sample(hostileText, 10_000);
    const { commands } = await printed(async log => {
      for (const text of texts) {
        log.info(text);
        log.debug(text);
        log.warning(text, { file: text, line: 1, column: 1 });
        log.error(text, { file: text, line: 1, column: 1 });
        await log.group(text, () => Promise.resolve());
      }
    });
    const count = (name: string): number => commands.filter(one => one === name).length;
    const expected = { debug: 10_000, group: 10_000, endgroup: 10_000, warning: 10, error: 10 };
    expect(Object.fromEntries([...new Set(commands)].map(name => [name, count(name)]))).toEqual(expected);
  });
});
