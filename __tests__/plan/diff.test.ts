import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { describeFieldChange, fieldChanges } from '../../src/plan/diff.js';
import { changedLines } from '../../src/plan/text-changes.js';
import { render } from '../support/rendering.js';

const object = (kind: string, content: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'web', namespace: 'shop', resourceVersion: '7', uid: 'u' },
  ...content,
});

/** The lines that describe a change from one content to another; `manifest`: as in the manifest. */
function describedChanges(kind: string, sides: { live: object; after: object; manifest?: object }): readonly string[] {
  const { live, after, manifest = after } = sides;
  return fieldChanges(object(kind, live), object(kind, after), object(kind, manifest)).map(describeFieldChange);
}

const pod = (container: object, rest: object = {}): object => ({
  spec: { template: { spec: { containers: [{ name: 'web', ...container }], ...rest } } },
});

describe('the difference that a deploy makes', () => {
  it('is described field by field, list items by their name', () => {
    const live = pod({ image: 'site:v1', env: [{ name: 'LEVEL', value: '1' }] });
    const after = pod({ image: 'site:v2', env: [{ name: 'MORE', value: '2' }], tty: true });
    expect(describedChanges('Deployment', { live, after })).toEqual([
      'spec.template.spec.containers[web].env[LEVEL]: removed, it was {"name":"LEVEL","value":"1"}',
      'spec.template.spec.containers[web].env[MORE]: added, {"name":"MORE","value":"2"}',
      'spec.template.spec.containers[web].image: "site:v1" → "site:v2"',
      'spec.template.spec.containers[web].tty: added, true',
    ]);
  });

  it('excludes what the API server maintains', () => {
    const live = { status: { replicas: 1 }, spec: { replicas: 2 } };
    const after = { status: { replicas: 2 }, spec: { replicas: 2 } };
    expect(describedChanges('Deployment', { live, after })).toEqual([]);
  });

  it('leaves out what the API server fills in, at the top and inside of what is new', () => {
    const live = pod({ image: 'site:v1' });
    const after = pod(
      { image: 'site:v1', readinessProbe: { httpGet: { path: '/' }, timeoutSeconds: 1, periodSeconds: 10 } },
      { schedulerName: 'default-scheduler' },
    );
    const manifest = pod({ image: 'site:v1', readinessProbe: { httpGet: { path: '/' } } });
    expect(describedChanges('Deployment', { live, after, manifest })).toEqual([
      'spec.template.spec.containers[web].readinessProbe: added, {"httpGet":{"path":"/"}}',
    ]);
  });

  it('names ports by their number, quotes keys with dots, and shows plain lists whole', () => {
    const live = {
      metadata: { name: 'web', annotations: { 'example.org/owner': 'a' } },
      spec: { ports: [{ port: 80, targetPort: 8080 }], externalIPs: ['10.0.0.1'] },
    };
    const after = {
      metadata: { name: 'web', annotations: { 'example.org/owner': 'b' } },
      spec: { ports: [{ port: 80, targetPort: 9090 }], externalIPs: ['10.0.0.1', '10.0.0.2'] },
    };
    expect(describedChanges('Service', { live, after })).toEqual([
      'metadata.annotations["example.org/owner"]: "a" → "b"',
      'spec.externalIPs: ["10.0.0.1"] → ["10.0.0.1","10.0.0.2"]',
      'spec.ports[80].targetPort: 8080 → 9090',
    ]);
  });

  it('includes a new order of variables, since one can refer to those before it', () => {
    const [a, b] = [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)' },
    ];
    expect(describedChanges('Deployment', { live: pod({ env: [b, a] }), after: pod({ env: [a, b] }) })).toEqual([
      'spec.template.spec.containers[web].env: ["B","A"] → ["A","B"]',
    ]);
  });

  it('has only the length of a long value: half of a secret would not be masked', () => {
    const [line] = describedChanges('ConfigMap', {
      live: { data: { A: 'x' } },
      after: { data: { A: 'y'.repeat(5000) } },
    });
    expect(line).toBe('data.A: "x" → (5002 characters)');
  });
});

