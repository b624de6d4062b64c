import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { transformSync } from 'esbuild';
import { takeEnvironment } from '../../src/inputs/own-environment.js';

describe('The environment of the process', () => {
  it('keeps everything but the inputs of the step, which only the step gets', () => {
    const ofProcess = {
      PATH: '/bin',
      'INPUT_REGISTRY-CREDENTIALS': 'hush',
      input_token: 'hush',
      STATE_a: 'b',
      X: undefined,
    };
    const taken = takeEnvironment(ofProcess);
    expect(taken).toEqual({ PATH: '/bin', 'INPUT_REGISTRY-CREDENTIALS': 'hush', input_token: 'hush', STATE_a: 'b' });
    expect(ofProcess).toEqual({ PATH: '/bin', STATE_a: 'b', X: undefined });
  });

  it('is without inputs for a program that a library starts', () => {
    const { code } = transformSync(readFileSync('src/inputs/own-environment.ts', 'utf8'), { loader: 'ts' });
    const script = `
      import { execSync } from 'node:child_process';
      ${code}
      takeEnvironment(process.env);
      console.log(execSync('env').toString());`;
    const options = { env: { PATH: process.env['PATH'], INPUT_TOKEN: 'hush', KEPT: 'kept' } };
    const shown = execFileSync(process.execPath, ['--input-type=module', '--eval', script], options).toString();
    expect(shown).toContain('KEPT=kept');
    expect(shown).not.toMatch(/INPUT|hush/);
  });
});
