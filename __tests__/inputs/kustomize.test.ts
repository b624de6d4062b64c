import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { kustomizeTool } from '../../src/inputs/parse/kustomize.js';
import { readInputs } from '../../src/inputs/read.js';
import { asRunner, github, maskingLog } from '../support/step-inputs.js';

let root = '';
const folder = (name: string): string => join(root, name);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'path-'));
  for (const program of [
    'both/kubectl',
    'both/kustomize',
    'kubectl/kubectl',
    'kustomize/kustomize',
    'plain/kustomize',
  ]) {
    mkdirSync(join(root, program, '..'), { recursive: true });
    writeFileSync(join(root, program), '#!/bin/sh\n');
    chmodSync(join(root, program), program.startsWith('plain') ? 0o644 : 0o755);
  }
  mkdirSync(join(root, 'folder', 'kustomize'), { recursive: true });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the tool that builds kustomizations', () => {
  it.each([
    [['both'], 'both/kustomize'],
    [['kubectl', 'kustomize'], 'kustomize/kustomize'],
    [['kustomize', 'both'], 'kustomize/kustomize'],
    [['kubectl', 'both'], 'both/kustomize'],
    [['kubectl', 'plain', 'folder'], 'kubectl/kubectl'],
  ])('with %j on the PATH is %s', (folders, file) => {
    const found = kustomizeTool({ PATH: folders.map(folder).join(delimiter) });
    expect(found).toEqual({ name: file.split('/')[1], file: folder(file) });
  });

  it.each([
    ['no PATH', {}],
    ['an empty PATH', { PATH: '' }],
    ['folders that do not exist', { PATH: '/nowhere/at/all' }],
  ])('is absent with %s', (_, environment) => {
    expect(kustomizeTool(environment)).toBeUndefined();
  });

  it('is never taken from a relative folder, which could be in the repository', () => {
    const before = process.cwd();
    process.chdir(root);
    const found = kustomizeTool({ PATH: ['both', '.', ''].join(delimiter) });
    process.chdir(before);
    expect(found).toBeUndefined();
  });

  it('is in the inputs of a deploy, and absent if there is none', () => {
    const environment = { ...github, ...asRunner({ manifests: 'k8s' }) };
    const read = (path: string) => readInputs({ environment: { ...environment, PATH: path }, log: maskingLog() });
    expect(read(folder('kubectl'))).toMatchObject({ kustomize: { name: 'kubectl', file: folder('kubectl/kubectl') } });
    expect(read('')).not.toHaveProperty('kustomize');
  });
});
