import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadManifests } from '../../../src/manifests/files/load.js';
import { findManifests } from '../../../src/manifests/files/find.js';
import { expandBraces, globBase, globMatcher } from '../../../src/manifests/files/glob.js';
import { readManifests, renderManifests } from '../../../src/manifests/render.js';
import { problemsOf, rejectionOf, request } from '../../support/rendering.js';

let root = '';
let workspace = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'manifests-'));
  workspace = join(root, 'work [1]');
  const files = [
    'k8s/b.yml',
    'k8s/a.yaml',
    'k8s/c.json',
    'k8s/readme.md',
    'k8s/.hidden.yml',
    'k8s/deep/er/d.yml',
    'k8s/deep/z.yml',
    'k8s/.git/x.yml',
    'k8s/node_modules/x.yml',
    'k8s/web.tpl',
    'odd[1].yml',
    'top.yml',
    'kustom/kustomization.yaml',
    'kustom/app.yml',
    'nested/one/kustomization.yml',
    'nested/one/app.yml',
    'nested/two.yml',
    'tree/base/kustomization.yaml',
    'tree/base/app.yml',
    'tree/prod/Kustomization',
    'tree/prod/patch.yml',
    'outer/kustomization.yaml',
    'outer/app.yml',
    'outer/base/kustomization.yaml',
    'outer/base/app.yml',
    'empty/readme.md',
    '../outside/out.yml',
  ];
  for (const file of files) {
    mkdirSync(dirname(join(workspace, file)), { recursive: true });
    writeFileSync(join(workspace, file), `# ${file}\n`);
  }
  writeFileSync(join(workspace, 'mark.yml'), '\uFEFF# marked\n');
  writeFileSync(join(workspace, 'latin.yml'), Buffer.from([0x61, 0xe9, 0x0a]));
  symlinkSync(join(workspace, 'top.yml'), join(workspace, 'k8s', 'link.yml'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const find = (...patterns: string[]): string[] => {
  const { sources, problems } = findManifests({ patterns, workspace });
  expect(problems).toEqual([]);
  return sources.map(({ name, kind }) => (kind === 'file' ? name : `${name}/*`));
};

const refused = (...patterns: string[]): string[] =>
  findManifests({ patterns, workspace }).problems.map(({ message }) => message);

describe('finding manifests', () => {
  it.each([
    [['top.yml'], ['top.yml']],
    [['./top.yml'], ['top.yml']],
    [['k8s/web.tpl'], ['k8s/web.tpl']],
    [['k8s'], ['k8s/a.yaml', 'k8s/b.yml', 'k8s/c.json', 'k8s/deep/er/d.yml', 'k8s/deep/z.yml', 'k8s/link.yml']],
    [['k8s/deep/'], ['k8s/deep/er/d.yml', 'k8s/deep/z.yml']],
    [['k8s/*'], ['k8s/a.yaml', 'k8s/b.yml', 'k8s/c.json', 'k8s/link.yml']],
    [['k8s/*.yml'], ['k8s/b.yml', 'k8s/link.yml']],
    [['./k8s/*.tpl'], ['k8s/web.tpl']],
    [['k8s/?.y*ml'], ['k8s/a.yaml', 'k8s/b.yml']],
    [['k8s/{b,a}.{yml,yaml}'], ['k8s/a.yaml', 'k8s/b.yml']],
    [['k8s/[ab].y*'], ['k8s/a.yaml', 'k8s/b.yml']],
    [['k8s/[!a].yml'], ['k8s/b.yml']],
    [['k8s/**/*.yml'], ['k8s/b.yml', 'k8s/deep/er/d.yml', 'k8s/deep/z.yml', 'k8s/link.yml']],
    [['**/z.yml'], ['k8s/deep/z.yml']],
    [['k8s/*/z.yml'], ['k8s/deep/z.yml']],
    [['k8s/deep/**'], ['k8s/deep/er/d.yml', 'k8s/deep/z.yml']],
    [['odd[1].yml'], ['odd[1].yml']],
    [
      ['k8s/b.yml', 'k8s/*.{yml,yaml}'],
      ['k8s/b.yml', 'k8s/a.yaml', 'k8s/link.yml'],
    ],
    [['top.yml', 'k8s/link.yml', './top.yml'], ['top.yml']],
  ])('%j gives %j', (patterns, files) => {
    expect(find(...patterns)).toEqual(files);
  });

  it('accepts absolute paths and paths outside the workspace, and reports them as absolute paths', () => {
    const outside = join(root, 'outside', 'out.yml');
    expect(find(join(workspace, 'top.yml'), join(root, 'outside'))).toEqual(['top.yml', outside]);
    expect(find(join(root, 'outside', '*.yml'))).toEqual([outside]);
    expect(find('../outside/*.yml')).toEqual([outside]);
  });

  it('returns the text, without a byte order mark', async () => {
    expect(await loadManifests({ patterns: ['top.yml', 'mark.yml'], workspace, environment: {} })).toEqual([
      { file: 'top.yml', text: '# top.yml\n' },
      { file: 'mark.yml', text: '# marked\n' },
    ]);
  });

  it.each([
    ['little', [0xff, 0xfe], (bytes: Buffer) => bytes],
    ['big', [0xfe, 0xff], (bytes: Buffer) => bytes.swap16()],
  ])('reads UTF-16 with a byte order mark, %s endian', async (name, mark, order) => {
    const content = Buffer.concat([Buffer.from(mark), order(Buffer.from('# ü\n', 'utf16le'))]);
    writeFileSync(join(workspace, `${name}.yml`), content);
    expect(await loadManifests({ patterns: [`${name}.yml`], workspace, environment: {} })).toEqual([
      { file: `${name}.yml`, text: '# ü\n' },
    ]);
  });

  it('reports every pattern that matches nothing, and every file that cannot be read', async () => {
    const patterns = ['top.yml', 'nope.yml', 'k8s/*.txt', 'empty', 'nowhere/**/*.yml', 'latin.yml'];
    const error = await rejectionOf(loadManifests({ patterns, workspace, environment: {} }));
    expect(error.problems.map(({ message }) => message)).toEqual([
      '`nope.yml` in the input `manifests` matches no file.',
      '`k8s/*.txt` in the input `manifests` matches no file.',
      '`empty` in the input `manifests` matches no file.',
      '`nowhere/**/*.yml` in the input `manifests` matches no file.',
      'latin.yml cannot be read: it is neither UTF-8 text nor UTF-16 with a byte order mark. Save it as UTF-8.',
    ]);
    expect(error).toMatchObject({ code: 'manifest', message: 'The manifests have 5 problems.' });
  });

  it.each([
    ['new\nline.yml', '"odd/new\\nline.yml"'],
    ['ret\rurn.yml', '"odd/ret\\rurn.yml"'],
    ['tab\t.yml', '"odd/tab\\t.yml"'],
    ['esc\u001B[31m.yml', '"odd/esc\\u001b[31m.yml"'],
    ['c1\u009B31m.yml', '"odd/c1\\u009b31m.yml"'],
    ['separated\u2028.yml', '"odd/separated\\u2028.yml"'],
    ['reversed\u202Elmy.yml', '"odd/reversed\\u202elmy.yml"'],
  ])('rejects the file name %j', async (name, shown) => {
    const folder = mkdtempSync(join(root, 'names-'));
    mkdirSync(join(folder, 'odd'));
    writeFileSync(join(folder, 'odd', name), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
    const error = await rejectionOf(loadManifests({ patterns: ['odd'], workspace: folder, environment: {} }));
    expect(error).toMatchObject({
      code: 'manifest',
      message: `${shown} cannot be read: there is a control character in its name. Rename it, or exclude it.`,
    });
  });

  it('rejects a URL, with the remedy', () => {
    expect(refused('https://example.com/app.yml')).toEqual([
      '`https://example.com/app.yml` in the input `manifests` is a URL: download it in an earlier step and specify the file.',
    ]);
  });

  it('rejects braces that stand for too many patterns', () => {
    expect(refused(`${'{a,b}'.repeat(22)}.yml`, 'top.yml', `!${'{a,b}'.repeat(22)}`)).toEqual(
      ['', '!'].map(() => expect.stringContaining('stand for more than 100 patterns')),
    );
  });

  it('reads no file outside of the workspace through a symbolic link, but one that is named', () => {
    const folder = mkdtempSync(join(root, 'links-'));
    const outside = join(root, 'outside', 'out.yml');
    mkdirSync(join(folder, 'k8s'));
    writeFileSync(join(folder, 'k8s', 'a.yml'), '# a\n');
    symlinkSync(outside, join(folder, 'k8s', 'b.yml'));
    symlinkSync(dirname(outside), join(folder, 'more'));
    symlinkSync(folder, join(root, 'workspace-link'));
    for (const here of [folder, join(root, 'workspace-link')]) {
      const found = (...patterns: string[]): unknown[] => {
        const { sources, problems } = findManifests({ patterns, workspace: here });
        return [...sources.map(({ name }) => name), ...problems.map(({ message }) => message)];
      };
      const told = (name: string): unknown => expect.stringContaining(`${name} is a symbolic link to a file outside`);
      for (const pattern of ['k8s', 'k8s/*', '**/*.yml'])
        expect(found(pattern)).toEqual(['k8s/a.yml', told('k8s/b.yml')]);
      for (const pattern of ['k8s/b.yml', 'more', 'more/*'])
        expect(found('k8s/a.yml', pattern)).toEqual([
          'k8s/a.yml',
          told(pattern === 'k8s/b.yml' ? pattern : 'more/out.yml'),
        ]);
      expect(found(outside)).toEqual([outside]);
      // The remedy that the error names.
      expect(found('k8s', '!k8s/b.yml')).toEqual(['k8s/a.yml']);
    }
  });

  it.each([
    [['none.yml'], expect.stringContaining('is the repository checked out?')],
    [['top.yml', 'none.yml'], undefined],
  ])('%j asks for the checkout only where no file is found', async (patterns, hint) => {
    const error = await rejectionOf(loadManifests({ patterns, workspace, environment: {} }));
    expect(error.hint).toEqual(hint);
  });

  it('rejects files without an object, and names them', async () => {
    const manifests = await readManifests({ patterns: ['top.yml', 'k8s/b.yml'], workspace, environment: {} });
    expect(problemsOf(() => renderManifests({ ...request(''), manifests }))).toEqual([
      'The manifests contain no object: top.yml, k8s/b.yml.',
    ]);
  });
});

describe('exclusions', () => {
  it.each([
    [
      ['k8s', '!k8s/b.yml'],
      ['k8s/a.yaml', 'k8s/c.json', 'k8s/deep/er/d.yml', 'k8s/deep/z.yml', 'k8s/link.yml'],
    ],
    [
      ['k8s', '!k8s/deep', '!k8s/link.yml'],
      ['k8s/a.yaml', 'k8s/b.yml', 'k8s/c.json'],
    ],
    [
      ['k8s', '!./k8s/deep/'],
      ['k8s/a.yaml', 'k8s/b.yml', 'k8s/c.json', 'k8s/link.yml'],
    ],
    [
      ['k8s', '!k8s/**/*.yml'],
      ['k8s/a.yaml', 'k8s/c.json'],
    ],
    [
      ['k8s', '! k8s/*.{yml,json}'],
      ['k8s/a.yaml', 'k8s/deep/er/d.yml', 'k8s/deep/z.yml'],
    ],
    [['k8s', '!k8s/de*', '!**/[abc].*'], ['k8s/link.yml']],
    [
      ['k8s/*.yml', '!k8s/*', 'k8s/b.yml', 'top.yml'],
      ['k8s/b.yml', 'top.yml'],
    ],
    [
      ['k8s/*.yml', '!k8s/b.yml', 'k8s/[ab].y*'],
      ['k8s/link.yml', 'k8s/a.yaml', 'k8s/b.yml'],
    ],
    [['k8s/deep', '!k8s/deep', 'k8s/deep/z.yml'], ['k8s/deep/z.yml']],
    [['odd[1].yml', 'top.yml', '!odd[1].yml'], ['top.yml']],
    [['nested', 'tree', '!tree/base', '!nested'], ['tree/prod/*']],
  ])('%j leave %j', (patterns, files) => {
    expect(find(...patterns)).toEqual(files);
  });

  it('exclude files by absolute paths and paths outside the workspace', () => {
    const outside = join(root, 'outside');
    expect(find('top.yml', outside, `!${outside}`)).toEqual(['top.yml']);
    expect(find('top.yml', outside, `!${outside}/*.yml`)).toEqual(['top.yml']);
    expect(find('top.yml', outside, '!../outside/*.yml')).toEqual(['top.yml']);
  });

  it.each([
    [['k8s', '!k8s/nope.yml'], '!k8s/nope.yml'],
    [['!k8s/b.yml', 'k8s'], '!k8s/b.yml'],
    [['k8s', '!b.yml'], '!b.yml'],
    [['k8s', '!k8s/readme.md'], '!k8s/readme.md'],
    [['kustom', '!kustom/app.yml'], '!kustom/app.yml'],
    [['k8s', '!top.yml'], '!top.yml'],
  ])('%j is an error, because %s excludes nothing', (patterns, exclusion) => {
    expect(refused(...patterns)).toEqual([
      `\`${exclusion}\` in the input \`manifests\` excludes nothing that the patterns before it match.`,
    ]);
  });

  it('that exclude everything are an error', () => {
    expect(refused('k8s', '!k8s/**')).toEqual(['The exclusions in the input `manifests` exclude every file.']);
  });
});

describe('folders with a kustomization', () => {
  it.each([
    [['kustom'], ['kustom/*']],
    [['kustom/'], ['kustom/*']],
    [['kustom/kustomization.yaml'], ['kustom/*']],
    [['kustom/*.yaml'], ['kustom/*']],
    [['kustom/**'], ['kustom/*']],
    [['kustom/app.yml'], ['kustom/app.yml']],
    [['nested'], ['nested/one/*', 'nested/two.yml']],
    [['tree/prod'], ['tree/prod/*']],
    [
      ['tree/prod', 'tree/prod/Kustomization', 'tree/base'],
      ['tree/prod/*', 'tree/base/*'],
    ],
    [['outer'], ['outer/*']],
    [
      ['outer', 'top.yml'],
      ['outer/*', 'top.yml'],
    ],
  ])('%j gives %j', (patterns, files) => {
    expect(find(...patterns)).toEqual(files);
  });

  it.each(['tree', 'tree/**/*', 'tree/**'])('%s contains several, so that one must be specified', pattern => {
    expect(refused(pattern)).toEqual([
      `\`${pattern}\` in the input \`manifests\` contains several kustomizations: tree/base, tree/prod. Specify the one to deploy.`,
    ]);
  });

  it('of a Helm chart are not read: one problem says how to render it', () => {
    mkdirSync(join(workspace, 'my chart', 'charts', 'db'), { recursive: true });
    for (const name of ['Chart.yaml', 'values.yaml', 'charts/db/Chart.yaml'])
      writeFileSync(join(workspace, 'my chart', name), 'name: web\n');
    try {
      expect(refused('my chart')).toEqual([
        "`my chart` in the input `manifests` contains a Helm chart: my chart. Render it in an earlier step, such as `helm template 'my chart' > rendered.yaml`, and specify that file.",
      ]);
    } finally {
      rmSync(join(workspace, 'my chart'), { recursive: true });
    }
  });

  it('may be the workspace itself', () => {
    const folder = join(workspace, 'outer');
    expect(findManifests({ patterns: ['.'], workspace: folder }).sources).toEqual([
      { path: join(folder, 'kustomization.yaml'), name: '.', kind: 'kustomization' },
    ]);
  });
});

describe('globs', () => {
  it.each([
    ['a/*.yml', 'a/b.yml', true],
    ['a/*.yml', 'a/b/c.yml', false],
    ['a/*.yml', 'a/.b.yml', false],
    ['a/.*.yml', 'a/.b.yml', true],
    ['a/**/c.yml', 'a/c.yml', true],
    ['a/**/c.yml', 'a/b/b/c.yml', true],
    ['a/**/c.yml', 'a/.b/c.yml', false],
    ['**', 'a/b', true],
    ['a.b', 'aXb', false],
    ['a+(b)|c^$', 'a+(b)|c^$', true],
    ['{a,b/{c,d}}/x', 'b/d/x', true],
    ['{a,b}/x', 'c/x', false],
    ['a[', 'a[', true],
    ['[a-c]', 'b', true],
    ['[!a-c]', 'b', false],
    ['a**b', 'axxb', true],
    ['**/[.x]h/**/c', 'xh/.h/c', true],
    ['a/**', 'a', false],
    ['a/**/*', 'a/b', true],
    ['?', '\u{1F600}', true],
    ['[z-a]', 'b', false],
  ])('%s on %s: %s', (pattern, path, result) => {
    expect(globMatcher(pattern)(path)).toBe(result);
  });

  it.each([
    ['stars', `${'*a'.repeat(100)}*b`, 'a'.repeat(255)],
    ['double stars', `${'**/a/'.repeat(30)}b`, 'a/'.repeat(300)],
    ['braces', '{a,b}'.repeat(100), 'a'.repeat(255)],
    ['equal choices', '{a,}'.repeat(30), 'b'],
    ['many choices', `{${'a,'.repeat(10_000)}}`.repeat(3), 'b'],
  ])('with many %s take no time', (_what, pattern, path) => {
    expect(globMatcher(pattern)(path)).toBe(false);
    expect(expandBraces(pattern).length).toBeLessThanOrEqual(101);
  });

  it.each([
    ['a/b/*.yml', 'a/b'],
    ['*.yml', ''],
    ['/x/**/y', '/x'],
    ['{a,b}/c', ''],
  ])('the base of %s is %j', (pattern, base) => {
    expect(globBase(pattern)).toBe(base);
  });

  it('expand braces, nested ones too', () => {
    expect(expandBraces('{a,b{1,2}}.yml')).toEqual(['a.yml', 'b1.yml', 'b2.yml']);
    expect(expandBraces('plain')).toEqual(['plain']);
  });
});
