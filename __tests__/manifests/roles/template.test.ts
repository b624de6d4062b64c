import { describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { fieldAt } from '../../../src/kubernetes/fields.js';
import { defaultReleaseName, deriveReleaseName } from '../../../src/manifests/release-name.js';
import { readManifests, renderManifests } from '../../../src/manifests/render.js';
import { renderRoles } from '../../../src/manifests/roles/render.js';
import type { Resource } from '../../../src/manifests/resource.js';
import { classifyRoles } from '../../../src/manifests/roles/template.js';
import { errorOf, problemsOf, renderBoth, request, render } from '../../support/rendering.js';

const workspace = resolve('__tests__', 'fixtures', 'manifests');
const names = (resources: readonly Resource[] = []): string[] =>
  resources.map(({ object }) => `${object.kind} ${object.metadata.name}`);

const environment = {};
const tomcatManifests = await readManifests({ patterns: ['tomcat'], workspace, environment });
const tomcat = (overrides = {}) => ({
  ...request('', { variables: { TOMCAT_VERSION: '8' }, ...overrides }),
  manifests: tomcatManifests,
});

interface Parts {
  readonly deployment?: string;
  readonly pod?: string;
  readonly publicService?: string;
  readonly more?: string;
}

const deploymentText = (pod = ''): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-$<TARGET_ROLE>}
spec:
  selector: {matchLabels: {app: web, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: web, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: app, image: x}]${pod}}
