import { describe, expect, it } from '@jest/globals';
import { repositoryOf } from '../../src/manifests/overrides/images.js';
import { describePath, fieldAt, without, withField } from '../../src/kubernetes/fields.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { renderManifests } from '../../src/manifests/render.js';
import { imagesOf, problemsOf, render, request, type Overrides } from '../support/rendering.js';

const object = (text: string, overrides: Overrides = {}): KubeObject => render(text, overrides).resources[0]!.object;

/** A Deployment whose pod spec is the given lines, indented by six. */
const deployment = (pod: string, apiVersion = 'apps/v1'): string => `apiVersion: ${apiVersion}
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
${pod}`;

const container = (extra = ''): string => `      containers:\n      - {name: app, image: "site:v1"${extra}}\n`;
const service = (selector: string, namespace = 'shop'): string =>
  `---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ${namespace}}\nspec:\n  selector: ${selector}\n  ports: [{port: 80}]\n`;

describe('fields', () => {
  const thing = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a' }, list: [{ x: 1 }, { x: 2 }] };

  it('are read by path, missing ones as undefined', () => {
    expect(fieldAt(thing, ['list', 1, 'x'])).toBe(2);
    expect(fieldAt(thing, ['list', 'length'])).toBeUndefined();
    expect(fieldAt(thing, ['metadata', 'toString'])).toBeUndefined();
    expect(fieldAt(thing, ['nope', 0, 'x'])).toBeUndefined();
  });

  it('are set in a copy, with missing maps created', () => {
    const changed = withField(withField(thing, ['list', 1, 'x'], 3), ['spec', 'a', 'b'], true);
    expect(changed).toEqual({ ...thing, list: [{ x: 1 }, { x: 3 }], spec: { a: { b: true } } });
    expect(thing.list[1]).toEqual({ x: 2 });
  });

  it('are formatted as in kubectl', () => {
    expect(describePath(['spec', 'ports', 0, 'name'])).toBe('spec.ports[0].name');
  });
});

