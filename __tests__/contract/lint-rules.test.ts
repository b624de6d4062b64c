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
