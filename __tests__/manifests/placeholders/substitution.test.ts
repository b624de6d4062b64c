import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { replacePlaceholders, placeholdersIn } from '../../../src/manifests/placeholders/syntax.js';
import { errorOf, problemsOf, render, type Overrides } from '../../support/rendering.js';

const sources = {
  variables: { TAG: '8', EMPTY: '', SELF: '$<TAG> ${TAG}', MONEY: "$& $1 $$ $<TAG> $` $'", PORT: '8080' },
  builtIns: { TAG: 'hidden', ROLE: 'blue' },
  environment: { HOME: '/root', TAG: 'hidden', ONLY: 'env' },
};

const filled = (text: string): string => replacePlaceholders(text, 'on', sources).text;

/** The fields of the only object, whose text is `spec:` and what is below it. */
function spec(lines: string, overrides: Overrides = {}): unknown {
  const text = `apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\nspec:\n${lines}`;
  return render(text, { variables: sources.variables, ...overrides }).resources[0]!.object['spec'];
}

describe('placeholders', () => {
  it.each([
    ['tomcat:$<TAG>', 'tomcat:8'],
    ['tomcat:${TAG}', 'tomcat:8'],
    ['tomcat:$TAG', 'tomcat:8'],
    ['$<ROLE>-${ROLE}-$ROLE', 'blue-blue-blue'],
    ['$<ONLY>', 'env'],
    ['${ONLY} $ONLY', '${ONLY} $ONLY'],
    ['$<TAG>$<TAG>${TAG}', '888'],
    ['$TAGS ${TAGS} $TAG_', '$TAGS ${TAGS} $TAG_'],
    ['$TAG.x $TAG-x', '8.x 8-x'],
    ['$<EMPTY>|${EMPTY}', '|'],
    ['$<NOPE:-text with spaces>', 'text with spaces'],
    ['$<NOPE:->', ''],
    ['$<NOPE:-a:-b>', 'a:-b'],
    ['$<TAG:-9>', '8'],
    ['$<EMPTY:-9>', '9'],
    ['$$<TAG>', '$<TAG>'],
    ['$$<TAG:-9> $$<NOPE>', '$<TAG:-9> $<NOPE>'],
    ['$$$<TAG>', '$$<TAG>'],
    ['$${TAG} $$TAG', '${TAG} $TAG'],
    ['$${OTHER} $$OTHER $$(TAG)', '$${OTHER} $$OTHER $$(TAG)'],
    ['$(TAG) ${{ TAG }} $host $1 $$ $ {TAG}', '$(TAG) ${{ TAG }} $host $1 $$ $ {TAG}'],
    ['if ($<) then $<>', 'if ($<) then $<>'],
    ['$<SELF>', '$<TAG> ${TAG}'],
    ['$<MONEY>', "$& $1 $$ $<TAG> $` $'"],
    ['${toString} $constructor ${__proto__}', '${toString} $constructor ${__proto__}'],
  ])('%j becomes %j', (text, result) => {
    // What comes from the environment is told, because it may be secret.
    const sensitive = text === '$<ONLY>' ? { sensitive: [{ value: 'env', names: ['ONLY'] }] } : {};
    expect(replacePlaceholders(text, 'on', sources)).toEqual({ text: result, problems: [], ...sensitive });
  });

  it.each(['REVISION', 'SHA', 'SHORT_SHA', 'REF_NAME', 'RUN_NUMBER', 'RUN_ID'])(
    'in the loose forms leave %s alone, which differs from run to run, unless a variable has the name',
    name => {
      const builtIns = { [name]: 'of this run' };
      const text = `$<${name}> \${${name}} $${name}`;
      expect(replacePlaceholders(text, 'on', { variables: {}, builtIns, environment: {} }).text).toBe(
        `of this run \${${name}} $${name}`,
      );
      expect(replacePlaceholders(text, 'on', { variables: { [name]: 'set' }, builtIns, environment: {} }).text).toBe(
        'set set set',
      );
    },
  );

  it('in a text of several lines are told once, by name; those that stay are told elsewhere', () => {
    const script =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  one: "$SHA of $TAG"\n  run.sh: |\n    echo $TAG ${TAG} $SHA\n    echo $ROLE\n';
    const { notes, warnings } = render(script, { variables: { TAG: '8' }, builtIns: { ROLE: 'blue', SHA: 'cafe' } });
    expect(notes).toEqual(['app.yml:7:1: replaced in this text: TAG, ROLE']);
    expect(warnings).toEqual([
      { message: '${SHA} and $SHA are not replaced: write $<SHA>.', at: { file: 'app.yml', line: 5, column: 8 } },
    ]);
  });

  it('are replaced only in the strict form in strict-only, and not in off', () => {
    const text = '$<TAG> ${TAG} $TAG $${TAG} $$<TAG>';
    expect(replacePlaceholders(text, 'strict-only', sources).text).toBe('8 ${TAG} $TAG $${TAG} $<TAG>');
    expect(replacePlaceholders(text, 'off', sources).text).toBe(text);
  });

  it.each([
    [
      '$<TAGG>',
      '$<TAGG> has no value: TAGG is not in `variables`, not a built-in name and not in the environment. Did you mean TAG? Write $$<TAGG> for the literal text.',
    ],
    [
      '$<role>',
      '$<role> has no value: role is not in `variables`, not a built-in name and not in the environment. Did you mean ROLE? Write $$<role> for the literal text.',
    ],
    [
      '$<HOMES>',
      '$<HOMES> has no value: HOMES is not in `variables`, not a built-in name and not in the environment. Did you mean HOME? Write $$<HOMES> for the literal text.',
    ],
    [
      '$<ZZZZZZZZ>',
      '$<ZZZZZZZZ> has no value: ZZZZZZZZ is not in `variables`, not a built-in name and not in the environment. Write $$<ZZZZZZZZ> for the literal text.',
    ],
    [
      '$<my-tag>',
      '$<my-tag> is not a valid placeholder: a name consists of letters, digits and _, and does not start with a digit. Write $$<my-tag> for the literal text.',
    ],
    [
      '$<toString>',
      '$<toString> has no value: toString is not in `variables`, not a built-in name and not in the environment. Write $$<toString> for the literal text.',
    ],
  ])('%s is an error with its cause', (text, message) => {
    expect(replacePlaceholders(text, 'on', sources)).toEqual({ text, problems: [{ placeholder: text, message }] });
  });

  it('inside values are not replaced', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('$<V>', '${V}', '$V'), (value, form) => {
        expect(
          replacePlaceholders(`a ${form} b`, 'on', { variables: { V: value }, builtIns: {}, environment: {} }),
        ).toEqual({
          text: `a ${value} b`,
          problems: [],
        });
      }),
    );
  });

  it('text without a dollar sign stays as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter(text => !text.includes('$')),
        text => expect(filled(text)).toBe(text),
      ),
    );
  });

  it('are found with name and form, without escaped ones', () => {
    expect(placeholdersIn('$<A> ${B} $C $$<D> $${E} $<F:-x>', 'on')).toEqual([
      { name: 'A', form: 'strict' },
      { name: 'B', form: 'loose' },
      { name: 'C', form: 'loose' },
      { name: 'F', form: 'strict' },
    ]);
    expect(placeholdersIn('$<A> ${B}', 'strict-only')).toEqual([{ name: 'A', form: 'strict' }]);
    expect(placeholdersIn('$<A> ${B}', 'off')).toEqual([]);
  });
});

