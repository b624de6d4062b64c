import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { describeFieldChange, fieldChanges } from '../../src/plan/diff.js';

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