describe('defaults', () => {
  it.each([
    ['in the namespace of the release', 'kind: ConfigMap\nmetadata: {name: a}', 'web'],
    ['in another namespace', 'kind: ConfigMap\nmetadata: {name: a, namespace: other}', 'shop/web'],
    ['without a namespace', 'kind: Namespace\nmetadata: {name: a, namespace: shop}', 'shop/web'],
  ])('name the release that owns an object %s', (_where, text, value) => {
    expect(object(`apiVersion: v1\n${text}\n`).metadata.annotations).toEqual({ 'cutover/release': value });
  });

  it('add label and annotation to every object, and a namespace where it has none', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    expect(object(text).metadata).toEqual({
      name: 'a',
      namespace: 'shop',
      labels: { 'app.kubernetes.io/managed-by': 'cutover' },
      annotations: { 'cutover/release': 'web' },
    });
  });

  it('keep the namespace and the managed-by label of the manifest', () => {
    const labels = '{app.kubernetes.io/managed-by: Helm}';
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other, labels: ${labels}}\n`;
    expect(object(text).metadata).toMatchObject({
      namespace: 'other',
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    });
  });

  it('omit the annotation while the release has no name', () => {
    const { manifests, ...rest } = request('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
    const draft = without(rest, ['release']) as typeof rest;
    expect(renderManifests({ ...draft, manifests }).resources[0]!.object.metadata).not.toHaveProperty('annotations');
  });

  it.each([
    ['v1', 'Namespace'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['scheduling.k8s.io/v1', 'PriorityClass'],
  ])('give no namespace to %s %s', (apiVersion, kind) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a, namespace: shop}\n`;
    expect(object(text).metadata).not.toHaveProperty('namespace');
  });

  it('treat unknown kinds as namespaced, unless the manifests define them otherwise', () => {
    const custom = 'apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n';
    expect(object(custom).metadata.namespace).toBe('shop');
    const definition =
      '---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.org}\n' +
      'spec: {group: example.org, scope: Cluster, names: {kind: Thing, plural: things}}\n';
    expect(object(custom + definition).metadata).not.toHaveProperty('namespace');
  });

  it('drop server-set fields and nulls', () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  uid: u
  resourceVersion: "1"
  generation: 2
  creationTimestamp: null
  selfLink: /x
  managedFields: [{manager: kubectl}]
  finalizers: [keep/me]
data: {a: ~, b: c}
list: [null, {x: null}]
status: {phase: Active}
`;
    const { status, list, data, metadata } = object(text);
    expect(status).toBeUndefined();
    expect(data).toEqual({ b: 'c' });
    expect(list).toEqual([null, {}]);
    expect(Object.keys(metadata).sort()).toEqual(['annotations', 'finalizers', 'labels', 'name', 'namespace']);
  });

  it('encode stringData of Secrets, which overrides data', () => {
    const text =
      'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: eA==, b: eQ==}\nstringData: {b: "pä$"}\n';
    const secret = object(text);
    expect(secret['stringData']).toBeUndefined();
    expect(secret['data']).toEqual({ a: 'eA==', b: Buffer.from('pä$').toString('base64') });
  });

  it('set the protocol of ports, which is part of their merge key', () => {
    const ports = '[{containerPort: 8080}, {containerPort: 53, protocol: UDP}]';
    const both = render(deployment(container(`, ports: ${ports}`)) + service('{app: web}')).resources;
    expect(fieldAt(both[0]!.object, ['spec', 'template', 'spec', 'containers', 0, 'ports'])).toEqual([
      { containerPort: 8080, protocol: 'TCP' },
      { containerPort: 53, protocol: 'UDP' },
    ]);
    expect(fieldAt(both[1]!.object, ['spec', 'ports'])).toEqual([{ port: 80, protocol: 'TCP' }]);
  });

  it('add nothing to pod templates', () => {
    const { template } = object(deployment(container()))['spec'] as { template: unknown };
    expect(template).toEqual({
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'app', image: 'site:v1' }] },
    });
  });
});

describe('string fields', () => {
  it('with a number or boolean are reported by line', () => {
    const pod = `      containers:
      - name: app
        command: [sleep, 5]
        env:
        - {name: DEBUG, value: true}
        - {name: OK, value: "8"}
`;
    const text = `${deployment(pod).replace('{app: web}}\n    spec', '{app: web, version: 8}}\n    spec')}---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {x: 1.5}}
data: {port: 80, host: x}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
stringData: {pin: 1234}
${service('{app: 7}')}`;
    expect(problemsOf(() => render(text))).toEqual([
      'app.yml:7:35 spec.template.metadata.labels.version is a number, but must be a string: put it in quotes.',
      'app.yml:13:25 spec.template.spec.containers[0].env[0].value is a boolean, but must be a string: put it in quotes.',
      'app.yml:11:26 spec.template.spec.containers[0].command[1] is a number, but must be a string: put it in quotes.',
      'app.yml:18:35 metadata.annotations.x is a number, but must be a string: put it in quotes.',
      'app.yml:19:8 data.port is a number, but must be a string: put it in quotes.',
      'app.yml:24:14 stringData.pin is a number, but must be a string: put it in quotes.',
      'app.yml:30:14 spec.selector.app is a number, but must be a string: put it in quotes.',
    ]);
  });

  it.each(['data', 'stringData'])('with a map or list in %s of a Secret are reported, and never stored', field => {
    const secret = (values: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n${field}: ${values}\n`;
    const problem = (values: string): readonly string[] => problemsOf(() => render(secret(values)));
    const told = 'but must be a string: if the lines below it are a text, write | after the key.';
    expect(problem('\n  config.yml:\n    user: shop\n')).toEqual([
      expect.stringContaining(`${field}.config.yml is a map, ${told}`),
    ]);
    expect(problem('{hosts: [a, b]}')).toEqual([expect.stringContaining(`${field}.hosts is a list, ${told}`)]);
    for (const values of ['text', '[a]'])
      expect(problem(values)).toEqual([expect.stringContaining(`${field} must be a map from names to strings.`)]);
    expect(render(secret('{empty: null}')).resources).toHaveLength(1);
  });
});