describe('substitution in YAML', () => {
  it.each([
    ['  a: $<PORT>', { a: 8080 }],
    ['  a: "$<PORT>"', { a: '8080' }],
    ["  a: '$<PORT>'", { a: '8080' }],
    ['  a: 1$<PORT>', { a: 18080 }],
    ['  a: x$<PORT>', { a: 'x8080' }],
    ['  a: !!str $<PORT>', { a: '8080' }],
    ['  a: !!int "$<PORT>"', { a: 8080 }],
    ['  a: |\n    p=$<PORT>\n    q\n', { a: 'p=8080\nq\n' }],
    ['  a: |-\n    $<PORT>\n', { a: '8080' }],
    ['  a: >-\n    p\n    $<PORT>\n', { a: 'p 8080' }],
    ['  a$<PORT>: x', { a8080: 'x' }],
    ['  $<PORT>: x', { '8080': 'x' }],
    ['  "$<PORT>": x', { '8080': 'x' }],
    ['  a: [$<PORT>, {b: $<PORT>}]', { a: [8080, { b: 8080 }] }],
    ['  a: x # $<NOPE>\n  # $<NOPE>\n', { a: 'x' }],
    ['  a: &p $<PORT>\n  b: *p', { a: 8080, b: 8080 }],
    ['  a: plain\n    $<PORT>\n', { a: 'plain 8080' }],
    ["  a: '$<TAG> it''s'", { a: "8 it's" }],
    ['  a: "\\t$<TAG>\\u0041"', { a: '\t8A' }],
    ['  a: $<EMPTY>\n  b: "$<EMPTY>"', { b: '' }],
  ])('%j gives %j', (text, value) => {
    expect(spec(text)).toEqual(value);
  });

  it.each([
    'a\nb: injected',
    'x: y',
    'x # not a comment',
    '"',
    "'",
    '- item',
    '&anchor',
    '*alias',
    '!!int 8',
    '{a: b}',
    '[1, 2]',
    '---',
    '...',
    '|',
    '%YAML 1.1',
    '\t',
    ' spaced ',
    '\u0000\u0007',
    'line\r\nline',
    '${TAG} $<TAG>',
    '<<',
  ])('the value %j stays one value at any position', value => {
    const text = '  $<V>: k\n  a: $<V>\n  b: "$<V>"\n  c: |-\n    $<V>\n  d: [$<V>]\n  e: last\n';
    const expected = { [value]: 'k', a: value, b: value, c: value, d: [value], e: 'last' };
    expect(spec(text, { variables: { V: value } })).toEqual(expected);
  });

  it('a file without placeholders means the same in every mode', () => {
    const text = [
      '  plain: a $ b $(VAR) ${{ x }} $host',
      '  quoted: "tab\\t \\u00e9"',
      "  single: 'it''s'",
      '  mode: 0644',
      '  block: |+',
      '    #!/bin/sh',
      '    echo "$HOME" $1 $$',
      '',
      '  folded: >',
      '    a',
      '    b',
    ].join('\n');
    const environment = { HOME: '/root', host: 'h' };
    const off = spec(text, { substitution: 'off', environment });
    expect(spec(text, { substitution: 'on', environment })).toEqual(off);
    expect(spec(text, { substitution: 'strict-only', environment })).toEqual(off);
    expect(off).toMatchObject({ mode: 420, block: '#!/bin/sh\necho "$HOME" $1 $$\n\n', folded: 'a b\n' });
  });

  it('undefined names are listed together, each with its position', () => {
    const text = '  a: x $<ONE> $<TWO>\n  b: |\n    first\n    $<ONE> $<TWO>\n  $<TWO>: "\\t$<ONE>"\n';
    const lines = problemsOf(() => spec(text)).map(line => line.split(' has no value')[0]);
    expect(lines).toEqual([
      'app.yml:5:8 $<ONE>',
      'app.yml:5:15 $<TWO>',
      'app.yml:8:5 $<ONE>',
      'app.yml:8:12 $<TWO>',
      'app.yml:9:3 $<TWO>',
      'app.yml:9:14 $<ONE>',
    ]);
  });

  it('fields keep their positions when values before them grow', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  $<K>: "1"\n  z: "2"\n';
    const { positionOf } = render(text, { variables: { K: 'long\nkey'.repeat(50) } }).resources[0]!;
    expect(positionOf(['data', 'z'])).toEqual({ file: 'app.yml', line: 7, column: 3 });
    expect(positionOf(['data', 'long\nkey'.repeat(50)])).toEqual({ file: 'app.yml', line: 6, column: 3 });
  });

  it('two keys that become the same are an error at the second one', () => {
    expect(problemsOf(() => spec('  $<TAG>: a\n  "8": b\n  ${TAG}: c\n'))).toEqual([
      'app.yml:6:4 Not valid YAML: duplicated mapping key.',
    ]);
    expect(problemsOf(() => spec('  a: 1\n  $<K>: c\n', { variables: { K: 'a' } }))).toEqual([
      'app.yml:6:3 Not valid YAML: duplicated mapping key.',
    ]);
  });

  it('TARGET_ROLE in a rolling deploy is an error, unless it is escaped or set', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "a-${TARGET_ROLE}"}\n';
    expect(errorOf(() => render(text)).message).toBe(
      'app.yml:3:18: TARGET_ROLE has a value only with `strategy: blue-green`.',
    );
    expect(render(text, { variables: { TARGET_ROLE: 'b' } }).resources[0]!.object.metadata.name).toBe('a-b');
    expect(render(text.replace('$', '$$$$')).resources).toHaveLength(1);
  });
});
