import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { read } from '../support/step-inputs.js';

const page = readFileSync('docs/from-jenkins.md', 'utf8');

/** The last column of the tables: a file of `__tests__/`, and the title of a test in it. */
const proofs = page
  .split('\n')
  .filter(line => line.startsWith('| '))
  .flatMap(line => (line.split('|').at(-2) ?? '').split('<br>'))
  .flatMap(text => {
    const [, file, title] = /^\s*`(\S+)`: (.*?)\s*$/.exec(text) ?? [];
    return file === undefined || title === undefined ? [] : [[file, title] as const];
  });

/** Whether a test has this title: literally, or as a template with texts of the file. */
function isTitle(source: string, title: string): boolean {
  if (source.includes(`'${title}'`) || source.includes(`"${title}"`)) return true;
  const templates = [...source.matchAll(/`([^`\n]*\$\{what\}[^`\n]*)`/g)].map(([, template]) => template ?? '');
  return templates.some(template => {
    const [before = '', after = ''] = template.split('${what}');
    const what = title.slice(before.length, title.length - after.length);
    return title === before + what + after && source.includes(`'${what}'`);
  });
}

describe('docs/from-jenkins.md', () => {
  it('shows a step with inputs that the action accepts', () => {
    const [, code = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
    const [step] = load(code) as readonly { readonly with: Readonly<Record<string, string>> }[];
    expect(read(step?.with ?? {})).toMatchObject({
      action: 'deploy',
      strategy: 'blue-green',
      manifests: ['k8s/*.yml'],
    });
  });

  it('has a proof in most rows', () => {
    expect(proofs.length).toBeGreaterThan(40);
  });

  it.each(proofs)('names a test that exists: %s: %s', (file, title) => {
    expect(isTitle(readFileSync(`__tests__/${file}.test.ts`, 'utf8'), title)).toBe(true);
  });

  it.each(['rolling', 'refusals'])('would fail for a title that is not in %s', file => {
    const source = readFileSync(`__tests__/scenarios/${file}.test.ts`, 'utf8');
    expect(isTitle(source, 'a title of no test at all')).toBe(false);
  });
});