`;
const serviceText = (name: string, selector = '{app: web, role: $<TARGET_ROLE>}'): string =>
  `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {selector: ${selector}, ports: [{port: 80}]}\n`;

/** A small blue/green application, with parts replaced or added. */
function application({ deployment, pod, publicService, more = '' }: Parts = {}): string {
  return (deployment ?? deploymentText(pod)) + (publicService ?? serviceText('web')) + more;
}

describe('the files of 2018', () => {
  it('render to both roles, classified, without changes', () => {
    const { resources, warnings } = renderRoles({ ...tomcat(), roles: ['blue', 'green'] });
    expect(names(resources.of['blue'])).toEqual(['Deployment tomcat-deployment-blue', 'Service tomcat-test-blue']);
    expect(names(resources.of['green'])).toEqual(['Deployment tomcat-deployment-green', 'Service tomcat-test-green']);
    expect(resources.testService).toEqual({ blue: 'tomcat-test-blue', green: 'tomcat-test-green' });
    expect(resources.shared).toEqual([]);
    expect(resources.publicServices['green']![0]!.object['spec']).toEqual({
      type: 'LoadBalancer',
      selector: { app: 'tomcat', role: 'green' },
      ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
    });
    expect(resources.of['green']![0]!.object).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'tomcat-deployment-green',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover' },
        annotations: { 'cutover/release': 'web' },
      },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'tomcat', role: 'green' } },
        template: {
          metadata: { labels: { app: 'tomcat', role: 'green' } },
          spec: {
            containers: [
              {
                name: 'tomcat-container',
                image: 'tomcat:8',
                ports: [{ containerPort: 8080, protocol: 'TCP' }],
                readinessProbe: { httpGet: { path: '/', port: 8080 } },
              },
            ],
          },
        },
      },
    });
    expect(warnings.map(({ at }) => at)).toEqual([{ file: 'tomcat/deployment.yml', line: 2, column: 1 }]);
  });

  it('can be deployed with the rolling strategy too', async () => {
    const manifests = await readManifests({ patterns: ['tomcat-rolling/*.yml'], workspace, environment });
    const { resources } = renderManifests({ ...tomcat({ preStopSeconds: 5 }), manifests });
    expect(names(resources)).toEqual(['Deployment tomcat-deployment-rolling-update', 'Service tomcat-service-rolling']);
    const container = fieldAt(resources[0]!.object, ['spec', 'template', 'spec', 'containers', 0]);
    expect(container).toMatchObject({ image: 'tomcat:8', lifecycle: { preStop: { sleep: { seconds: 5 } } } });
    expect(fieldAt(resources[0]!.object, ['spec', 'strategy', 'rollingUpdate'])).toEqual({
      maxUnavailable: 1,
      maxSurge: '50%',
    });
  });

  it('need a version of Tomcat only if the placeholder is strict', () => {
    const { resources } = renderRoles({ ...tomcat({ variables: {} }), roles: ['blue', 'green'] });
    expect(JSON.stringify(resources.of['blue'])).toContain('tomcat:${TOMCAT_VERSION}');
  });

  it('accept any role names', () => {
    const { resources } = renderRoles({ ...tomcat(), roles: ['left', 'right'] });
    expect(resources.testService).toEqual({ left: 'tomcat-test-left', right: 'tomcat-test-right' });
  });
});

describe('classifying objects', () => {
  it('shares objects that do not depend on the role', () => {
    const more =
      '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n' +
      '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings-$<TARGET_ROLE>}\n' +
      serviceText('by-name', '{app: other}');
    const { resources } = renderBoth(application({ more }));
    expect(names(resources.shared)).toEqual(['ConfigMap settings', 'Service by-name']);
    expect(names(resources.of['blue'])).toEqual(['Deployment web-blue', 'ConfigMap settings-blue']);
    expect(resources.testService).toEqual({});
  });

  it('adds preStop hooks to both roles', () => {
    const { resources } = renderBoth(application(), { preStopSeconds: 7 });
    for (const role of ['blue', 'green']) expect(JSON.stringify(resources.of[role])).toContain('{"seconds":7}');
  });

  it.each([
    [
      'a name that does not depend while a label does',
      { more: '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {role: $<TARGET_ROLE>}\n' },
      'app.yml:19:8 ConfigMap shop/settings has the same name for both roles, but data.role depends on TARGET_ROLE: staging ' +
        'would change the object that the live pods use. Add TARGET_ROLE to its name too, or remove it from the field.',
    ],
    [
      'a Service that depends elsewhere than in its selector',
      { more: serviceText('side', '{app: side}').replace('name: side', 'name: side, labels: {role: $<TARGET_ROLE>}') },
      'app.yml:18:33 Service shop/side has the same name for both roles, but metadata.labels.role depends on TARGET_ROLE: staging ' +
        'would change the object that the live pods use. Add TARGET_ROLE to its name too, or remove it from the field.',
    ],
    [
      'no public Service',
      { publicService: serviceText('web-$<TARGET_ROLE>') },
      'No Service is public: the public Service has the same name for both roles and TARGET_ROLE in its selector, as in `role: $<TARGET_ROLE>`.',
    ],
    [
      'two public Services',
      { more: serviceText('admin') },
      'app.yml:14:8 Several Services could be the main public one: web, admin. All of them are switched together; name the one ' +
        'that the checks ask first in the input `service`.',
    ],
    [
      'a public Service that selects none of the pods',
      { publicService: serviceText('web', '{app: wev, role: $<TARGET_ROLE>}') },
      'app.yml:14:8 For blue, Service shop/web selects {"app":"wev","role":"blue"}, which matches none of the pods of Deployment shop/web-blue.',
      'app.yml:14:8 For green, Service shop/web selects {"app":"wev","role":"green"}, which matches none of the pods of Deployment shop/web-green.',
    ],
    [
      'no Deployment of its own for each role',
      { deployment: deploymentText().replace('kind: Deployment', 'kind: Thing') },
      'No Deployment belongs to a role: add TARGET_ROLE to the name of the Deployment that serves users.',
    ],
    [
      'a StatefulSet with roles',
      {
        more: deploymentText().replace('kind: Deployment', 'kind: StatefulSet').replace('name: web-', 'name: db-'),
      },
      'app.yml:16:1 StatefulSet shop/db-blue cannot have roles: its pods own volumes and names that cannot exist twice. Only Deployments can.',
    ],
    [
      'a DaemonSet with roles',
      { more: deploymentText().replace('kind: Deployment', 'kind: DaemonSet') },
      'app.yml:16:1 DaemonSet shop/web-blue cannot have roles: it already runs once on every node. Only Deployments can.',
    ],
    [
      'hostNetwork',
      { pod: ', hostNetwork: true' },
      'app.yml:9:49 Deployment shop/web-blue cannot have roles: with hostNetwork, only one of its pods can use a port of a node.',
    ],
    [
      'hostPort',
      { pod: ', initContainers: [{name: a, ports: [{containerPort: 1}, {containerPort: 8080, hostPort: 80}]}]' },
      'app.yml:9:126 Deployment shop/web-blue cannot have roles: only one pod of a node can use hostPort 80.',
    ],
    [
      'a claim that one node has for itself',
      {
        pod: ', volumes: [{name: a, persistentVolumeClaim: {claimName: data}}, {name: b, persistentVolumeClaim: {claimName: many}}]',
        more:
          '---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce]}\n' +
          '---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: many}\nspec: {accessModes: [ReadWriteMany]}\n',
      },
      'app.yml:9:93 Deployment shop/web-blue cannot have roles: PersistentVolumeClaim shop/data is ReadWriteOnce, so the ' +
        'pods of both roles cannot use it at the same time.',
    ],
    [
      'a test Service that reaches both sides',
      { more: serviceText('web-test-$<TARGET_ROLE>', '{app: web}') },
      'app.yml:19:8 Service shop/web-test-blue is the test Service of blue, but also selects pods of green: checks could reach either role.',
      'app.yml:19:8 Service shop/web-test-green is the test Service of green, but also selects pods of blue: checks could reach either role.',
    ],
    [
      'several test Services',
      { more: serviceText('a-$<TARGET_ROLE>') + serviceText('b-$<TARGET_ROLE>') },
      'app.yml:16:1 Several Services could be the test Service of blue: a-blue, b-blue. Set the input `test-service` to one of them, with * for the role.',
      'app.yml:16:1 Several Services could be the test Service of green: a-green, b-green. Set the input `test-service` to one of them, with * for the role.',
    ],
  ] as const)('refuses %s', (_, parts, ...problems) => {
    const found = problemsOf(() => renderBoth(application(parts)));
    expect(found).toEqual(problems);
  });

  it('rejects a public Service that also selects the other role', () => {
    const deployment = deploymentText().replace('labels: {app: web, role', 'labels: {app: web, all: "yes", role');
    const other = serviceText('web', '{app: web, all: $<ALL>}');
    const one = render(deployment + other, { builtIns: { TARGET_ROLE: 'blue' }, variables: { ALL: '"yes"' } });
    expect(one.resources).toHaveLength(2);
    const rendered = Object.fromEntries(
      ['blue', 'green'].map(role => {
        const variables = { ALL: role === 'blue' ? 'yes' : 'no' };
        return [role, render(deployment + other, { builtIns: { TARGET_ROLE: role }, variables }).resources];
      }),
    );
    expect(problemsOf(() => classifyRoles({ roles: ['blue', 'green'], rendered }))).toEqual([
      'app.yml:14:8 For blue, Service shop/web also selects the pods of Deployment shop/web-green: users would reach both roles.',
      'app.yml:14:8 For green, Service shop/web selects {"app":"web","all":"no"}, which matches none of the pods of Deployment shop/web-green.',
    ]);
  });

  it('lists all problems together', () => {
    const more = '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: $<TARGET_ROLE>}\n';
    const text = application({ pod: ', hostNetwork: true', more });
    expect(problemsOf(() => renderBoth(text))).toHaveLength(2);
  });
});

describe('the inputs service and test-service', () => {
  const two = application({ more: serviceText('admin') });
  const tests = application({ more: serviceText('a-$<TARGET_ROLE>') + serviceText('b-$<TARGET_ROLE>') });

  it('choose one of several', () => {
    expect(
      renderBoth(application(), { services: ['web'] }).resources.publicServices['blue']![0]!.object.metadata.name,
    ).toBe('web');
    expect(renderBoth(tests, { testService: 'b-*' }).resources.testService).toEqual({
      blue: 'b-blue',
      green: 'b-green',
    });
  });

  it('say which of several public Services is the main one; all of them are switched', () => {
    const { publicServices } = renderBoth(two, { services: ['admin'] }).resources;
    expect(names(publicServices['green'])).toEqual(['Service admin', 'Service web']);
  });

  it('need not say it where one of them is open outside of the cluster', () => {
    const open = serviceText('admin').replace('{selector', '{type: NodePort, selector');
    const { publicServices } = renderBoth(application({ more: open })).resources;
    expect(names(publicServices['green'])).toEqual(['Service admin', 'Service web']);
  });

  it('leave the test Service to the one for the pods behind the main Service', () => {
    const selector = '{app: api, role: $<TARGET_ROLE>}';
    const api = deploymentText().replaceAll('app: web', 'app: api').replace('name: web-', 'name: api-');
    const tests = serviceText('api-test-$<TARGET_ROLE>', selector) + serviceText('web-test-$<TARGET_ROLE>');
    const text = application({ more: api + serviceText('api', selector) + tests });
    expect(renderBoth(text, { services: ['web'] }).resources.testService).toEqual({
      blue: 'web-test-blue',
      green: 'web-test-green',
    });
  });

  it('must name a suitable Service', () => {
    expect(problemsOf(() => renderBoth(application(), { services: ['shop'] }))).toEqual([
      'The input `service` is shop, but TARGET_ROLE is in the selector of web.',
    ]);
    expect(problemsOf(() => renderBoth(two, { services: ['admin', 'shop', 'api'] }))).toEqual([
      'The input `service` is shop, but TARGET_ROLE is in the selector of web, admin.',
      'The input `service` is api, but TARGET_ROLE is in the selector of web, admin.',
    ]);
    expect(problemsOf(() => renderBoth(tests, { testService: 'c-*' }))[0]).toBe(
      'The input `test-service` resolves to c-blue, which does not select pods of blue; a-blue, b-blue would.',
    );
    expect(problemsOf(() => renderBoth(application(), { testService: 'c-*' }))[0]).toBe(
      'The input `test-service` resolves to c-blue, which does not select pods of blue; no Service of the role does.',
    );
  });
});

describe('manifests without TARGET_ROLE', () => {
  const plain = application().replaceAll('$<TARGET_ROLE>', 'blue');

  it.each([
    ['never mention it', plain],
    ['mention it in a comment only', `# $<TARGET_ROLE>\n${plain}`],
    ['mention it escaped', plain.replace('image: x', () => 'image: x, args: ["$$<TARGET_ROLE>"]')],
  ])('get derived roles when they %s', (_, text) => {
    const { resources } = renderBoth(text);
    expect(resources.automatic).toBe(true);
    expect(names(resources.of['green'])).toEqual(['Deployment web-blue-green', 'Service web-test-green']);
    expect(renderBoth(application()).resources.automatic).toBeUndefined();
  });

  it.each([
    ['off', 'no placeholders'],
    ['strict-only', 'only `$<NAME>`'],
  ] as const)('are distinguished from those where substitution is %s', (substitution, form) => {
    const text = application().replaceAll('$<TARGET_ROLE>', '$TARGET_ROLE');
    expect(errorOf(() => renderBoth(text, { substitution })).message).toBe(
      `app.yml:4:18: TARGET_ROLE is not replaced here: \`substitution: ${substitution}\` replaces ${form}.`,
    );
  });

  it('may not set TARGET_ROLE in the variables', () => {
    expect(errorOf(() => renderBoth(application(), { variables: { TARGET_ROLE: 'blue' } })).message).toBe(
      'The input `variables` sets TARGET_ROLE, but blue/green renders the manifests once for each role.',
    );
  });

  it('that cannot be parsed report this first', () => {
    expect(problemsOf(() => renderBoth('a: [\n'))[0]).toMatch(/^app\.yml:\d+:\d+ Not valid YAML/);
  });
});