describe('a field that goes back to its default', () => {
  it('is described, since what is live changes', () => {
    const strategy = (maxSurge: string | number): object => ({
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge } } },
    });
    const sides = { live: strategy(1), after: strategy('25%'), manifest: { spec: {} } };
    expect(describedChanges('Deployment', sides)).toEqual(['spec.strategy.rollingUpdate.maxSurge: 1 → "25%"']);
  });

  it('is described inside of a list, and the list is not repeated', () => {
    const sides = {
      live: pod({ imagePullPolicy: 'Always' }),
      after: pod({ imagePullPolicy: 'IfNotPresent' }),
      manifest: pod({}),
    };
    expect(describedChanges('Deployment', sides)).toEqual([
      'spec.template.spec.containers[web].imagePullPolicy: "Always" → "IfNotPresent"',
    ]);
  });

  it('is described for a list of values and for a map', () => {
    const sides = {
      live: { spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'], extra: { a: 1 } } },
      after: { spec: { type: 'ClusterIP' } },
      manifest: { spec: {} },
    };
    expect(describedChanges('Service', sides)).toEqual([
      'spec.extra: removed, it was {"a":1}',
      'spec.loadBalancerSourceRanges: removed, it was ["10.0.0.0/8"]',
      'spec.type: "LoadBalancer" → "ClusterIP"',
    ]);
  });

  it('is never lost: whatever changes or goes is described', () => {
    const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }));
    const tree = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value);
    fc.assert(
      fc.property(tree, tree, (live, after) => {
        const told = describedChanges('Thing', {
          live: { spec: live },
          after: { spec: after },
          manifest: { spec: {} },
        });
        const isLost = Object.keys(live).some(name => JSON.stringify(live[name]) !== JSON.stringify(after[name]));
        if (isLost) expect(told).not.toEqual([]);
      }),
    );
  });
});

