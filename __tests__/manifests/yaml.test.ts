import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dump } from 'js-yaml';
import { construct, readDocuments } from '../../src/manifests/yaml.js';
import { problemsOf, render } from './rendering.js';

const valueOf = (text: string): unknown => {
  const { documents } = readDocuments([{ file: 'app.yml', text }]);
  return construct(documents[0]!.events, text);
};

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const namesIn = (text: string): string[] => render(text).resources.map(({ object }) => object.metadata.name);

describe('YAML as Kubernetes reads it', () => {
  it.each([
    ['0644', 420],
    ['-0644', -420],
    ['0o644', 420],
    ['0888', 888],
    ['08', 8],
    ['0', 0],
    ['0x1F', 31],
    ['12', 12],
    ['1.10', 1.1],
    ['1e3', 1000],
    ['yes', 'yes'],
    ['on', 'on'],
    ['true', true],
    ['~', null],
    ['2018-04-30', '2018-04-30'],
    ['22:22', '22:22'],
    ['1_000', '1_000'],
    ['!!str 0644', '0644'],
    ['"0644"', '0644'],
  ])('%s is read as %j', (text, value) => {
    expect(valueOf(`value: ${text}`)).toEqual({ value });
  });

  it('merges keys with <<, the written ones winning', () => {
    expect(valueOf('base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n')).toEqual({
      base: { a: 1, b: 2 },
      mine: { a: 1, b: 3 },
    });
  });

  it('keeps __proto__ as the key that it is', () => {
    const value = valueOf('__proto__: {polluted: yes}\n');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect({}).not.toHaveProperty('polluted');
  });

  it('gives back whatever was dumped, also on Windows lines', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), value => {
        const text = dump(value);
        const windows = text.replaceAll('\n', '\r\n');
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(JSON.stringify(valueOf(text)))).toEqual(plain);
        expect(JSON.parse(JSON.stringify(valueOf(windows)))).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });
});

describe('documents', () => {
  it('come in order, several a file, empty and comment-only ones left out', () => {
    const text = `---\n# nothing yet\n---\n${configMap('a')}---\n---\nnull\n...\n---\n${configMap('b')}---\n# the end\n`;
    expect(namesIn(text)).toEqual(['a', 'b']);
  });

  it('may be JSON, tabs and Windows line ends included', () => {
    expect(
      namesIn('{\r\n\t"apiVersion": "v1",\r\n\t"kind": "ConfigMap",\r\n\t"metadata": {"name": "a"}\r\n}\r\n'),
    ).toEqual(['a']);
  });

  it('may start with a byte order mark', () => {
    expect(namesIn(`\uFEFF${configMap('a')}`)).toEqual(['a']);
  });

  it('lists are flattened, nested and typed ones too, and items know their own line', () => {
    const item = (name: string): string => `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}}`;
    const text = [
      'apiVersion: v1',
      'kind: List',
      'items:',
      `- ${item('a')}`,
      '- apiVersion: v1',
      '  kind: ConfigMapList',
      '  items:',
      `  - ${item('b')}`,
      `- ${item('c')}`,
    ].join('\n');
    const { resources } = render(text);
    expect(resources.map(({ object, at }) => [object.metadata.name, at.line])).toEqual([
      ['a', 4],
      ['b', 8],
      ['c', 9],
    ]);
    expect(resources[1]!.place(['metadata', 'name'])).toEqual({ file: 'app.yml', line: 8, column: 50 });
  });
});