describe('the name of a release', () => {
  const workload = (name: string): string =>
    `---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {template: {metadata: {labels: {app: ${name}}}, spec: {containers: [{name: a, image: x}]}}}\n`;
  const config = '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n';
  const task =
    '---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}\n';

  it.each([
    ['the Service that selects the workload', config + workload('web') + serviceText('site', '{app: web}'), 'site'],
    [
      'the Service that users reach from outside',
      workload('web') +
        serviceText('a', '{app: web}') +
        serviceText('b', '{app: web}').replace('spec: {', 'spec: {type: NodePort, '),
      'b',
    ],
    ['the only workload', config + serviceText('other', '{app: x}') + workload('web') + task, 'web'],
  ])('is that of %s, in whatever order', (_, text, name) => {
    for (const ordered of [text, text.split('---\n').reverse().join('---\n')]) {
      expect(defaultReleaseName(render(ordered).resources)).toBe(name);
      expect(deriveReleaseName(request(ordered))).toBe(name);
    }
  });

  it.each([
    [
      'Services',
      workload('web') + workload('api') + serviceText('web', '{app: web}') + serviceText('aaa', '{app: api}'),
      'aaa, web',
    ],
    ['Deployments', workload('web') + workload('api'), 'api, web'],
  ])('is not one of several %s: the error lists them, in whatever order', (kinds, text, names) => {
    for (const ordered of [text, text.split('---\n').reverse().join('---\n')])
      expect(errorOf(() => deriveReleaseName(request(ordered)))).toMatchObject({
        code: 'input',
        message: `The release name cannot be derived: several ${kinds} of the manifests could name it: ${names}`,
      });
    expect(deriveReleaseName({ ...request(text), services: ['aaa'] })).toBe('aaa');
  });

  it('is the public Service in blue/green, and the input service in a rolling deploy', () => {
    expect(defaultReleaseName(renderBoth(application()).resources)).toBe('web');
    expect(deriveReleaseName({ ...request(application()), roles: ['blue', 'green'] })).toBe('web');
    expect(deriveReleaseName({ ...request(workload('web')), services: ['site'] })).toBe('site');
  });

  it.each([
    ['REVISION may be used', workload('web').replace('image: x', 'image: x-$<REVISION>'), 'web'],
    ['RELEASE as a variable may be used', workload('$<RELEASE>'), 'mine'],
  ])('%s before the name is derived', (_, text, name) => {
    expect(deriveReleaseName(request(text, name === 'mine' ? { variables: { RELEASE: 'mine' } } : {}))).toBe(name);
  });

  it.each([
    [config, 'The release name cannot be derived: the manifests contain no workload.'],
    [workload('a'.repeat(41)), `The name ${'a'.repeat(41)}, derived from the manifests, is not a valid release name.`],
    [workload('web.v2'), 'The name web.v2, derived from the manifests, is not a valid release name.'],
    [
      workload('web-$RELEASE'),
      'The manifests use the placeholder RELEASE, but the release name would be derived from the manifests.',
    ],
  ])('must be set by the input where the manifests have no valid one (%#)', (text, message) => {
    expect(errorOf(() => deriveReleaseName(request(text)))).toMatchObject({
      code: 'input',
      message,
      hint: 'Set the input `release`: lower-case letters, digits and -, at most 40 characters.',
    });
  });
});