describe('placeholders where Kubernetes requires a string', () => {
  it('are strings without quotes, exactly as the value is written; elsewhere they are typed', () => {
    const pod = `      containers:
      - name: app
        command: [sleep, $<SECONDS>]
        env:
        - {name: DEBUG, value: $<DEBUG>}
        ports: [{containerPort: $<PORT>}]
`;
    const text = `${deployment(pod)}---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {version: $<VERSION>}}
data: {port: $<PORT>, empty: $<EMPTY>, both: 1$<PORT>}
`;
    const variables = { SECONDS: '5', DEBUG: 'true', PORT: '0644', VERSION: '1.10', EMPTY: '' };
    const [web, map] = render(text, { variables }).resources;
    expect(fieldAt(web!.object, ['spec', 'template', 'spec', 'containers', 0])).toEqual({
      name: 'app',
      command: ['sleep', '5'],
      env: [{ name: 'DEBUG', value: 'true' }],
      ports: [{ containerPort: 420, protocol: 'TCP' }],
    });
    expect(map!.object['data']).toEqual({ port: '0644', both: '10644' });
    expect(fieldAt(map!.object, ['metadata', 'labels', 'version'])).toBe('1.10');
  });

  it('are strings in the items of lists too, while literal numbers stay an error', () => {
    const list = (value: string): string =>
      `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: $<N>x}, data: {a: ${value}}}\n`;
    const variables = { N: '8' };
    expect(render(list('$<N>'), { variables }).resources[0]!.object['data']).toEqual({ a: '8' });
    expect(problemsOf(() => render(list('8'), { variables }))).toEqual([
      'app.yml:4:69 data.a is a number, but must be a string: put it in quotes.',
    ]);
  });
});

describe('removed API versions of Deployment', () => {
  it.each(['extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2'])('%s becomes apps/v1 with a warning', version => {
    const { resources, warnings } = render(deployment(container(), version));
    expect(resources[0]!.object.apiVersion).toBe('apps/v1');
    expect(fieldAt(resources[0]!.object, ['spec', 'selector'])).toEqual({ matchLabels: { app: 'web' } });
    expect(warnings).toEqual([
      {
        message: `Deployment web has apiVersion ${version}, which clusters no longer serve; it is deployed as apps/v1.`,
        at: { file: 'app.yml', line: 1, column: 1 },
      },
    ]);
  });

  it('get their selector from the labels of the template, and lose rollbackTo', () => {
    const text = deployment(container(), 'extensions/v1beta1').replace(
      'selector: {matchLabels: {app: web}}',
      'rollbackTo: {revision: 3}',
    );
    const { resources, warnings } = render(text);
    expect(resources[0]!.object['spec']).toEqual({
      selector: { matchLabels: { app: 'web' } },
      template: expect.anything(),
    });
    expect(warnings[0]!.message).toMatch(/Its selector is set to the labels of its pod template: app=web\.$/);
  });

  it('without any labels are rejected', () => {
    const text =
      'apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template: {spec: {containers: []}}\n';
    expect(problemsOf(() => render(text))).toEqual([
      'app.yml:5:3 Deployment web has neither spec.selector nor labels in its pod template, so apps/v1 cannot select its pods: add both.',
    ]);
  });

  it('other kinds and versions are unchanged', () => {
    const text = 'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: web}\n';
    expect(object(text).apiVersion).toBe('extensions/v1beta1');
    expect(render(deployment(container())).warnings).toEqual([]);
  });
});