describe('errors of manifests', () => {
  it('are listed together, over all files, each with its place', () => {
    const files = {
      'a.yml': `${configMap('a')}data:\n  one: x\n  one: y\n---\nkind: ConfigMap\nmetadata: {}\n`,
      'b.yml': 'apiVersion: v1\n kind: ConfigMap\n',
      'c.yml': `${configMap('a')}---\n- just\n- a list\n`,
    };
    expect(problemsOf(() => render(files))).toEqual([
      'b.yml:2:6 Not valid YAML: bad indentation of a mapping entry.',
      'a.yml:6:3 Not valid YAML: duplicated mapping key.',
      'a.yml:8:1 apiVersion is missing.',
      'a.yml:9:1 metadata.name is missing.',
      'c.yml:5:1 This document is not a Kubernetes object: it has no fields.',
    ]);
  });

  it('name both places of an object that is there twice, whatever version it is written in', () => {
    const files = {
      'a.yml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n',
      'b.yml': '# again\napiVersion: apps/v1beta2\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {}}\n',
    };
    expect(problemsOf(() => render(files))).toEqual(['b.yml:2:1 Deployment shop/web is already defined at a.yml:1:1.']);
  });

  it.each([
    ['apiVersion: v1\nkind: ConfigMap\n', 'app.yml:1:1 metadata.name is missing.'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 8}\n', 'app.yml:3:12 metadata.name is not text: quote it.'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ""}\n', 'app.yml:3:12 metadata.name is missing.'],
    [
      'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n',
      'app.yml:3:12 metadata.name is missing, and generateName cannot stand in: it would make a new object every run.',
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: 7}\n',
      'app.yml:3:21 metadata.namespace is not text.',
    ],
    ['just text\n', 'app.yml:1:1 This document is not a Kubernetes object: it has no fields.'],
    ['a: *nowhere\n', 'app.yml:1:5 Not valid YAML: unidentified alias "nowhere".'],
    ['a: !!python/object x\n', 'app.yml:1:4 Not valid YAML: unknown scalar tag !<tag:yaml.org,2002:python/object>.'],
    ['a: &a\n  b: *a\n', 'app.yml:1:1 Aliases make this document endless or far too big.'],
    [
      '{name: web-${ROLE}}\n',
      'app.yml:1:13 Not valid YAML: missed comma between flow collection entries. Inside { } and [ ], put text with ${…} in quotes, or write $<NAME>.',
    ],
    ['# nothing\n', 'The manifests hold no object: app.yml.'],
    [
      `${configMap('a')}id: 12345678901234567890\n`,
      'app.yml:4:5 This number is too big to be kept exactly; put it in quotes if it is text.',
    ],
    [`${configMap('a')}limit: .inf\n`, 'app.yml:4:8 .inf is not a number that Kubernetes can store.'],
  ])('%j is refused', (text, problem) => {
    expect(problemsOf(() => render(text))).toEqual([problem]);
  });

  it('stop aliases that would fill the memory', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level += 1) {
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    }
    expect(problemsOf(() => render(lines.join('\n')))).toEqual([
      'app.yml:1:1 Aliases make this document endless or far too big.',
    ]);
  });
});

describe('places', () => {
  const text = [
    '# a comment',
    'apiVersion: apps/v1',
    'kind: Deployment',
    'metadata:',
    '  name: "web"',
    'spec:',
    '  selector: &labels {matchLabels: {app: web}}',
    '  template:',
    '    spec:',
    '      containers:',
    '        - name: app',
    '          image: site:v1',
    '          command:',
    '            - |',
    '              echo',
    '            - "x"',
  ].join('\n');

  it.each([
    [[], 2, 1],
    [['metadata', 'name'], 5, 3],
    [['spec', 'selector', 'matchLabels', 'app'], 7, 36],
    [['spec', 'template', 'spec', 'containers', 0], 11, 11],
    [['spec', 'template', 'spec', 'containers', 0, 'image'], 12, 11],
    [['spec', 'template', 'spec', 'containers', 0, 'command', 1], 16, 15],
    [['spec', 'template', 'spec', 'containers', 0, 'command', 0], 13, 11],
    [['spec', 'template', 'spec', 'containers', 0, 'ports', 0], 11, 11],
    [['spec', 'replicas'], 6, 1],
  ])('of %j is line %i, column %i', (path, line, column) => {
    expect(render(text).resources[0]!.place(path)).toEqual({ file: 'app.yml', line, column });
  });
});
