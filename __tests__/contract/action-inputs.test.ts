import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { declarationOf, declarations, inputNames, type InputName } from '../../src/inputs/table.js';
import { problems, read } from '../support/step-inputs.js';

interface Described {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
}
interface ActionFile {
  readonly inputs: Readonly<Record<string, Described>>;
  readonly outputs: Readonly<Record<string, Described>>;
  readonly runs: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(root, 'action.yml'), 'utf8');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const action = load(text) as ActionFile;
const declared = Object.keys(action.inputs);

const outputs = [
  'outcome',
  'release',
  'revision',
  'active-role',
  'idle-role',
  'staged-role',
  'previous-revision',
  'test-url',
  'changes',
  'requests',
  'requests-failed',
  'plan',
  'summary',
];

/** Values that show that an input is read: each is refused with a line of its own. */
const wrong: Partial<Record<InputName, string>> = Object.fromEntries(
  inputNames
    .filter(name => !['manifests', 'kubeconfig'].includes(name))
    .map(name => [name, 'wrong\u2603\nvalue'] as const),
);

describe('action.yml', () => {
  it('declares the inputs that are read, in the same order', () => {
    expect(declared).toEqual(inputNames);
  });

  it('declares the outputs of the contract', () => {
    expect(Object.keys(action.outputs)).toEqual(outputs);
  });

  it('runs the one bundle on Node 24, before and after', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js', post: 'dist/index.js' });
  });

  it('holds no expression but in defaults, since the runner would evaluate it wherever it stands', () => {
    const lines = text.split('\n').filter(line => line.includes('${{') && !line.trim().startsWith('default:'));
    expect(lines).toEqual([]);
  });

  it.each(Object.entries({ ...action.inputs, ...action.outputs }))(
    'describes %s in whole sentences',
    (_, { description }) => {
      expect(description.trim()).toMatch(/^[A-Z`][^]{10,}[.`]$/);
    },
  );

  it('has defaults only where leaving the input out means the same', () => {
    const defaults = Object.entries(action.inputs).filter(([, input]) => input.default !== undefined);
    expect(Object.fromEntries(defaults.map(([name, input]) => [name, input.default]))).toEqual({
      action: declarations.action.default,
      timeout: declarations.timeout.default,
      token: '${{ github.token }}',
    });
  });

  it('starts a rolling deploy with its own defaults', () => {
    const filled = { action: 'deploy', timeout: '10m', token: 'ghs_token' };
    expect(read({ ...filled, manifests: 'k8s' })).toEqual(read({ manifests: 'k8s' }));
  });

  it.each(inputNames)('tells the default of %s as it is', name => {
    const input = action.inputs[name]!;
    const told = /^Default: `([^`]+)`\.$/m.exec(input.description)?.[1] ?? input.default;
    expect(told).toBe(name === 'token' ? '${{ github.token }}' : declarationOf(name).default);
  });

  it.each(inputNames)('says of %s whether it is available', name => {
    const { pending } = declarationOf(name);
    const { description } = action.inputs[name]!;
    const told =
      pending === undefined ? !/Not available yet\b/.test(description) : description.includes('Not available yet');
    expect(told).toBe(true);
    if (pending !== undefined && 'only' in pending)
      expect(description).toContain(`only \`${pending.only}\` is accepted`);
  });

  it.each(Object.entries(wrong))('declares %s, and it is read', (name, value) => {
    const lines = problems({ manifests: 'k8s', [name]: value });
    expect(lines.some(line => line.startsWith(`${name}: `))).toBe(true);
  });

  it('declares manifests and kubeconfig, and they are read as they are', () => {
    expect(read({ manifests: 'k8s', kubeconfig: 'kube/config' })).toMatchObject({
      manifests: ['k8s'],
      kubeconfig: 'kube/config',
    });
  });
});

describe('README.md', () => {
  it.each([...declared, ...outputs])('has a row for %s', name => {
    expect(readme).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });
});
