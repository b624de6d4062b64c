import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { strategyNames } from '../../src/inputs/actions.js';
import { definitionOf, inputNames, inputTable, type InputName } from '../../src/inputs/table.js';
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
const page = readFileSync(join(root, 'docs', 'inputs.md'), 'utf8');
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
  'requests',
  'requests-failed',
  'changes',
  'plan',
  'status',
  'summary',
];

/** Values that show that an input is read: each is refused with its own line. */
const wrong: Partial<Record<InputName, string>> = Object.fromEntries(
  inputNames
    .filter(name => !['manifests', 'kubeconfig'].includes(name))
    .map(name => [name, 'wrong\u2603\nvalue'] as const),
);

describe('action.yml', () => {
  it('declares the inputs that are read, in the same order', () => {
    expect(declared).toEqual(inputNames);
  });

  it('declares these outputs', () => {
    expect(Object.keys(action.outputs)).toEqual(outputs);
  });

  it('runs the one bundle on Node 24, before and after', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js', post: 'dist/index.js' });
  });

  it('has expressions only in defaults, since the runner evaluates them anywhere', () => {
    const lines = text.split('\n').filter(line => line.includes('${{') && !line.trim().startsWith('default:'));
    expect(lines).toEqual([]);
  });

  it.each(Object.entries({ ...action.inputs, ...action.outputs }))(
    'describes %s in whole sentences',
    (_, { description }) => {
      expect(description.trim()).toMatch(/^[A-Z`][^]{10,}[.`]$/);
    },
  );

  it('has a default only where omitting the input means the same', () => {
    const defaults = Object.entries(action.inputs).filter(([, input]) => input.default !== undefined);
    expect(Object.fromEntries(defaults.map(([name, input]) => [name, input.default]))).toEqual({
      action: inputTable.action.default,
      kubeconfig: inputTable.kubeconfig.default,
      approval: inputTable.approval.default,
      timeout: inputTable.timeout.default,
      token: '${{ github.token }}',
    });
  });

  it('starts a rolling deploy with its defaults', () => {
    const filled = { action: 'deploy', kubeconfig: 'auto', approval: 'none', timeout: '10m', token: 'ghs_token' };
    expect(read({ ...filled, manifests: 'k8s' })).toEqual(read({ manifests: 'k8s' }));
  });

  it.each(inputNames)('has the default of %s from the table', name => {
    const input = action.inputs[name]!;
    const described = /Default:\s+`([^`]+)`\./.exec(input.description)?.[1];
    expect(described === undefined || input.default === undefined).toBe(true);
    expect(described ?? input.default).toBe(name === 'token' ? '${{ github.token }}' : definitionOf(name).default);
  });

  it('has the default of every input whose empty value is refused', () => {
    const refusing = inputNames.filter(name => definitionOf(name).refuseEmpty === true);
    expect(refusing).toEqual(['kubeconfig', 'approval', 'token']);
    // The runner fills in the token itself: the action never reads the text of that default.
    for (const name of refusing)
      expect(action.inputs[name]!.default).toBe(name === 'token' ? '${{ github.token }}' : definitionOf(name).default);
  });

  it.each(inputNames)('describes %s in at most 40 words, with a link to docs/inputs.md', name => {
    const [, prose = '', link] = /^([^]*?)\s+See\s+(\S+)\.$/.exec(action.inputs[name]!.description.trim()) ?? [];
    expect(link).toBe(`docs/inputs.md#${name}`);
    expect(prose.split(/\s+/).length).toBeLessThanOrEqual(40);
  });

  it.each(Object.entries(wrong))('declares %s, and it is read', (name, value) => {
    const lines = problems({ manifests: 'k8s', [name]: value });
    expect(lines.some(line => line.startsWith(`${name}: `))).toBe(true);
  });

  it('declares manifests and kubeconfig, and they are read', () => {
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

describe('docs/inputs.md', () => {
  const sections = page.split(/^## /m).slice(1);
  const sectionOf = (name: string): string => sections.find(section => section.startsWith(`${name}\n`)) ?? '';

  it('has a section for every input, in the same order, and no other', () => {
    expect(sections.map(section => section.slice(0, section.indexOf('\n')))).toEqual(inputNames);
  });

  it.each(inputNames)('has the default of %s, the actions that take it, and details', name => {
    const { actions, default: fallback = action.inputs[name]!.default } = definitionOf(name);
    const [, line = '', ...details] = sectionOf(name).split(/\n+/);
    expect(/^Default: `([^`]+)`\. /.exec(line)?.[1]).toBe(fallback);
    expect(line.startsWith('No default. ')).toBe(fallback === undefined);
    const [, list = ''] = /Actions: (.*)\.$/.exec(line) ?? [];
    const strategies = [...list.matchAll(/`strategy: ([-a-z]+)`/g)].map(([, name = '']) => name);
    const deploys = strategies.length === 0 ? [...strategyNames] : strategies;
    const documented = [...list.matchAll(/`([a-z]+)`/g)].flatMap(([, word = '']) =>
      word === 'deploy' ? deploys : word,
    );
    expect(new Set(documented.filter(word => word !== 'plan'))).toEqual(new Set(actions));
    expect(documented.includes('plan')).toBe(actions.some(each => deploys.includes(each)));
    expect(details.join('').length).toBeGreaterThan(40);
  });

  const examples = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, code = '']) => load(code) as object);
  const inputsOf = (example: object): Record<string, string> =>
    Object.fromEntries(
      Object.entries(example).map(([name, value]) => [
        name,
        String(value)
          .replace(/\$\{\{[^}]*\}\}/g, '7')
          .replaceAll('…', 'a'.repeat(64)),
      ]),
    );

  it.each(examples.map(inputsOf))('has an example that is accepted: %j', example => {
    const [name = ''] = Object.keys(example);
    const takesDeploy = definitionOf(name as InputName).actions.includes('rolling');
    const base: Record<string, string> = takesDeploy
      ? { manifests: 'k8s', variables: 'VERSION=8', token: 'ghs_token' }
      : { action: 'promote', token: 'ghs_token' };
    expect(() => read({ ...base, ...example })).not.toThrow();
  });
});