describe('image overrides', () => {
  it.each([
    ['tomcat', 'docker.io/library/tomcat'],
    ['tomcat:9', 'docker.io/library/tomcat'],
    ['docker.io/tomcat:9', 'docker.io/library/tomcat'],
    ['index.docker.io/library/tomcat', 'docker.io/library/tomcat'],
    ['acme/web@sha256:abc', 'docker.io/acme/web'],
    ['localhost/web:1', 'localhost/web'],
    ['registry:5000/web', 'registry:5000/web'],
    ['registry:5000/a/web:1@sha256:abc', 'registry:5000/a/web'],
    ['ghcr.io/acme/web:1', 'ghcr.io/acme/web'],
  ])('the repository of %s is %s', (image, repository) => {
    expect(repositoryOf(image)).toBe(repository);
  });

  const byRepository = (repository: string, image: string) => ({ by: 'repository', repository, image }) as const;
  const byContainer = (name: string, image: string) => ({ by: 'container', container: name, image }) as const;
  const pod = `      initContainers:
      - {name: init, image: "site:v1"}
      containers:
      - {name: app, image: "docker.io/library/site:v1"}
      - {name: side, image: "registry:5000/site:v1"}
`;

  it('replace the image wherever the repository is used', () => {
    const { resources } = render(deployment(pod), { images: [byRepository('site', 'site@sha256:abc')] });
    expect(imagesOf(resources)).toEqual(['registry:5000/site:v1', 'site@sha256:abc']);
  });

  it('set the image of a container by name, with precedence over its repository', () => {
    const images = [byContainer('app', 'other:2'), byRepository('site', 'site:v2'), byContainer('side', 'side:1')];
    const { resources } = render(deployment(pod), { images });
    const containers = fieldAt(resources[0]!.object, ['spec', 'template', 'spec', 'containers']);
    expect(containers).toEqual([
      { name: 'app', image: 'other:2' },
      { name: 'side', image: 'side:1' },
    ]);
    expect(imagesOf(resources)).toContain('site:v2');
  });

  it.each([
    ['batch/v1', 'CronJob', 'spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: x}]}}}}}'],
    ['batch/v1', 'Job', 'spec: {template: {spec: {containers: [{name: a, image: x}]}}}'],
    ['v1', 'Pod', 'spec: {containers: [{name: a, image: x}], ephemeralContainers: [{name: b, image: x}]}'],
    ['apps/v1', 'StatefulSet', 'spec: {template: {spec: {containers: [{name: a, image: x}]}}}'],
    ['v1', 'PodTemplate', 'template: {spec: {containers: [{name: a, image: x}]}}'],
    ['argoproj.io/v1alpha1', 'Rollout', 'spec: {template: {spec: {containers: [{name: a, image: x}]}}}'],
  ])('set the containers of %s %s', (apiVersion, kind, rest) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n${rest}\n`;
    expect(imagesOf(render(text, { images: [byRepository('x', 'x:2')] }).resources)).toEqual(['x:2']);
  });

  it('that match nothing are reported with the available names', () => {
    const images = [byRepository('sit', 'sit:2'), byContainer('web', 'site:3'), byContainer('app', 'site:4')];
    expect(problemsOf(() => render(deployment(pod), { images }))).toEqual([
      '`sit:2` in the input `images` matches no image; the manifests have docker.io/library/site:v1, registry:5000/site:v1, site:v1. Did you mean site?',
      '`web=site:3` in the input `images` matches no container; the manifests have app, init, side.',
    ]);
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    expect(problemsOf(() => render(text, { images: [byRepository('x', 'x:1')] }))).toEqual([
      '`x:1` in the input `images` matches no image; the manifests have no containers.',
    ]);
  });
});

describe('preStop hooks', () => {
  const ports = ', ports: [{containerPort: 8080}]';
  const sleep = { preStop: { sleep: { seconds: 5 } } };
  const podOf = (text: string, preStopSeconds = 5): Record<string, unknown> =>
    fieldAt(object(text, { preStopSeconds }), ['spec', 'template', 'spec']) as Record<string, unknown>;
  const lifecycles = (text: string): unknown[] =>
    (podOf(text)['containers'] as Record<string, unknown>[]).map(({ lifecycle }) => lifecycle);

  it('are added to every container of pods that a Service selects: one without ports may serve the one with ports', () => {
    const pod = `      containers:\n      - {name: app${ports}}\n      - {name: cache}\n`;
    expect(lifecycles(deployment(pod) + service('{app: web}'))).toEqual([sleep, sleep]);
  });

  it('are not added to init containers: a sidecar receives SIGTERM only when the others have ended', () => {
    const inits = `[{name: init}, {name: proxy, restartPolicy: Always${ports}}]`;
    const pod = `      initContainers: ${inits}\n      containers: [{name: app}, {name: side}]\n`;
    const text = deployment(pod) + service('{app: web}');
    expect(lifecycles(text)).toEqual([sleep, sleep]);
    expect(JSON.stringify(podOf(text)['initContainers'])).not.toContain('preStop');
  });

  it.each([
    ['{sleep: {seconds: 12}}', 12],
    ['{exec: {command: [sh, -c, "nginx -s quit; sleep 12"]}}', 12],
    ['{sleep: {seconds: 2}}', 5],
    ['{httpGet: {path: /drain, port: 8080}}', 5],
  ])('are as long as the longest of the pod where another container has %s', (own, seconds) => {
    const pod = `      containers:\n      - {name: app${ports}, lifecycle: {preStop: ${own}}}\n      - {name: cache}\n`;
    expect(lifecycles(deployment(pod) + service('{app: web}'))[1]).toEqual({ preStop: { sleep: { seconds } } });
  });

  it.each([
    ['a Service of another namespace', service('{app: web}', 'other')],
    ['a Service with another selector', service('{app: web, role: blue}')],
    ['a Service with an empty selector', service('{}')],
    ['no Service', ''],
  ])('are not added with %s', (_, services) => {
    expect(lifecycles(deployment(container(ports)) + services)).toEqual([undefined]);
  });

  it('do not replace an existing hook, and keep postStart', () => {
    const own = '{preStop: {exec: {command: [drain]}}}';
    const text = deployment(container(`${ports}, lifecycle: ${own}`)) + service('{app: web}');
    expect(lifecycles(text)).toEqual([{ preStop: { exec: { command: ['drain'] } } }]);
    expect(podOf(text)).not.toHaveProperty('terminationGracePeriodSeconds');
    const start = deployment(container(`${ports}, lifecycle: {postStart: {sleep: {seconds: 1}}}`));
    expect(lifecycles(start + service('{app: web}'))).toEqual([{ postStart: { sleep: { seconds: 1 } }, ...sleep }]);
  });

  it('are not added to Jobs and bare Pods, nor without the input', () => {
    const job = deployment(container(ports)).replace('apps/v1', 'batch/v1').replace('Deployment', 'Job');
    expect(lifecycles(job + service('{app: web}'))).toEqual([undefined]);
    const off = object(deployment(container(ports)) + service('{app: web}'));
    expect(JSON.stringify(off)).not.toContain('preStop');
  });

  it.each([
    [undefined, 5, 35],
    [60, 5, 65],
    [8, 5, 13],
    [3, 5, 10],
    [0, 5, 10],
    [undefined, 40, 70],
  ])('let a grace period of %s grow with a sleep of %s s to %s s, so that processes keep their time', (...row) => {
    const [grace, seconds, grown] = row;
    const line = grace === undefined ? '' : `      terminationGracePeriodSeconds: ${grace}\n`;
    const text = deployment(line + container(ports)) + service('{app: web}');
    expect(podOf(text, seconds)['terminationGracePeriodSeconds']).toBe(grown);
    const { notes, warnings } = render(text, { preStopSeconds: seconds });
    expect(warnings).toEqual([]);
    expect(notes).toEqual([
      'terminationGracePeriodSeconds includes the preStop sleep (input pre-stop) and is raised, so that processes keep their ' +
        `time to shut down: Deployment shop/web ${grace ?? 30} → ${grown}`,
    ]);
  });

  it('let the grace period grow only by what the pod waits longer than by its own hook', () => {
    const grace = (own: number): unknown => {
      const hook = `lifecycle: {preStop: {sleep: {seconds: ${own}}}}`;
      const pod = `      terminationGracePeriodSeconds: 20\n      containers: [{name: app, ${hook}}, {name: cache}]\n`;
      return podOf(deployment(pod) + service('{app: web}'))['terminationGracePeriodSeconds'];
    };
    expect([grace(2), grace(5), grace(12)]).toEqual([23, 20, 20]);
  });
});
