import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dump } from 'js-yaml';
import { construct, readDocuments } from '../../../src/manifests/yaml/documents.js';
import { problemsOf, render } from '../../support/rendering.js';

const valueOf = (text: string): unknown => {
  const { documents } = readDocuments([{ file: 'app.yml', text }]);
  return construct(documents[0]!.events, documents[0]!.source);
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
    ['yes', true],
    ['on', true],
    ['true', true],
    ['~', null],
    ['2018-04-30', '2018-04-30'],
    ['22:22', '22:22'],
    ['12:30:45', '12:30:45'],
    ['1_000', 1000],
    ['0b11', 3],
    ['0o8', '0o8'],
    ['+12', 12],
    ['-0b11', -3],
    ['0X1F', 31],
    ['1_0.5', 10.5],
    ['.5_0', 0.5],
    ['1e400', '1e400'],
    ['-0', 0],
    ['+.5e1', 5],
    ['0x', '0x'],
    ['yEs', 'yEs'],
    ['!!binary aGVsbG8=', 'hello'],
    ['!!timestamp 2020-01-01', '2020-01-01'],
    ['!!float 5', 5],
    ['! 12', '12'],
    ['"don\\\'t"', "don't"],
    ['"yes"', 'yes'],
    ['.5', 0.5],
    ['no', false],
    ['off', false],
    ['y', true],
    ['TRUE', true],
    ['Null', null],
    ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00'],
    ['\tx', 'x'],
    ['!!str 0644', '0644'],
    ['"0644"', '0644'],
  ])('%s is read as %j', (text, value) => {
    expect(valueOf(`value: ${text}`)).toEqual({ value });
  });

  it('merges keys with <<; explicit keys take precedence', () => {
    expect(valueOf('base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n')).toEqual({
      base: { a: 1, b: 2 },
      mine: { a: 1, b: 3 },
    });
  });

  it('merges several maps; the first one takes precedence', () => {
    const text = 'b: &b {p: 1}\nc: &c {p: 2, q: 2}\nmine:\n  <<: [*b, *c]\n';
    expect(valueOf(text)).toHaveProperty('mine', { p: 1, q: 2 });
  });

  it('lets a later anchor redefine an earlier one', () => {
    expect(valueOf('a: &x [1]\nb: *x\nc: &x [2]\nd: *x\n')).toEqual({ a: [1], b: [1], c: [2], d: [2] });
  });

  it('copies the value for every alias, so that one can be changed without the other', () => {
    const { object } = render(`${configMap('a')}one: &one {x: [1]}\ntwo: *one\n`).resources[0]!;
    expect(object['two']).toEqual(object['one']);
    expect(object['two']).not.toBe(object['one']);
  });

  it('keeps __proto__ as an ordinary key', () => {
    const value = valueOf('__proto__: {polluted: yes}\n');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect({}).not.toHaveProperty('polluted');
  });

  it('reads what was dumped, also with Windows line ends', () => {
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

describe('a value that goes on at the indentation of its key, or left of it', () => {
  it.each([
    ["a: '{\n  x: 1\n}'\nb: 1\n", { a: '{ x: 1 }', b: 1 }],
    ['m:\n  a: "{\n\n\tx\n  }"\n  b: 1\n', { m: { a: '{\nx }', b: 1 } }],
    ['m:\n  a: "x\ny"\n  b: 1\n', { m: { a: 'x y', b: 1 } }],
    ['m:\n  a: [\n1,\n2\n]\n  b: {\n  x: 1\n  }\n', { m: { a: [1, 2], b: { x: 1 } } }],
    ["a: '{\r\n  x\r\n}'\r\nb: 1\r\n", { a: '{ x }', b: 1 }],
  ])('%j is read', (text, value) => {
    const { documents, problems } = readDocuments([{ file: 'app.yml', text }]);
    expect(problems).toEqual([]);
    expect(construct(documents[0]!.events, documents[0]!.source)).toEqual(value);
  });

  it('keeps the positions of what follows', () => {
    const text = `${configMap('a')}more:\n  x: '{\n  }'\n  w: {v: [\n1], u: "\n"}\n  z: 8\n`;
    const { positionOf } = render(`${configMap('b')}---\n${text}`.replace('z: 8', 'z: ok')).resources[1]!;
    expect(positionOf(['more', 'z'])).toEqual({ file: 'app.yml', line: 14, column: 3 });
    expect(positionOf(['more', 'w', 'u'])).toEqual({ file: 'app.yml', line: 12, column: 5 });
  });

  it('does not reach over the end of a document', () => {
    const { problems } = readDocuments([{ file: 'app.yml', text: "a: 'x\n---\nb: y'\n" }]);
    expect(problems).toHaveLength(1);
  });
});

describe('a merge key behind a key that it sets too', () => {
  it.each([
    [
      'base: &b {p: 1}\nmine: {p: 3, <<: *b}\n',
      ['app.yml:5:14 kubectl takes p from << and not from the line before it: write << before p.'],
    ],
    ['base: &b {p: 1}\nmine: {q: 3, <<: *b}\n', []],
    ['base: &b {p: 1}\nmine: {<<: *b, p: 3}\n', []],
    [
      'b: &b {p: 1}\nc: &c {<<: *b}\nmine:\n  p: 2\n  <<: [*c]\n',
      ['app.yml:8:3 kubectl takes p from << and not from the line before it: write << before p.'],
    ],
  ])('%j', (text, problems) => {
    if (problems.length === 0) expect(render(configMap('a') + text).resources).toHaveLength(1);
    else expect(problemsOf(() => render(configMap('a') + text))).toEqual(problems);
  });
});

describe('documents', () => {
  it('are in order, several per file, without empty and comment-only ones', () => {
    const text = `---\n# nothing yet\n---\n${configMap('a')}---\n---\nnull\n...\n---\n${configMap('b')}---\n# the end\n`;
    expect(namesIn(text)).toEqual(['a', 'b']);
  });

  it('may have directives, ends, comments behind the marker, and space', () => {
    const text = `%YAML 1.2\n---\n${configMap('a')}...\n--- # Source: b.yaml\n${configMap('b')}---   \n  # c\n\n${configMap('c')}...\n`;
    expect(namesIn(text)).toEqual(['a', 'b', 'c']);
  });

  it.each(['\r\n', '\r'])('may have lines that end in %j', end => {
    const text = `${configMap('a')}data:\n  x: |\n    one\n    two\n---\n${configMap('b')}`;
    const { resources } = render(text.replaceAll('\n', end));
    expect(resources.map(({ object, at }) => [object.metadata.name, at.line])).toEqual([
      ['a', 1],
      ['b', 9],
    ]);
    expect(resources[0]!.object['data']).toEqual({ x: 'one\ntwo\n' });
  });

  it('may be JSON, tabs and Windows line ends included', () => {
    expect(
      namesIn('{\r\n\t"apiVersion": "v1",\r\n\t"kind": "ConfigMap",\r\n\t"metadata": {"name": "a"}\r\n}\r\n'),
    ).toEqual(['a']);
  });

  it('may start with a byte order mark', () => {
    expect(namesIn(`\uFEFF${configMap('a')}`)).toEqual(['a']);
    expect(render(`\uFEFF${configMap('a')}`).resources[0]!.at.column).toBe(1);
  });

  it('may each start with a byte order mark, as in concatenated files', () => {
    const text = `\uFEFF${configMap('a')}---\r\n\uFEFF${configMap('b')}`;
    expect(namesIn(text)).toEqual(['a', 'b']);
  });

  it.each([
    ['a line each', '\n'],
    ['the same line', ''],
    ['a blank line and a comment between', '\n# next\n'],
    ['separators', '\n---\n'],
    ['Windows line ends', '\r\n'],
  ])('of JSON may follow each other: %s', (_, between) => {
    const json = (name: string, value = '"1"'): string =>
      `{"apiVersion": "v1", "kind": "ConfigMap",\n\t"metadata": {"name": "${name}"}, "data": {"x": ${value}}}`;
    expect(namesIn(`${['a', 'b', 'c'].map(name => json(name)).join(between)}\n---\n${configMap('d')}`)).toEqual([
      ...['a', 'b', 'c', 'd'],
    ]);
    const text = [json('a'), json('b'), json('c', '1')].join(between);
    const lines = text.split('\n');
    const column = (lines.at(-1)?.lastIndexOf('"x"') ?? 0) + 1;
    expect(problemsOf(() => render(text))).toEqual([
      `app.yml:${lines.length}:${column} data.x is a number, but must be a string: put it in quotes.`,
    ]);
    expect(problemsOf(() => render(`${text}\n]`))).toHaveLength(1);
  });

  it('of JSON may be many, and a List of kubectl among them', () => {
    const json = (name: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }, undefined, 4);
    const names = Array.from({ length: 600 }, (_, index) => `m${index}`);
    const list = `{"apiVersion": "v1", "kind": "List", "items": [${json('y')}, ${json('z')}], "metadata": {"resourceVersion": ""}}`;
    expect(namesIn([...names.map(json), list].join('\n'))).toEqual([...names, 'y', 'z']);
  });

  it('of JSON need separators where they are thousands, so that no file takes minutes', () => {
    expect(() => namesIn('{}\n'.repeat(100_000))).toThrow('a document separator is expected');
  });

  it('of JSON keep escaped characters', () => {
    const text =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"\\ud83d\\ude00\\/\\u0041"}}';
    expect(render(text).resources[0]!.object['data']).toEqual({ x: '😀/A' });
  });

  it('may contain a deeply nested value, as definitions of custom resources do', () => {
    const text = `${configMap('a')}deep: ${'['.repeat(90)}${']'.repeat(90)}\n`;
    expect(namesIn(text)).toEqual(['a']);
  });

  it('items of a typed list may omit apiVersion and kind', () => {
    const text =
      'apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- kind: Secret\n  metadata: {name: b}\n';
    expect(render(text).resources.map(({ object }) => [object.apiVersion, object.kind, object.metadata.name])).toEqual([
      ['v1', 'ConfigMap', 'a'],
      ['v1', 'Secret', 'b'],
    ]);
  });

  it('a custom object whose kind ends in List is not a list', () => {
    const text = 'apiVersion: example.org/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [{x: 1}]\n';
    expect(render(text).resources[0]!.object).toMatchObject({ kind: 'AllowList', items: [{ x: 1 }] });
  });

  it.each(['items: []', 'items:', 'metadata: {resourceVersion: ""}'])('a list with %j contains no object', items => {
    expect(namesIn(`apiVersion: v1\nkind: List\n${items}\n---\n${configMap('a')}`)).toEqual(['a']);
  });

  it('lists are flattened, nested and typed ones too, and items have their own line', () => {
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
    expect(resources[1]!.positionOf(['metadata', 'name'])).toEqual({ file: 'app.yml', line: 8, column: 50 });
  });
});

