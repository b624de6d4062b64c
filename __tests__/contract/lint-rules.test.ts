import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silenceAnnotation } from '../../src/plan/lint/finding.js';
import { lintResources } from '../../src/plan/lint/lint.js';
import { findingCodes } from '../../src/plan/lint/rules.js';
import { rollingContext, stagingContext } from '../support/lint-contexts.js';

const page = readFileSync('docs/findings.md', 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section] as const),
);

describe('docs/findings.md', () => {
  it('has a section for every finding, in the order of the rules, and no other', () => {
    const headings = [...sections.keys()].filter(heading => heading.startsWith('`'));
    expect(headings).toEqual(findingCodes.map(code => `\`${code}\``));
  });

  it.each(findingCodes)('explains for %s why requests are lost, the remedy, and how to silence it', code => {
    const section = sections.get(`\`${code}\``) ?? '';
    expect(section).toMatch(/^\*\*Why requests are lost:\*\* \S/m);
    expect(section).toMatch(/^\*\*Remedy:\*\* \S/m);
    expect(section).toContain(`**Silence:** \`${silenceAnnotation(code)}\` on the `);
  });
});

describe('Manifests that users copy', () => {
  const textOf = (folder: string): string =>
    readdirSync(folder)
      .map(name => readFileSync(join(folder, name), 'utf8'))
      .join('\n---\n');

  it.each([
    ['examples/rolling-website/k8s', rollingContext],
    ['examples/tomcat-blue-green/k8s', stagingContext],
    ['examples/plain-blue-green/k8s', stagingContext],
    ['examples/several-services/k8s', stagingContext],
  ])('%s have no finding', (folder, contextOf) => {
    const variables = { TOMCAT_VERSION: '9.0.98' };
    expect(lintResources(contextOf(textOf(folder), { variables, preStopSeconds: 5 })).findings).toEqual([]);
  });

  it('of README.md have no finding either', () => {
    const blocks = Array.from(
      readFileSync('README.md', 'utf8').matchAll(/^```yaml\n([^]*?)^```$/gm),
      ([, yaml = '']) => yaml,
    );
    const manifests = blocks.filter(yaml => yaml.includes('kind: Deployment'));
    expect(manifests).toHaveLength(1);
    const variables = { VERSION: '1.4.2' };
    expect(lintResources(stagingContext(manifests.join('---\n'), { variables, preStopSeconds: 5 })).findings).toEqual(
      [],
    );
  });
});

describe('The lint rule for look-ups by names from outside', () => {
  /** The code as that of a file of `src/`, on which the rule is tested: the compiler must know its types. */
  function findings(code: string): readonly string[] {
    const options = ['--stdin', '--stdin-filename', 'src/own.ts', '--format', 'json'];
    const { stdout } = spawnSync('node_modules/.bin/eslint', options, { input: code, encoding: 'utf8' });
    const [file] = JSON.parse(stdout) as readonly { readonly messages: readonly { ruleId: string; line: number }[] }[];
    return file!.messages.filter(({ ruleId }) => ruleId === 'names/own-properties').map(({ line }) => `line ${line}`);
  }

  it('refuses those that find inherited members, and no others', () => {
    const code = `export function refused(texts: Record<string, string>, foreign: Record<string, unknown>, name: string): unknown[] {
  const first = texts[name];
  const second = foreign[name.toLowerCase()];
  return [first, second, name in foreign];
}
export function accepted(texts: Record<string, string>, list: readonly string[], name: 'a' | 'b'): unknown[] {
  const asked = Object.keys(texts).map(key => (Object.hasOwn(texts, key) ? texts[key] : undefined));
  return [asked, list[0], list[list.length - 1], texts['a'], texts[name], new Map(Object.entries(texts)).get('a')];
}
`;
    expect(findings(code)).toEqual(['line 2', 'line 3', 'line 4']);
  }, 120_000);
});