describe('a long text', () => {
  const script = Array.from({ length: 100 }, (_, index) => `echo line ${index + 1} of a script\n`).join('');

  it('is described by its changed lines, each with its number', () => {
    const sides = {
      live: { data: { 'run.sh': script } },
      after: { data: { 'run.sh': `set -e\n${script.replace('line 50', 'the 50th')}` } },
    };
    expect(describedChanges('ConfigMap', sides)).toEqual([
      ['data["run.sh"]:', '+ 1: set -e', '- 50: echo line 50 of a script', '+ 51: echo the 50th of a script'].join(
        '\n    ',
      ),
    ]);
  });

  it('has only the first changed lines, and those that are not too long', () => {
    const after = script.replace(/echo/g, 'print').replace('line 1 ', 'x'.repeat(300));
    const [line = ''] = describedChanges('ConfigMap', { live: { data: { a: script } }, after: { data: { a: after } } });
    expect(line.split('\n')).toHaveLength(42);
    expect(line).toMatch(/and 160 more lines$/);
  });

  it('says nothing of a private key', () => {
    const pem = (body: string): string => `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
    const sides = { live: { data: { a: pem('canary-one') } }, after: { data: { a: pem('canary-two') } } };
    expect(describedChanges('ConfigMap', sides).join('\n')).not.toContain('canary');
  });

  it('has the changed lines that make one text of the other', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(text, text, (old, now) => {
        const lines = changedLines(`${old.join('\n')}\n`, `${now.join('\n')}\n`) ?? [];
        const of = (sign: string) => lines.flatMap(line => (line.startsWith(sign) ? [Number(/\d+/.exec(line))] : []));
        const kept = (all: readonly string[], gone: readonly number[]) => all.filter((_, i) => !gone.includes(i + 1));
        expect(kept(old, of('-'))).toEqual(kept(now, of('+')));
      }),
    );
  });
});

describe('a secret', () => {
  const hidden = 'correct-horse';
  it.each<[string, string, { live: object; after: object }]>([
    ['a changed key of a Secret', 'Secret', { live: { data: { A: hidden } }, after: { data: { A: 'other' } } }],
    ['a key that a Secret gets', 'Secret', { live: {}, after: { data: { A: hidden } } }],
    ['text that a Secret gets', 'Secret', { live: { stringData: { A: 'b' } }, after: { stringData: { A: hidden } } }],
    [
      'a variable that is named as secrets are',
      'Deployment',
      {
        live: pod({ env: [{ name: 'DB_PASSWORD', value: hidden }] }),
        after: pod({ env: [{ name: 'DB_PASSWORD', value: 'other' }] }),
      },
    ],
    [
      'such a variable, when it is new',
      'Deployment',
      { live: pod({ env: [] }), after: pod({ env: [{ name: 'API_KEY', value: hidden }] }) },
    ],
    [
      'such a variable of a container that goes',
      'Deployment',
      {
        live: { spec: { containers: [{ name: 'a' }, { name: 'b', env: [{ name: 'TOKEN', value: hidden }] }] } },
        after: { spec: { containers: [{ name: 'a' }] } },
      },
    ],
    [
      'a key of a ConfigMap that is named as secrets are',
      'ConfigMap',
      { live: { data: { 'db.password': hidden } }, after: { data: { 'db.password': 'other' } } },
    ],
    ['a data source name', 'ConfigMap', { live: { data: { MYSQL_DSN: hidden } }, after: { data: { MYSQL_DSN: 'x' } } }],
    [
      'a member of a custom resource that is named as secrets are',
      'Database',
      { live: { spec: { adminPassword: hidden } }, after: { spec: { adminPassword: 'other' } } },
    ],
    [
      'an argument that assigns one',
      'Deployment',
      { live: pod({ args: [`--db-password=${hidden}`] }), after: pod({ args: ['--db-password=other', '-v'] }) },
    ],
    [
      'a line that assigns one',
      'ConfigMap',
      { live: { data: { conf: `a=1\npassword: ${hidden}\n` } }, after: { data: { conf: 'a=1\npassword: other\n' } } },
    ],
    [
      'what kubectl keeps of the last apply',
      'Secret',
      {
        live: {
          metadata: { name: 'web', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': hidden } },
        },
        after: { metadata: { name: 'web' } },
      },
    ],
  ])('is never shown: %s', (_what, kind, sides) => {
    const lines = describedChanges(kind, sides);
    expect(lines.join('\n')).not.toContain(hidden);
    expect(lines.join('\n')).toContain('***');
  });
});

describe('what is below the name of a secret in a text', () => {
  it.each([
    ['a text', 'db:\n  password: |\n    canary\n\n    canary\n  host: a', [5]],
    ['a text that goes on', 'password: canary\n  canary\nhost: a', [2]],
    ['a list', 'tokens:\n- canary\n- canary\nhost: a', [3]],
    ['a map in a list', '- credentials:\n    user: canary\n  host: a', [2]],
    ['a map in JSON', '{\n  "secret": {\n    "user": "canary"\n  },\n  "host": "a"\n}', [3, 4]],
    ['a line that is continued', 'db.password=canary\\\ncanary\\\n  canary\nhost=a', [3]],
  ])('is hidden in the changed lines and in a new value: %s', (_what, text, shown) => {
    const lines = text.split('\n');
    const before = lines.map(() => 'old').join('\n');
    const changed = changedLines(before, text) ?? [];
    expect(changed.join('\n')).not.toContain('canary');
    for (const at of shown) expect(changed).toContain(`+ ${at + 1}: ${lines[at]}`);
    const added = describedChanges('ConfigMap', { live: {}, after: { data: { conf: text } } });
    expect(added.join('\n')).not.toContain('canary');
    expect(added.join('\n')).toContain('host');
  });
});

describe('a key that every JavaScript object has', () => {
  it('is a key as any other', () => {
    const names = ['constructor', 'toString', '__proto__', 'valueOf', 'hasOwnProperty', 'plain'];
    const data = fc
      .dictionary(fc.constantFrom(...names), fc.constantFrom('x', 'y'))
      .map(entries => ({ data: Object.fromEntries(Object.entries(entries)) }));
    fc.assert(
      fc.property(data, data, (live, after) => {
        const valueOf = (side: typeof live, name: string) =>
          Object.hasOwn(side.data, name) ? side.data[name] : undefined;
        const differing = names.filter(name => valueOf(live, name) !== valueOf(after, name));
        const changes = fieldChanges(object('ConfigMap', live), object('ConfigMap', after), object('ConfigMap', after));
        expect(changes.map(({ path }) => path)).toEqual(differing.sort().map(name => `data.${name}`));
      }),
    );
  });
});

describe('what comes from the environment', () => {
  const environment = { DB: 'new-value-of-db', CONF: 'new-value-of-conf', GITHUB_SHA: 'deadbeef', STAGE: 'prod' };
  const template = (env: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: "$<CONF>"}}
spec:
  template:
    spec:
      containers:
        - name: web
          image: site:$<GITHUB_SHA>
          args: [-v, "$<CONF>"]
          env:
            - {name: PLAIN, value: "1"}
            ${env}
`;
  const rendered = (text: string, values: Readonly<Record<string, string>>): KubeObject =>
    render(text, { environment: values }).resources[0]!.object;
  const filled = template('- {name: URL, value: "postgres://$<DB>@db"}');
  const before = rendered(filled, { ...environment, DB: 'old-value-of-db', CONF: 'old-value-of-conf' });
  const lines = (after: KubeObject, live = before): readonly string[] =>
    fieldChanges(live, after, after).map(describeFieldChange);

  it('shows neither with its new nor with its old value', () => {
    expect(lines(rendered(filled, environment))).toEqual([
      'metadata.annotations.note: *** → ***',
      'spec.template.spec.containers[web].args: ["-v","***"] → ["-v","***"]',
      'spec.template.spec.containers[web].env[URL].value: *** → ***',
    ]);
  });

  it.each([
    ['removed', '# none'],
    ['a literal now', '- {name: URL, value: other}'],
    ['a reference now', '- {name: URL, valueFrom: {secretKeyRef: {name: db, key: url}}}'],
    ['in another place', '- {name: FIRST, value: x}\n            - {name: URL, value: other}'],
  ])('shows no old value when the field is %s', (_what, env) => {
    const shown = lines(rendered(template(env), environment)).join('\n');
    expect(shown).not.toContain('value-of');
    expect(shown).toContain('env[URL]');
  });

  it('shows no old value of an object that was deployed by other means', () => {
    const { 'cutover/from-environment': _mark, ...annotations } = before.metadata.annotations ?? {};
    const unmarked = { ...before, metadata: { ...before.metadata, annotations } };
    expect(lines(rendered(filled, environment), unmarked).join('\n')).not.toContain('value-of');
  });

  it('is hidden altogether where the list of such fields was changed by hand', () => {
    const annotations = { ...before.metadata.annotations, 'cutover/from-environment': 'none' };
    const changed = { ...before, metadata: { ...before.metadata, annotations } };
    expect(lines(rendered(template('# none'), environment), changed).join('\n')).not.toContain('value-of');
  });

  it('does not include the facts of a run that everybody sees', () => {
    expect(lines(rendered(filled, { ...environment, GITHUB_SHA: 'cafe' }), rendered(filled, environment))).toEqual([
      'spec.template.spec.containers[web].image: "site:deadbeef" → "site:cafe"',
    ]);
  });
});
