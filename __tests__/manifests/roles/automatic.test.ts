import { describe, expect, it } from '@jest/globals';
import { fieldAt, type Path } from '../../../src/kubernetes/fields.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { Resource } from '../../../src/manifests/resource.js';
import { selectorMatches } from '../../../src/kubernetes/selectors.js';
import { roleName } from '../../../src/manifests/roles/copies.js';
import { problemsOf, renderBoth, type Overrides } from '../../support/rendering.js';

const document = (text: string): string => `---\n${text.trim()}\n`;
const deployment = (name: string, pod = '', app = name): string =>
  document(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${app}}}
  template:
    metadata: {labels: {app: ${app}}}
    spec: {containers: [{name: app, image: x, ports: [{name: http, containerPort: 8080}, {name: stats, containerPort: 9090}]}]${pod}}
`);
const service = (name: string, spec = 'ports: [{port: 80, targetPort: http}]', app = 'web'): string =>
  document(`apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {selector: {app: ${app}}, ${spec}}`);
const config = (name: string, kind = 'ConfigMap'): string =>
  document(`apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}}\ndata: {key: dmFsdWU=}`);
/** `of`: version, kind and name, as in `v1 Pod web`. */
const other = (of: string, spec: string): string => {
  const [apiVersion, kind, name] = of.split(' ');
  return document(`apiVersion: ${apiVersion}
