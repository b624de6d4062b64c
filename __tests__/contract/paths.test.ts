import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs')
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];
const folders = ['src', '__tests__', 'scripts', 'eslint', 'docs', 'sandbox', 'demo', 'bench', 'e2e', 'examples'];
const path = new RegExp(`^(${folders.join('|')})/\\S*$`);

const inlineCode = (text: string): readonly string[] =>
  [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
const codeBlocks = (text: string): readonly string[] =>
  [...text.matchAll(/^```.*\n([^]*?)^```$/gm)].map(([, block = '']) => block);

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '');
}

/** The paths of this repository that a page names, in backticks or in a block of code; without placeholders. */
function pathsIn(text: string): readonly string[] {
  const named = [...inlineCode(text), ...codeBlocks(text)].flatMap(code => code.split(/\s+/));
  return [...new Set(named.filter(word => path.test(word) && !/[<*{$]/.test(word)))];
}

/** The targets of a page's links to files and headings of this repository. */
function linksIn(text: string): readonly string[] {
  const prose = withoutBlocks(text).replaceAll(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return [...new Set(targets.filter(target => !/^[a-z]+:/.test(target)))];
}

/** The anchors of a page's headings, as GitHub creates them. */
function anchorsIn(text: string): readonly string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Whether the target of a page's link exists: the file or folder and, if it names one, the heading. */
function resolves(page: string, target: string): boolean {
  const [relative = '', anchor] = target.split('#');
  const file = relative === '' ? page : join(dirname(page), relative);
  if (!existsSync(file)) return false;
  return anchor === undefined || anchorsIn(readFileSync(file, 'utf8')).includes(anchor);
}

describe.each(pages)('%s', page => {
  const text = readFileSync(page, 'utf8');

  it('names only files and folders that exist', () => {
    expect(pathsIn(text).filter(named => !existsSync(named))).toEqual([]);
  });

  it('has only links to files, folders and headings that exist', () => {
    expect(linksIn(text).filter(target => !resolves(page, target))).toEqual([]);
  });
});

describe('The pages together', () => {
  it('name paths and have links', () => {
    const texts = pages.map(page => readFileSync(page, 'utf8'));
    expect(texts.flatMap(pathsIn).length).toBeGreaterThan(50);
    expect(texts.flatMap(linksIn).length).toBeGreaterThan(50);
  });

  it.each(['missing.md', '../src/missing.ts', '#no-such-heading', 'inputs.md#no-such-input'])(
    'would be refused with a link to %s',
    target => {
      expect(resolves('docs/strategies.md', target)).toBe(false);
    },
  );
});
