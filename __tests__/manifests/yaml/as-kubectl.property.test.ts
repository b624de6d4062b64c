import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describeUnless } from '../../support/describe-unless.js';
import { problemsOf, render } from '../../support/rendering.js';

/** Why the comparison is not possible here; `undefined`: it is. */
function missing(): string | undefined {
  const { error, status } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  return error === undefined && status === 0 ? undefined : 'kubectl is not on the PATH';
}

const header = (index: number): string =>
  `apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t${index}}\nspec:\n`;

/** The spec of each object as kubectl reads it; `undefined` where it refuses the file. No cluster is asked. */
function readByKubectl(texts: readonly string[]): readonly unknown[] {
  const folder = mkdtempSync(join(tmpdir(), 'cutover-yaml-'));
  try {
    texts.forEach((text, index) => writeFileSync(join(folder, `${index}.yml`), header(index) + text));
    const options = ['label', '--local', '--filename', folder, 'a=b', '--output', 'jsonpath-as-json={}'];
    const { stdout } = spawnSync('kubectl', options, {
      encoding: 'utf8',
      env: { ...process.env, KUBECONFIG: '/dev/null' },
    });
    const found: unknown[] = texts.map(() => undefined);
    for (const part of stdout.split(/^\]\n?/m)) {
      if (part.trim() === '') continue;
      const [object] = JSON.parse(`${part}]`) as [{ metadata: { name: string }; spec: unknown }];
      found[Number(object.metadata.name.slice(1))] = object.spec;
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readHere(text: string, index: number): { readonly spec?: unknown; readonly problems?: readonly string[] } {
  try {
    const [resource] = render(header(index) + text, { substitution: 'off' }).resources;
    return { spec: JSON.parse(JSON.stringify(resource?.object['spec'] ?? null)) as unknown };
  } catch {
    return { problems: problemsOf(() => render(header(index) + text, { substitution: 'off' })) };
  }
}

const word = fc.constantFrom(
  ...['yes', 'no', 'on', 'off', 'y', 'n', 'Y', 'NO', 'True', 'tRue', '~', 'null', 'NULL', 'nil', '<<', '='],
  ...[
    '0',
    '-0',
    '00',
    '007',
    '08',
    '0o17',
    '0O17',
    '0x1F',
    '0X1f',
    '0b11',
    '0B1',
    '1_000',
    '_1',
    '1__0',
    '+1',
    '-1_0',
    '0_7',
  ],
  ...[
    '1.',
    '.5',
    '1.10',
    '1e3',
    '1E+3',
    '1_0.5',
    '.5_0',
    '-.5',
    '+.5',
    '1e400',
    '.inf',
    '-.Inf',
    '.nan',
    '.',
    '-',
    '+',
    '0x',
    '0.0',
    '-0.0',
  ],
  ...[
    '1:30',
    '12:30:45',
    '2020-01-01',
    '2020-01-01T00:00:00Z',
    '1.2.3',
    '1e',
    'e1',
    '9007199254740993',
    '0o8',
    '1,000',
    '10%',
    '100m',
    'a b',
  ],
  ...[
    'a:b',
    'a#b',
    'a #b',
    '-a',
    ':a',
    'http://x/y',
    '@a',
    '`a',
    '%a',
    '!!binary aGVsbG8=',
    '!!str 12',
    '!!int "3"',
    '! 12',
    '!!float 5',
    '!!bool yes',
  ],
);
const number = fc.stringMatching(/^[-+]?[0-9_.eExXoObB]{1,6}$/);
const scalar = fc.oneof(word, number, fc.stringMatching(/^[a-z0-9 '"\\#:,.[\]{}&*!|>%@~_-]{1,8}$/));

const indentation = fc.constantFrom('', ' ', '  ', '    ', '\t', '  \t');
const quotable = fc.stringMatching(/^[a-z {}:,#'-]{0,6}$/);
const quoted = fc
  .tuple(
    fc.constantFrom('"', "'"),
    fc.array(fc.tuple(indentation, quotable), { minLength: 1, maxLength: 4 }),
    indentation,
  )
  .map(([quote, lines, last]) => {
    const inner = lines.map(([space, line]) => space + line.replaceAll("'", quote === "'" ? "''" : "'")).join('\n');
    return `${quote}${inner}\n${last}${quote}`;
  });
const flow = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(indentation, scalar), { maxLength: 3 }), indentation)
  .map(([list, items, last]) => {
    const inner = items.map(([space, item], index) => `\n${space}${list ? '' : `k${index}: `}${item}`).join(',');
    return list ? `[${inner}\n${last}]` : `{${inner}\n${last}}`;
  });
const block = fc
  .tuple(
    fc.constantFrom('|', '>', '|-', '>-', '|+', '>+', '|2', '>1-'),
    fc.array(fc.tuple(indentation, quotable), { maxLength: 4 }),
  )
  .map(([style, lines]) => `${style}\n${lines.map(([space, line]) => `   ${space}${line}`).join('\n')}`);
const key = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') }, { weight: 1, arbitrary: scalar });
const value = fc.oneof(scalar, quoted, flow, block);
const pair = fc.tuple(key, value).map(([name, text]) => `  ${name}: ${text}\n`);
const merge = fc
  .array(fc.constantFrom('a: 3', 'b: 4', '<<: *p', '<<: [*p, *q]', '<<: {c: 5}', '"<<": 6'), { maxLength: 3 })
  .map(
    lines => `  base: [&p {a: 1, b: 2}, &q {b: 7, d: 8}]\n  merged:\n${lines.map(line => `    ${line}\n`).join('')}`,
  );
const specs = fc.oneof(
  { weight: 9, arbitrary: fc.array(pair, { minLength: 1, maxLength: 3 }).map(pairs => pairs.join('')) },
  { weight: 1, arbitrary: merge },
);

/** Without the fields that are null, which mean the same as absent ones. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]));
}

/** What may be refused here though kubectl takes it: its result would surprise, or the text is damaged. */
const wanted = [
  ...[/kubectl reads the key .*: put it in quotes\.$/, /kubectl takes \w+ from << and not from /],
  ...[
    /duplicated mapping key\.$/,
    /is too large to be represented exactly/,
    /out of the range that Kubernetes can store/,
  ],
  ...[
    /a value that begins with ! is a tag, and its tag is not valid here; put it in quotes\.$/,
    /tag suffix cannot contain/,
    /named tag handle cannot contain/,
    /missed comma between flow collection entries/,
    /a line break is expected/,
  ],
  ...[
    /bad indentation of a mapping entry/,
    / Put text that begins with ! in quotes\.$/,
    / is an anchor, and kubectl ends its name before .*; put the value in quotes\.$/,
    /kubectl reads a colon without space behind it as a part of the text; write the space, or put the text in quotes\.$/,
  ],
];

/** Found with other seeds, and made smaller. */
const found = [
  '  a: [b:, 1]\n',
  '  a: [b :, 1]\n',
  '  a: {b:}\n',
  '  a: &b:c\n',
  '  a: &1:!\n',
  '  a: [\n![., b]\n',
  '  a: [ !,,[] ]\n',
  '  a: {b: !_[*\n   }\n',
  '  a: [b, !1[\n  ]\n',
  '  a: "b\\\'c"\n',
];

describeUnless(missing(), 'YAML as kubectl reads it', () => {
  it('is read with the same result, or refused with what to do', () => {
    // The same texts in every run: a difference that others show is for whoever looks for it, with another seed.
    const texts = [...found, ...fc.sample(specs, { numRuns: 400, seed: 137 })];
    const known = readByKubectl(texts);
    const differences = texts.flatMap((text, index) => {
      const there = known[index];
      if (there === undefined) return [];
      const { problems = [], spec } = readHere(text, index);
      const unwanted = problems.filter(problem => !wanted.some(pattern => pattern.test(problem)));
      const same = problems.length > 0 || isDeepStrictEqual(withoutNulls(spec), withoutNulls(there));
      return same && unwanted.length === 0 ? [] : [{ text, there, here: spec, unwanted }];
    });
    expect(differences).toEqual([]);
    expect(found.filter((_, index) => known[index] === undefined)).toEqual([]);
    expect(known.filter(spec => spec !== undefined).length).toBeGreaterThan(texts.length / 4);
  });
});
