import { EventEmitter } from 'node:events';
import { expect, it } from '@jest/globals';
import { runToEnd, type EndingProcess } from '../src/run-to-end.js';
import { listLog } from './support/log.js';

const fakeProcess = (): EventEmitter & EndingProcess => Object.assign(new EventEmitter(), { exitCode: undefined });

it('fails a process that ends while its work still waits', () => {
  const [ending, log] = [fakeProcess(), listLog()];
  runToEnd(() => new Promise(() => undefined), log, ending);
  ending.emit('exit');
  expect(ending.exitCode).toBe(1);
  expect(log.lines.join('\n')).toContain('ended before its work was done');
});

it('says nothing of a process that ends when its work is done', async () => {
  const [ending, log] = [fakeProcess(), listLog()];
  const work = Promise.resolve();
  runToEnd(() => work, log, ending);
  await work;
  await Promise.resolve();
  ending.emit('exit');
  expect([ending.exitCode, log.lines]).toEqual([undefined, []]);
});