describe('errors of manifests', () => {
  it('are listed together, for all files, each with its position', () => {
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

  it('give both positions of a duplicate object, in any apiVersion', () => {
    const files = {
      'a.yml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n',
      'b.yml': '# again\napiVersion: apps/v1beta2\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {}}\n',
    };
    expect(problemsOf(() => render(files))).toEqual(['b.yml:2:1 Deployment shop/web is already defined at a.yml:1:1.']);
  });

  it.each([
    ['apiVersion: v1\nkind: ConfigMap\n', 'app.yml:1:1 metadata.name is missing.'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 8}\n', 'app.yml:3:12 metadata.name is not a string: quote it.'],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: on}\n',
      'app.yml:3:12 metadata.name is not a string: quote it.',
    ],
    [`${configMap('a')}data:\n  y: "1"\n`, 'app.yml:5:3 kubectl reads the key y as true: put it in quotes.'],
    [
      `${configMap('a')}data: {1.10: x}\n`,
      'app.yml:4:8 kubectl reads the key 1.10 as a number in another form: put it in quotes.',
    ],
    [
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    resources:\n      limits:\n        memory: 1000K\n        cpu: 500m\n        storage: 1Gi\n        other: '1e3'\n",
      'app.yml:9:9 spec.containers[0].resources.limits.memory is not a quantity: write a number, with a unit such as m, k, M, G, Ki, Mi or Gi.',
    ],
    [`${configMap('a')}data: {null: x}\n`, 'app.yml:4:8 kubectl reads the key null as null: put it in quotes.'],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ""}\n', 'app.yml:3:12 metadata.name is missing.'],
    [
      'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n',
      'app.yml:3:12 metadata.name is missing, and generateName is not supported: every run would create a new object. A Job with a name is recreated when it changes.',
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {generateName: migrate-}\n',
      'app.yml:3:12 metadata.name is missing, and generateName is not supported: every run would create a new object.',
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: 7}\n',
      'app.yml:3:21 metadata.namespace is not a string.',
    ],
    ['just text\n', 'app.yml:1:1 This document is not a Kubernetes object: it has no fields.'],
    [
      'a: *nowhere\n',
      'app.yml:1:5 Not valid YAML: a value that begins with * is an alias, and its anchor is not defined; put it in quotes.',
    ],
    [
      'a: !!python/object x\n',
      'app.yml:1:4 Not valid YAML: a value that begins with ! is a tag, and its tag is not valid here; put it in quotes.',
    ],
    ['a: &a\n  b: *a\n', 'app.yml:1:1 Aliases make this document infinite or too large.'],
    [
      '{name: web-${ROLE}}\n',
      'app.yml:1:13 Not valid YAML: missed comma between flow collection entries. Inside { } and [ ], put text with ${…} in quotes, or write $<NAME>.',
    ],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n',
      'app.yml:4:10 A key must be a string. Render templates with {{ }} first, for example with `helm template … > manifests.yml`.',
    ],
    [
      '{{- if .Values.on }}\na: b\n{{- end }}\n',
      'app.yml:1:3 Not valid YAML: missed comma between flow collection entries. Render templates with {{ }} first, for example with `helm template … > manifests.yml`.',
    ],
    ['? [a, b]\n: c\n', 'app.yml:1:3 A key must be a string.'],
    [
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n',
      'app.yml:4:1 Not valid YAML: tab characters must not be used in indentation.',
    ],
    ['a: {b: 1}\n{c: 2}\n', "app.yml:2:7 Not valid YAML: expected ':' after a mapping key."],
    ['{"a": 1}\nx\n', 'app.yml:2:1 Not valid YAML: end of the stream or a document separator is expected.'],
    ['{"a": 1, "a": 2}\n', 'app.yml:1:11 Not valid YAML: duplicated mapping key.'],
    ['a: x\n"a": y\n', 'app.yml:2:2 Not valid YAML: duplicated mapping key.'],
    [
      'apiVersion: v1\nkind: List\nitems: [null]\n',
      'app.yml:3:9 This document is not a Kubernetes object: it has no fields.',
    ],
    [`${configMap('a')}deep: ${'['.repeat(150)}\n`, 'app.yml:4:106 Not valid YAML: nesting exceeded maxDepth (100).'],
    [
      `${configMap('a')}x: &x 1\n---\n${configMap('b')}z: *x\n`,
      'app.yml:9:5 Not valid YAML: a value that begins with * is an alias, and its anchor is not defined; put it in quotes.',
    ],
    [`${configMap('a')}x: "\u0000"\n`, 'app.yml:4:5 Not valid YAML: null byte is not allowed in input.'],
    ['# nothing\n', 'The manifests contain no object: app.yml.'],
    [
      'x-base: &base {restart: always}\nservices:\n  web: {image: "site:$${TAG:?}", <<: *base}\n  db: {image: postgres, ports: [&a.b 5432]}\n',
      'app.yml:1:1 This is a Docker Compose file, not a Kubernetes object. Exclude it with a `!` pattern in the input `manifests`, or specify manifests that an earlier step makes of it.',
    ],
    [
      'on: push\njobs: {test: {runs-on: ubuntu-latest}}\n',
      'app.yml:1:1 This is a GitHub Actions workflow, not a Kubernetes object. Exclude it with a `!` pattern in the input `manifests`.',
    ],
    [
      `${configMap('a')}list: [b:, c]\n`,
      'app.yml:4:8 kubectl reads a colon without space behind it as a part of the text; write the space, or put the text in quotes.',
    ],
    [
      `${configMap('a')}x: &76:!\n`,
      'app.yml:4:4 A value that begins with & is an anchor, and kubectl ends its name before any character that is no letter, digit, - or _; put the value in quotes.',
    ],
    [
      `${configMap('a')}x: [ !,,[] ]\n`,
      "app.yml:4:8 Not valid YAML: expected the node content, but found ','. Put text that begins with ! in quotes.",
    ],
    [
      `${configMap('a')}id: 12345678901234567890\n`,
      'app.yml:4:5 This number is too large to be represented exactly; put it in quotes if it is a string.',
    ],
    [
      `${configMap('a')}limit: .inf\n`,
      'app.yml:4:8 This number is out of the range that Kubernetes can store; put it in quotes if it is a string.',
    ],
  ])('%j is refused', (text, problem) => {
    expect(problemsOf(() => render(text))).toEqual([problem]);
  });

  it('limit a long string that aliases repeat', () => {
    const text = `${configMap('a')}x: &x ${'y'.repeat(100_000)}\nz: [${Array(600).fill('*x').join(', ')}]\n`;
    expect(problemsOf(() => render(text))).toEqual(['app.yml:1:1 Aliases make this document infinite or too large.']);
  });

  it('limit aliases that would fill the memory', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level += 1) {
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    }
    expect(problemsOf(() => render(lines.join('\n')))).toEqual([
      'app.yml:1:1 Aliases make this document infinite or too large.',
    ]);
  });
});

describe('positions', () => {
  it.each(['---', '--- # here', '--- !!map', '--- &root', '--- !!map &root # both'])(
    'behind %j are those of the file, also after a value was put in',
    marker => {
      const before = `${configMap('a')}data: {x: "$<V>"}\n`;
      const text = `${before}${marker}\n${configMap('b')}data:\n  x: $<V>\n  z: 8\n`;
      expect(problemsOf(() => render(text, { variables: { V: 'a long value: of many words' } }))).toEqual([
        'app.yml:11:3 data.z is a number, but must be a string: put it in quotes.',
      ]);
    },
  );

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
    expect(render(text).resources[0]!.positionOf(path)).toEqual({ file: 'app.yml', line, column });
  });
});
