import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { read } from '../support/step-inputs.js';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

type Tree = { readonly [key: string]: Tree } | readonly Tree[] | string | number | boolean | null;

/** Every step of this action in a workflow. */
function* stepsIn(tree: Tree): Generator<Readonly<Record<string, string>>> {
  if (typeof tree !== 'object' || tree === null) return;
  const { uses, with: inputs } = tree as { readonly uses?: string; readonly with?: Readonly<Record<string, string>> };
  if (uses?.startsWith('OWNER/cutover@') === true) yield inputs ?? {};
  for (const child of Object.values(tree)) yield* stepsIn(child);
}

/** As the runner replaces expressions: with a value that is not empty. */
const evaluated = (inputs: Readonly<Record<string, string | number | boolean>>): Record<string, string> => ({
  token: 'ghs_token',
  ...Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, String(value).replace(/\$\{\{[^}]*\}\}/g, '7')]),
  ),
});

const blocks = [...readme.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, code]) => code ?? '');
const steps = blocks.filter(code => code.includes('OWNER/cutover@')).flatMap(code => [...stepsIn(load(code) as Tree)]);

describe('the workflows in README.md', () => {
  it('show a rolling deploy, a stage, a promote and a rollback', () => {
    expect(steps.map(({ action = 'deploy', strategy }) => [action, strategy])).toEqual([
      ['deploy', undefined],
      ['deploy', 'blue-green'],
      ['promote', undefined],
      ['rollback', undefined],
    ]);
  });

  it.each(steps)('give a step inputs that it accepts: %j', inputs => {
    expect(read(evaluated(inputs)).action).toBe(inputs['action'] ?? 'deploy');
  });
});

describe('our own workflows', () => {
  const folder = join(root, '.github', 'workflows');
  const files = readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')] as const);

  it.each(files)('%s pins every action by its commit', (_, text) => {
    const used = [...text.matchAll(/uses: *(\S+)/g)].map(([, name]) => name ?? '');
    expect(used.filter(name => !name.startsWith('./') && !/@[0-9a-f]{40}$/.test(name))).toEqual([]);
  });

  it.each(files)('%s gives its token no permission unless a job requests it', (_, text) => {
    expect((load(text) as { readonly permissions?: unknown }).permissions).toEqual({});
  });
});
