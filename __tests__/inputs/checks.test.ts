import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checks } from '../../src/inputs/checks/checks.js';
import { Refusal } from '../../src/inputs/refusal.js';
import { github, read } from '../support/step-inputs.js';

const none = checks({});
const plain = { method: 'GET', expect: { status: ['2xx'] }, pods: 'every', when: 'both', retryMs: 0, intervalMs: 5000 };

function reasons(text: string, values: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    checks(values)(text);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reasons;
    throw thrown;
  }
  throw new Error('the checks were accepted');
}

describe('the list of checks', () => {
  it('is parsed as documented', () => {
    const text = [
      '- http: /                       # GET through the test Service',
      '  status: 200',
      '  contains: Apache Tomcat/$<TOMCAT_VERSION>',
      '  pods: every',
      '  retry: 5m',
      '- run: npm run smoke',
      '- http: /healthz',
      '  when: staged',
    ];
    expect(checks({ TOMCAT_VERSION: '8.5' })(text.join('\n'))).toEqual([
      {
        ...plain,
        kind: 'http',
        target: '/',
        retryMs: 300_000,
        expect: { status: [200], contains: 'Apache Tomcat/8.5' },
      },
      { kind: 'run', command: 'npm run smoke', when: 'both', retryMs: 0, intervalMs: 5000 },
      { ...plain, kind: 'http', target: '/healthz', when: 'staged' },
    ]);
  });

  it('may be empty', () => {
    expect(none('[]')).toEqual([]);
  });

  it.each([
    ['status: 204', { status: [204] }],
    ['status: 2xx', { status: ['2xx'] }],
    ['status: [200, 3xx, "404"]', { status: [200, '3xx', 404] }],
    ['status: 200, 204', { status: [200, 204] }],
    ['contains: 1.10', { status: ['2xx'], contains: '1.10' }],
    ['contains: yes', { status: ['2xx'], contains: 'yes' }],
    ["matches: 'v\\d+\\.'", { status: ['2xx'], matches: 'v\\d+\\.' }],
    ['json: {path: a.0.b, equals: 1.10}', { status: ['2xx'], json: { path: 'a.0.b', equals: 1.1 } }],
    ['json: {path: a, equals: "1"}', { status: ['2xx'], json: { path: 'a', equals: '1' } }],
    [
      'json: {path: a, equals: [true, null, {b: x}]}',
      { status: ['2xx'], json: { path: 'a', equals: [true, null, { b: 'x' }] } },
    ],
    ['header: {X-Version: 8, server: nginx}', { status: ['2xx'], header: { 'x-version': '8', server: 'nginx' } }],
  ])('%j sets what a response must be', (line, expected) => {
    expect(none(`- http: /\n  ${line}`)).toEqual([{ ...plain, kind: 'http', target: '/', expect: expected }]);
  });

  it.each([
    ['- {http: "https://acme.test/x?y=1"}', { target: 'https://acme.test/x?y=1' }],
    ['- {http: /, method: HEAD}', { method: 'HEAD' }],
    ['- {http: /, pods: any}', { pods: 'any' }],
    ['- {http: /, interval: 500ms, retry: 1m}', { intervalMs: 500, retryMs: 60_000 }],
    ['- {run: make test, when: public}', { command: 'make test', when: 'public' }],
    ['- {run: make test, when: bake}', { command: 'make test', when: 'bake' }],
    ['[{"http": "/json"}]', { target: '/json' }],
  ])('%s is a check', (text, expected) => {
    expect(none(text)).toEqual([expect.objectContaining(expected)]);
  });

  it('refuses a regular expression that is too long', () => {
    const text = `- {http: /, matches: "${'a'.repeat(10_001)}"}`;
    expect(reasons(text).join()).toMatch(/^check 1: matches: received .*, accepted: at most 10000 characters$/);
  });

  it('says that each-step is not available', () => {
    expect(reasons('- {http: /, when: each-step}')).toEqual([
      'check 1: when: received "each-step", accepted: staged | public | both | bake (each-step is not available: users are not moved in steps yet)',
    ]);
  });

  it('lists every problem with the number of the check', () => {
    const text = [
      '- htpp: /',
      '- {http: /, run: x}',
      '- just text',
      '- {http: healthz, contain: x, status: 99, retry: 30, interval: 1ms, when: prod, pods: all, method: POST}',
      '- {http: /, contains: "", matches: "(", json: {path: a}, header: x}',
      '- {run: "", status: 200}',
      '- {http: /, method: HEAD, contains: x}',
      '- {http: "http://acme.test/", pods: every}',
      '- {http: [/a]}',
      '- {http: //169.254.169.254/latest/}',
      '- {http: "/\\\\169.254.169.254/latest/"}',
    ];
    const httpKeys = 'http, method, status, contains, matches, json, header, pods, url, when, retry, interval';
    expect(reasons(text.join('\n'))).toEqual([
      'check 1: must have exactly one of "http" and "run", found htpp',
      'check 2: must have exactly one of "http" and "run"',
      'check 3: not a check; write a map with "http" or "run"',
      `check 4: unknown key "contain"; did you mean "contains"? (accepted: ${httpKeys})`,
      'check 4: http: received "healthz", accepted: a path such as /healthz, or a URL with http or https',
      'check 4: method: received "POST", accepted: GET | HEAD',
      'check 4: status is not valid; accepted: a code such as 200, a class such as 2xx, or a list of these',
      'check 4: pods: received "all", accepted: every | any',
      'check 4: when: received "prod", accepted: staged | public | both | bake',
      'check 4: retry: received "30", accepted: a duration with a unit, such as 30s or 30m',
      'check 4: interval: received "1ms", accepted: a duration such as 500ms, 30s, 10m or 1h30m, at least 100ms, at most 120h',
      'check 5: contains: received "", accepted: text that is not empty, since every response contains an empty one',
      'check 5: matches: received "(", accepted: a JavaScript regular expression',
      'check 5: json must have the form {path: items.0.name, equals: value}',
      'check 5: header must have the form {name: value}',
      'check 6: unknown key "status" (accepted: run, url, when, retry, interval)',
      'check 6: run: received "", accepted: a command for the shell',
      'check 7: contains needs a body, and a response to HEAD has none; use GET',
      'check 8: pods cannot be used with a URL: only a path can be requested from each pod; remove pods',
      'check 9: http must be text, not a list or map',
      'check 10: http: a path that begins with // can be read as the name of a host; begin it with a single /',
      'check 11: http: a path that begins with /\\ can be read as the name of a host; begin it with a single /',
    ]);
  });

  it.each([
    ['http: /', ['not a YAML list; write items such as "- http: /healthz"']],
    ['/healthz', ['not a YAML list; write items such as "- http: /healthz"']],
    ['- http: /\n- http: [', [expect.stringMatching(/^cannot be read as YAML: .* in line 2$/)]],
    ['- {http: /, http: /x}', [expect.stringMatching(/^cannot be read as YAML: duplicated mapping key in line 1$/)]],
  ])('%j is not a list of checks', (text, expected) => {
    expect(reasons(text)).toEqual(expected);
  });
});