kind: ${kind}
metadata: {name: ${name}}
spec: ${spec}`);
};
const web = deployment('web') + service('web');

const names = (resources: readonly Resource[] = []): string[] =>
  resources.map(({ object }) => `${object.kind} ${object.metadata.name}`);
const sorted = (text: string, overrides: Overrides = {}) => renderBoth(text, overrides).resources;
function ofGreen(text: string, name: string): KubeObject {
  const found = (sorted(text).of['green'] ?? []).find(
    ({ object }) => `${object.kind} ${object.metadata.name}` === name,
  );
  if (found === undefined) throw new Error(`green has no ${name}: ${names(sorted(text).of['green']).join(', ')}`);
  return found.object;
}

describe('Manifests without TARGET_ROLE', () => {
  it('have each Deployment behind the public Service once for each role, distinguished by a label', () => {
    const green = ofGreen(web, 'Deployment web-green');
    expect(green.metadata.labels).toMatchObject({ 'cutover/role': 'green' });
    expect(fieldAt(green, ['spec', 'selector'])).toEqual({ matchLabels: { app: 'web', 'cutover/role': 'green' } });
    expect(fieldAt(green, ['spec', 'template', 'metadata', 'labels'])).toEqual({ app: 'web', 'cutover/role': 'green' });
    const { publicServices } = sorted(web);
    expect(fieldAt(publicServices['blue']?.[0]?.object, ['spec', 'selector'])).toEqual({
      app: 'web',
      'cutover/role': 'blue',
    });
    expect(names(Object.values(publicServices).flat())).toEqual(['Service web', 'Service web']);
  });

  it('get a test Service for each role, inside the cluster only', () => {
    const text =
      deployment('web') + service('web', 'type: NodePort, ports: [{port: 80, targetPort: http, nodePort: 30080}]');
    expect(ofGreen(text, 'Service web-test-green')['spec']).toEqual({
      type: 'ClusterIP',
      selector: { app: 'web', 'cutover/role': 'green' },
      ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
    });
    expect(sorted(text).testService).toEqual({ blue: 'web-test-blue', green: 'web-test-green' });
    expect(sorted(text, { testService: 'try-*' }).testService).toEqual({ blue: 'try-blue', green: 'try-green' });
  });

  it('keep the positions of their sources', () => {
    const [first] = sorted(web).of['blue'] ?? [];
    expect(first?.positionOf(['metadata', 'name'])).toMatchObject({ file: 'app.yml', line: 4 });
  });

  it('take every Deployment that the public Service selects', () => {
    const text = deployment('web') + deployment('extra', '', 'web') + service('web');
    expect(names(sorted(text).of['blue'])).toEqual([
      'Deployment web-blue',
      'Deployment extra-blue',
      'Service web-test-blue',
    ]);
  });

  const pods: readonly (readonly [string, string, string, Path])[] = [
    [
      'a volume of a ConfigMap',
      ', volumes: [{name: v, configMap: {name: c}}]',
      'ConfigMap',
      ['volumes', 0, 'configMap', 'name'],
    ],
    [
      'a volume of a Secret',
      ', volumes: [{name: v, secret: {secretName: c}}]',
      'Secret',
      ['volumes', 0, 'secret', 'secretName'],
    ],
    [
      'a projected ConfigMap',
      ', volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]',
      'ConfigMap',
      ['volumes', 0, 'projected', 'sources', 0, 'configMap', 'name'],
    ],
    [
      'a projected Secret',
      ', volumes: [{name: v, projected: {sources: [{secret: {name: c}}]}}]',
      'Secret',
      ['volumes', 0, 'projected', 'sources', 0, 'secret', 'name'],
    ],
    [
      'the credentials of a volume driver',
      ', volumes: [{name: v, csi: {driver: d, nodePublishSecretRef: {name: c}}}]',
      'Secret',
      ['volumes', 0, 'csi', 'nodePublishSecretRef', 'name'],
    ],
    ['a pull secret', ', imagePullSecrets: [{name: c}]', 'Secret', ['imagePullSecrets', 0, 'name']],
    ...(['initContainers', 'ephemeralContainers'] as const).flatMap(list =>
      (
        [
          ['configMapKeyRef', 'ConfigMap'],
          ['secretKeyRef', 'Secret'],
        ] as const
      ).map(
        ([holder, kind]) =>
          [
            `a variable of ${list} from ${holder}`,
            `, ${list}: [{name: i, image: x, env: [{name: A, valueFrom: {${holder}: {name: c, key: key}}}]}]`,
            kind,
            [list, 0, 'env', 0, 'valueFrom', holder, 'name'],
          ] as const,
      ),
    ),
    ...(
      [
        ['configMapRef', 'ConfigMap'],
        ['secretRef', 'Secret'],
      ] as const
    ).map(
      ([holder, kind]) =>
        [
          `all variables from ${holder}`,
          `, initContainers: [{name: i, image: x, envFrom: [{${holder}: {name: c}}]}]`,
          kind,
          ['initContainers', 0, 'envFrom', 0, holder, 'name'],
        ] as const,
    ),
  ];

  it.each(pods)('%s is the role’s own, and so is the reference', (...[, pod, kind, path]) => {
    const text = deployment('web', pod) + service('web') + config('c', kind);
    const spec: Path = ['spec', 'template', 'spec'];
    expect(fieldAt(ofGreen(text, 'Deployment web-green'), [...spec, ...path])).toBe('c-green');
    expect(ofGreen(text, `${kind} c-green`)['data']).toEqual({ key: 'dmFsdWU=' });
    expect(names(sorted(text).shared)).toEqual([]);
  });

  it.each(pods)('%s that is not in the manifests keeps its name', (...[, pod, kind, path]) => {
    const elsewhere = kind === 'Secret' ? 'ConfigMap' : 'Secret';
    const text = deployment('web', pod) + service('web') + config('c', elsewhere);
    expect(fieldAt(ofGreen(text, 'Deployment web-green'), ['spec', 'template', 'spec', ...path])).toBe('c');
    expect(names(sorted(text).shared)).toEqual([`${elsewhere} c`]);
  });

  it('keep configuration that shared objects refer to, beside the copies of the roles', () => {
    const task =
      '{template: {spec: {restartPolicy: Never, containers: [{name: m, image: x, envFrom: [{configMapRef: {name: c}}]}]}}}';
    const text =
      deployment('web', ', volumes: [{name: v, configMap: {name: c}}, {name: w, secret: {secretName: s}}]') +
      service('web') +
      config('c') +
      config('s', 'Secret') +
      other('batch/v1 Job migrate', task) +
      other(
        'networking.k8s.io/v1 Ingress web',
        '{tls: [{secretName: s}], defaultBackend: {service: {name: web, port: {number: 80}}}}',
      );
    expect(names(sorted(text).shared)).toEqual(['ConfigMap c', 'Secret s', 'Job migrate', 'Ingress web']);
    expect(names(sorted(text).of['blue'])).toEqual([
      'Deployment web-blue',
      'ConfigMap c-blue',
      'Secret s-blue',
      'Service web-test-blue',
    ]);
  });

  it('have autoscalers and disruption budgets for each role', () => {
    const target = '{apiVersion: apps/v1, kind: Deployment, name: web}';
    const text =
      web +
      other('autoscaling/v2 HorizontalPodAutoscaler web', `{scaleTargetRef: ${target}, maxReplicas: 3}`) +
      other('autoscaling.k8s.io/v1 VerticalPodAutoscaler web', `{targetRef: ${target}}`) +
      other('policy/v1 PodDisruptionBudget web', '{minAvailable: 1, selector: {matchLabels: {app: web}}}') +
      other('policy/v1 PodDisruptionBudget db', '{minAvailable: 1, selector: {matchLabels: {app: db}}}');
    expect(fieldAt(ofGreen(text, 'HorizontalPodAutoscaler web-green'), ['spec', 'scaleTargetRef', 'name'])).toBe(
      'web-green',
    );
    expect(fieldAt(ofGreen(text, 'VerticalPodAutoscaler web-green'), ['spec', 'targetRef', 'name'])).toBe('web-green');
    expect(fieldAt(ofGreen(text, 'PodDisruptionBudget web-green'), ['spec', 'selector', 'matchLabels'])).toEqual({
      app: 'web',
      'cutover/role': 'green',
    });
    expect(names(sorted(text).shared)).toEqual(['PodDisruptionBudget db']);
  });

  it('restrict spread constraints for their own pods to the role, and leave others unchanged', () => {
    const selector = (app: string): string => `labelSelector: {matchLabels: {app: ${app}}}`;
    const pod =
      `, topologySpreadConstraints: [{${selector('web')}}], affinity: {podAntiAffinity: ` +
      `{requiredDuringSchedulingIgnoredDuringExecution: [{${selector('web')}}, {${selector('db')}}]}}`;
    const green = ofGreen(deployment('web', pod) + service('web'), 'Deployment web-green');
    const spec = fieldAt(green, ['spec', 'template', 'spec']);
    const own = { labelSelector: { matchLabels: { app: 'web', 'cutover/role': 'green' } } };
    expect(fieldAt(spec, ['topologySpreadConstraints'])).toEqual([own]);
    expect(fieldAt(spec, ['affinity', 'podAntiAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'])).toEqual([
      own,
      { labelSelector: { matchLabels: { app: 'db' } } },
    ]);
  });

  it.each([
    ['headless', service('further', 'clusterIP: None, ports: [{port: 8080}]')],
    ['for metrics', service('further', 'ports: [{name: metrics, port: 9090, targetPort: stats}]')],
    [
      'annotated as shared',
      service('further').replace('{name: further}', '{name: further, annotations: {cutover/shared: "true"}}'),
    ],
  ])('do not change another Service that is %s', (_what, text) => {
    expect(names(sorted(web + text).shared)).toEqual(['Service further']);
    expect(sorted(web + text).publicServices['blue']?.[0]?.object.metadata.name).toBe('web');
  });

  it.each([
    [
      'open outside of the cluster',
      service('web', 'type: LoadBalancer, ports: [{port: 80}]'),
      service('api', 'ports: [{port: 80}]', 'api'),
    ],
    [
      'behind an Ingress',
      service('web') +
        other('networking.k8s.io/v1 Ingress web', '{rules: [{http: {paths: [{backend: {service: {name: web}}}]}}]}'),
      service('api', 'ports: [{port: 80}]', 'api'),
    ],
  ])(
    'use the Service that is %s as the main one, and switch those of other Deployments together with it',
    (_what, main, inner) => {
      const { resources, notes } = renderBoth(deployment('api') + inner + deployment('web') + main);
      expect(names(resources.publicServices['blue'])).toEqual(['Service web', 'Service api']);
      expect(names(resources.of['green'])).toEqual([
        'Deployment api-green',
        'Deployment web-green',
        'Service web-test-green',
      ]);
      expect(fieldAt(resources.publicServices['green']?.[1]?.object, ['spec', 'selector'])).toEqual({
        app: 'api',
        'cutover/role': 'green',
      });
      expect(notes).toContain('Service shop/web and Service shop/api are switched together');
    },
  );

  it('use the Service that the input names', () => {
    const text = web + deployment('api') + service('api', 'ports: [{port: 80}]', 'api');
    expect(names(sorted(text, { services: ['api', 'web'] }).publicServices['blue'])).toEqual([
      'Service api',
      'Service web',
    ]);
    const shared = text.replace('{name: web}', '{name: web, annotations: {cutover/shared: "true"}}');
    expect(names(sorted(shared, { services: ['api'] }).publicServices['blue'])).toEqual(['Service api']);
    expect(names(sorted(shared, { services: ['api'] }).shared)).toEqual(['Deployment web', 'Service web']);
  });

  it.each([
    ['without the input', {}],
    ['with the input', { services: ['web'] }],
  ])('switch another Service of the same pods, whatever its port, %s', (_how, overrides: Overrides) => {
    const text =
      deployment('web') +
      service('web', 'type: NodePort, ports: [{port: 80, targetPort: 8080}]') +
      service('inner') +
      service('admin', 'ports: [{port: 81, targetPort: 9090}]');
    expect(names(sorted(text, overrides).publicServices['blue'])).toEqual([
      'Service web',
      'Service inner',
      'Service admin',
    ]);
  });

  it('leave headless Services, those for metrics and those marked as shared as they are', () => {
    const marked = service('old').replace('{name: old}', '{name: old, annotations: {cutover/shared: "true"}}');
    const text =
      web +
      service('peers', 'clusterIP: None, ports: [{port: 80}]') +
      service('scrape', 'ports: [{name: metrics, port: 9100}]') +
      marked;
    expect(names(sorted(text, { services: ['web'] }).publicServices['blue'])).toEqual(['Service web']);
    expect(names(sorted(text, { services: ['web'] }).shared)).toEqual([
      'Service peers',
      'Service scrape',
      'Service old',
    ]);
  });

  it('give each role its own of a Deployment without a Service that is marked so', () => {
    const load = deployment('load').replace('{name: load}', '{name: load, annotations: {cutover/shared: "false"}}');
    expect(names(sorted(web + load).of['green'])).toEqual([
      'Deployment web-green',
      'Deployment load-green',
      'Service web-test-green',
    ]);
  });

  it('share annotated workloads and Jobs', () => {
    const marked = deployment('worker').replace(
      '{name: worker}',
      '{name: worker, annotations: {cutover/shared: "true"}}',
    );
    const task = other(
      'batch/v1 CronJob nightly',
      '{schedule: "0 1 * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: n, image: x}]}}}}}',
    );
    expect(names(sorted(web + marked + task).shared)).toEqual(['Deployment worker', 'CronJob nightly']);
  });
});

describe('Manifests without TARGET_ROLE are rejected, with reason and position,', () => {
  it.each<readonly [string, string, RegExp, Overrides?]>([
    ['without a Service', deployment('web'), /^No Service is public/],
    [
      'with a Service that selects none of their pods',
      deployment('web') + service('db', 'ports: [{port: 80}]', 'db'),
      /^No Service is public/,
    ],
    ['with nothing but a headless one', deployment('web') + service('web', 'clusterIP: None'), /^No Service is public/],
    [
      'where several Services could be public',
      web + deployment('api') + service('api', 'ports: [{port: 80}]', 'api'),
      /^app\.yml:\d+:\d+ Several Services could be the public one: web, api\. Name the one that the checks ask first in the input `service`/,
    ],
    [
      'where the input names another Service',
      web,
      /is api, which selects the pods of no workload; web would/,
      { services: ['api'] },
    ],
    [
      'where the input names a headless one',
      deployment('web') + service('web', 'clusterIP: None'),
      /web is headless/,
      { services: ['web'] },
    ],
    [
      'where a Deployment is behind a Service that the input does not name',
      web + deployment('api') + service('api', 'ports: [{port: 80}]', 'api'),
      /^app\.yml:\d+:\d+ Deployment shop\/api is behind Service shop\/api, which is not switched: it would be updated in place while staging\. Name api in the input `service` too/,
      { services: ['web'] },
    ],
    [
      'where a Deployment is behind a headless Service alone',
      web + deployment('db') + service('db', 'clusterIP: None, ports: [{port: 80}]', 'db'),
      /^app\.yml:\d+:\d+ Deployment shop\/db is behind Service shop\/db, .* A headless Service cannot be switched\./,
    ],
    [
      'where the input names a Service too many',
      web,
      /is api, which selects the pods of no workload; web would/,
      { services: ['web', 'api'] },
    ],
    [
      'with a Deployment that no Service selects',
      web + deployment('worker'),
      /^app\.yml:\d+:\d+ No Service selects the pods of Deployment shop\/worker/,
    ],
    [
      'with a StatefulSet behind the Service',
      web.replace('kind: Deployment', 'kind: StatefulSet'),
      /StatefulSet shop\/web cannot have roles: its pods own volumes/,
    ],
    [
      'with a DaemonSet behind the Service',
      web.replace('kind: Deployment', 'kind: DaemonSet'),
      /already runs once on every node/,
    ],
    [
      'with a bare Pod behind the Service',
      web +
        document(
          'apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: web}}\nspec: {containers: [{name: c, image: x}]}',
        ),
      /Pod shop\/p cannot have roles: no controller recreates it/,
    ],
    [
      'with a workload of a foreign kind behind it',
      web.replace('apps/v1\nkind: Deployment', 'argoproj.io/v1\nkind: Rollout'),
      /Rollout shop\/web cannot have roles/,
    ],
    ['with the network of the node', deployment('web', ', hostNetwork: true') + service('web'), /hostNetwork/],
    ['with a port of the node', web.replace('containerPort: 8080', 'containerPort: 8080, hostPort: 80'), /hostPort 80/],
    [
      'with a volume that only one pod can have',
      deployment('web', ', volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]') +
        service('web') +
        other('v1 PersistentVolumeClaim c', '{accessModes: [ReadWriteOnce]}'),
      /ReadWriteOnce/,
    ],
    [
      'where a copy would have the name of another object',
      deployment('web', ', volumes: [{name: v, configMap: {name: c}}]') +
        service('web') +
        config('c') +
        config('c-blue'),
      /^app\.yml:\d+:\d+ ConfigMap shop\/c-blue would be created for blue, but the manifests define it at app\.yml:/,
    ],
  ])('%s', (...[, text, message, overrides]) => {
    expect(problemsOf(() => renderBoth(text, overrides))[0]).toMatch(message);
  });
});

describe('The name of a role’s own object', () => {
  it('is cut to the limit of Kubernetes, and stays unique', () => {
    expect(roleName('web', 'blue')).toBe('web-blue');
    const [one, two] = ['a', 'b'].map(end => roleName(`${'long-'.repeat(13)}${end}`, 'green'));
    expect(one).toMatch(/^(long-){8}.*-[0-9a-f]{8}-green$/);
    expect(one?.length).toBeLessThanOrEqual(63);
    expect(one).not.toBe(two);
  });
});

describe('A label selector', () => {
  it.each([
    [true, { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }],
    [false, { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }],
    [true, { matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
    [true, { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }],
    [false, { matchLabels: { app: 'db' } }],
    [false, { matchExpressions: [{ key: 'app', operator: 'Unknown' }] }],
    [true, {}],
  ])('is %s for %j and the labels {app: web}', (matches, selector) => {
    expect(selectorMatches(selector, { app: 'web' })).toBe(matches);
  });
});