describe('placeholders in checks', () => {
  const values = { V: '1.10', PORT: '200', EVIL: 'x\n- run: rm -rf /', VERSION: 'v2' };

  it.each([
    ['- {http: /, contains: $<V>}', { contains: '1.10' }],
    ['- {http: /, contains: a $<V> b $<VERSION>}', { contains: 'a 1.10 b v2' }],
    ['- {http: /, status: $<PORT>}', { status: [200] }],
    ['- {http: /, json: {path: a, equals: $<PORT>}}', { json: { path: 'a', equals: 200 } }],
    ['- {http: /, json: {path: a, equals: "$<PORT>"}}', { json: { path: 'a', equals: '200' } }],
    ['- {http: /, contains: "$<NOT:-by default>"}', { contains: 'by default' }],
    ['- {http: /, contains: $$<V>}', { contains: '$<V>' }],
    ['- {http: /, contains: "$V ${V} $<not a name>"}', { contains: '$V ${V} $<not a name>' }],
    ['- {http: /, contains: $<EVIL>}', { contains: 'x\n- run: rm -rf /' }],
  ])('%s is replaced', (text, expected) => {
    expect(checks(values)(text)).toEqual([
      { ...plain, kind: 'http', target: '/', expect: { status: ['2xx'], ...expected } },
    ]);
  });

  it('are never pasted into a command, whatever their value', () => {
    expect(reasons('- http: /\n- run: "echo $<V>; $$<V> $<REF_NAME:-main>"', { V: '$(id)' })).toEqual(
      ['V', 'REF_NAME'].map(
        name =>
          `check 2: "run" holds $<${name}>, which would be pasted into the command; write "$${name}", with the quotes: it is an environment variable of the command`,
      ),
    );
  });

  it('must be defined; an undefined one is reported with the nearest name', () => {
    expect(reasons('- {http: /$<VERSIN>, contains: $<NOPE>}', values)).toEqual([
      '$<VERSIN> is not defined; set it in "variables", or write $<VERSIN:-default>. Did you mean $<VERSION>?',
      '$<NOPE> is not defined; set it in "variables", or write $<NOPE:-default>.',
    ]);
  });

  it('are replaced from variables, then from the run, and never from the environment, which may hold secrets', () => {
    const verify = '- {http: /, contains: $<A> $<SHORT_SHA> $<REF_NAME>}';
    const environment = { ...github, REF_NAME: 'from the environment', A: 'from the environment' };
    expect(read({ manifests: 'k8s', variables: 'A=set', verify }, environment)).toMatchObject({
      verify: [{ expect: { contains: 'set 0123456 main' } }],
    });
    const secret = '- {http: /, contains: $<API_TOKEN>}';
    expect(() => read({ manifests: 'k8s', verify: secret }, { ...github, API_TOKEN: 's3cret' })).toThrow('verify');
  });

  it('never change the structure of the list, whatever the value', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string({ unit: fc.constantFrom(...Array.from('\n-:#"\'{}[]&*!|> a')) }),
        (a, b) => {
          const value = a + b;
          const text =
            '- http: /\n  contains: $<X>\n- http: /\n  contains: "a $<X>"\n- http: /\n  contains: |-\n    $<X>';
          const contained = checks({ X: value })(text).map(check => check.kind === 'http' && check.expect.contains);
          expect(contained).toEqual([value, `a ${value}`, value]);
        },
      ),
    );
  });
});
