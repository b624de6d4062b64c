import {
  childOf,
  clone,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import type { Answer } from '../../support/sandbox/api-client.js';
import { configMap as anyConfigMap, metadataOf, patch, type Row } from '../../support/conformance/api-row.js';

const deployments = (namespace: string, name = 'web'): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
const services = (namespace: string, name = 'web'): string => `/api/v1/namespaces/${namespace}/services/${name}`;
const configMaps = (namespace: string, name = 'web'): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

interface DeploymentParts {
  readonly container?: JsonObject;
  readonly spec?: JsonObject;
  readonly labels?: JsonObject;
}

/** A Deployment without pods, so that no controller changes it. */
function deployment({ container = {}, spec = {}, labels = { app: 'web' } }: DeploymentParts = {}): JsonObject {
  const containers = [{ name: 'web', image: 'site:v1', ...container }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
      ...spec,
    },
  };
}

const service = (selector: JsonObject, ports: JsonValue = [{ port: 80, targetPort: 8080 }]): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector, ports },
});

const configMap = (data: JsonObject, metadata: JsonObject = {}): JsonObject =>
  anyConfigMap(data, { name: 'web', ...metadata });

/** Status, reason and causes of an answer. */
function verdict({ status, json }: Answer): JsonObject {
  const causes = objectsAt(json, 'details', 'causes').map(({ reason, field }) => ({
    reason: reason ?? '',
    field: field ?? '',
  }));
  return {
    status,
    ...(json.reason === undefined ? {} : { reason: json.reason }),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

const refused = (answer: Answer): JsonObject => ({ ...verdict(answer), message: answer.json.message ?? '' });
const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const containerOf = (answer: Answer): JsonObject =>
  objectsAt(answer.json, 'spec', 'template', 'spec', 'containers')[0] ?? {};

/** The fields of each manager, without times. */
function owners(answer: Answer): JsonObject {
  const entries = objectsAt(metadataOf(answer), 'managedFields').map(entry => {
    const through = textAt(entry, 'subresource');
    return [`${textAt(entry, 'manager') ?? ''} ${through ?? textAt(entry, 'operation') ?? ''}`, entry.fieldsV1 ?? {}];
  });
  return Object.fromEntries(entries) as JsonObject;
}

const ownerNames = (answer: Answer): string[] => Object.keys(owners(answer)).sort();

const env = (...names: readonly string[]): JsonObject[] => names.map(name => ({ name, value: name.toLowerCase() }));

const ownership: readonly Row[] = [
  {
    title: 'a new object is 201, a changed one 200, an unchanged one 200 with the version and time it had',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      const made = await api.apply(path, configMap({ a: '1' }));
      const same = await api.apply(path, configMap({ a: '1' }));
      const changed = await api.apply(path, configMap({ a: '2' }));
      const time = (answer: Answer): JsonValue => objectsAt(metadataOf(answer), 'managedFields')[0]?.time ?? '';
      return [
        [made, same, changed].map(answer => answer.status),
        metadataOf(same).resourceVersion === metadataOf(made).resourceVersion && time(same) === time(made),
        metadataOf(changed).resourceVersion === metadataOf(made).resourceVersion,
      ];
    },
    expected: [[201, 200, 200], true, false],
  },
  {
    title: 'the applier owns exactly what it sent',
    run: async ({ api, namespace }) => owners(await api.apply(services(namespace), service({ app: 'web' }))),
    expected: {
      'cutover Apply': {
        'f:spec': {
          'f:selector': {},
          'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:targetPort': {} } },
        },
      },
    },
  },
  {
    title: 'containers, env and container ports are owned item by item',
    run: async ({ api, namespace }) => {
      const container = { env: env('A'), ports: [{ containerPort: 8080 }], command: ['run'] };
      const answer = await api.apply(deployments(namespace), deployment({ container }));
      return objectAt(owners(answer), 'cutover Apply', 'f:spec', 'f:template', 'f:spec');
    },
    expected: {
      'f:containers': {
        'k:{"name":"web"}': {
          '.': {},
          'f:name': {},
          'f:image': {},
          'f:command': {},
          'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
          'f:ports': { 'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
        },
      },
    },
  },
  {
    title: 'a POST makes its manager the owner, defaults included',
    run: async ({ api, namespace }) => {
      const path = services(namespace).replace(/\/web$/, '');
      const answer = await api.send({
        method: 'POST',
        path,
        query: { fieldManager: 'maker' },
        body: service({ app: 'web' }),
      });
      return [answer.status, owners(answer)];
    },
    expected: [
      201,
      {
        'maker Update': {
          'f:spec': {
            'f:internalTrafficPolicy': {},
            'f:ports': {
              '.': {},
              'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:protocol': {}, 'f:targetPort': {} },
            },
            'f:selector': {},
            'f:sessionAffinity': {},
            'f:type': {},
          },
        },
      },
    ],
  },
  {
    title: 'two appliers that want the same value share it, and it stays when one lets go',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ shared: '1' }), { manager: 'one' });
      await api.apply(path, configMap({ shared: '1', own: '2' }), { manager: 'two' });
      const left = await api.apply(path, configMap({ own: '2' }), { manager: 'two' });
      return [left.json.data ?? {}, ownerNames(left)];
    },
    expected: [{ own: '2', shared: '1' }, ['one Apply', 'two Apply']],
  },
  {
    title: 'a field that is no longer applied is removed when it has no other owner',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1', b: '2' }, { labels: { x: 'y' } }));
      const answer = await api.apply(path, configMap({ a: '1' }));
      return [answer.json.data ?? {}, metadataOf(answer).labels ?? 'none'];
    },
    expected: [{ a: '1' }, 'none'],
  },
  {
    title: 'what someone else wrote stays',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }));
      await patch({ api }, path, { body: { data: { theirs: 'kept' } } });
      const answer = await api.apply(path, configMap({ a: '2' }));
      return [answer.json.data ?? {}, ownerNames(answer)];
    },
    expected: [{ a: '2', theirs: 'kept' }, ['cutover Apply', 'editor Update']],
  },
  {
    title: 'a merge patch takes over the fields that it changes, and the next apply conflicts',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1', b: '1' }));
      const edited = await patch({ api }, path, { body: { data: { a: 'edited' } } });
      const answer = await api.apply(path, configMap({ a: '1', b: '1' }));
      return [owners(edited), refused(answer)];
    },
    expected: [
      { 'cutover Apply': { 'f:data': { 'f:b': {} } }, 'editor Update': { 'f:data': { 'f:a': {} } } },
      {
        status: 409,
        reason: 'Conflict',
        causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }],
        message: 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a',
      },
    ],
  },
  {
    title: 'applying the value that is there makes both owners, without a conflict',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }), { manager: 'one' });
      const answer = await api.apply(path, configMap({ a: '1' }), { manager: 'two' });
      return [answer.status, ownerNames(answer)];
    },
    expected: [200, ['one Apply', 'two Apply']],
  },
  {
    title: 'force takes a field over, and its former owner no longer has it',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1', b: '1' }), { manager: 'one' });
      const answer = await api.apply(path, configMap({ a: '2' }), { manager: 'two', force: true });
      return [answer.json.data ?? {}, owners(answer)];
    },
    expected: [
      { a: '2', b: '1' },
      { 'one Apply': { 'f:data': { 'f:b': {} } }, 'two Apply': { 'f:data': { 'f:a': {} } } },
    ],
  },
  {
    title: 'conflicts with several owners are all listed',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }), { manager: 'one' });
      await api.apply(path, configMap({ b: '1' }), { manager: 'two' });
      const answer = refused(await api.apply(path, configMap({ a: '2', b: '2' })));
      // The order of the causes is not defined.
      const byField = (cause: JsonObject): string => textAt(cause, 'field') ?? '';
      const causes = objectsAt(answer, 'causes').sort((left, right) => (byField(left) < byField(right) ? -1 : 1));
      return { ...answer, causes };
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      causes: [
        { reason: 'FieldManagerConflict', field: '.data.a' },
        { reason: 'FieldManagerConflict', field: '.data.b' },
      ],
      message: 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\nconflicts with "two":\n- .data.b',
    },
  },
  {
    title: 'replicas set through the scale subresource conflict, naming the subresource',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment({ spec: { replicas: 0, paused: true } }));
      const scale = await patch({ api }, `${path}/scale`, { body: { spec: { replicas: 1 } } });
      return [
        scale.status,
        objectAt(scale.json, 'spec'),
        refused(await api.apply(path, deployment({ spec: { paused: true } }))),
      ];
    },
    expected: [
      200,
      { replicas: 1 },
      {
        status: 409,
        reason: 'Conflict',
        causes: [{ reason: 'FieldManagerConflict', field: '.spec.replicas' }],
        message:
          'Apply failed with 1 conflict: conflict with "editor" with subresource "scale" using apps/v1: .spec.replicas',
      },
    ],
  },
];

const merging: readonly Row[] = [
  {
    title: 'a Service selector is one value: a second owner conflicts, force replaces it whole',
    run: async ({ api, namespace }) => {
      const path = services(namespace);
      await api.apply(path, service({ app: 'web', role: 'blue' }), { manager: 'one' });
      const conflict = await api.apply(path, service({ app: 'web', role: 'green' }));
      const forced = await api.apply(path, service({ role: 'green' }), { force: true });
      return [verdict(conflict), objectAt(forced.json, 'spec').selector ?? {}];
    },
    expected: [
      { status: 409, reason: 'Conflict', causes: [{ reason: 'FieldManagerConflict', field: '.spec.selector' }] },
      { role: 'green' },
    ],
  },
  {
    title: 'the same applier switches a selector in one step, and addresses stay',
    run: async ({ api, namespace }) => {
      const path = services(namespace);
      const before = await api.apply(path, service({ role: 'blue' }));
      const after = await api.apply(path, service({ role: 'green' }));
      const spec = objectAt(after.json, 'spec');
      return [spec.selector ?? {}, spec.clusterIP === objectAt(before.json, 'spec').clusterIP];
    },
    expected: [{ role: 'green' }, true],
  },
  {
    title: 'Service ports are identified by number and protocol: a new number is a new port',
    run: async ({ api, namespace }) => {
      const path = services(namespace);
      await api.apply(
        path,
        service({ app: 'web' }, [
          { name: 'http', port: 80 },
          { name: 'admin', port: 81 },
        ]),
      );
      const answer = await api.apply(
        path,
        service({ app: 'web' }, [
          { name: 'http', port: 80, targetPort: 9090 },
          { name: 'admin', port: 82 },
        ]),
      );
      return objectAt(answer.json, 'spec').ports ?? [];
    },
    expected: [
      { name: 'http', port: 80, protocol: 'TCP', targetPort: 9090 },
      { name: 'admin', port: 82, protocol: 'TCP', targetPort: 82 },
    ],
  },
  {
    title: 'TCP and UDP of one number are two ports',
    run: async ({ api, namespace }) => {
      const ports = [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ];
      const answer = await api.apply(services(namespace), service({ app: 'web' }, ports));
      return [answer.status, objectsAt(answer.json, 'spec', 'ports').map(port => port.protocol ?? '')];
    },
    expected: [201, ['UDP', 'TCP']],
  },
  {
    title: 'a container of someone else stays beside ours',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment());
      const sidecar = deployment();
      const other = { ...sidecar, spec: { template: { spec: { containers: [{ name: 'side', image: 'side:1' }] } } } };
      await api.apply(path, other, { manager: 'injector' });
      const answer = await api.apply(path, deployment({ container: { image: 'site:v2' } }));
      return objectsAt(answer.json, 'spec', 'template', 'spec', 'containers').map(one => one.image ?? '');
    },
    expected: ['site:v2', 'side:1'],
  },
  {
    title: 'env is identified by name: removed, changed and added one by one, in the order sent',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment({ container: { env: env('A', 'B', 'C') } }));
      const answer = await api.apply(path, deployment({ container: { env: env('D', 'C', 'A') } }));
      return containerOf(answer).env ?? [];
    },
    expected: env('D', 'C', 'A'),
  },
  {
    title: 'env that someone added stays where its neighbours are',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment({ container: { env: env('A', 'B') } }));
      const theirs = { name: 'web', env: env('X') };
      await api.apply(
        path,
        { ...deployment(), spec: { template: { spec: { containers: [theirs] } } } },
        { manager: 'injector' },
      );
      const answer = await api.apply(path, deployment({ container: { env: env('A', 'C', 'B') } }));
      return objectsAt(containerOf(answer), 'env').map(one => one.name ?? '');
    },
    expected: ['A', 'C', 'B', 'X'],
  },
  {
    title: 'command and args are replaced as a whole',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment({ container: { args: ['a', 'b'] } }));
      const answer = await api.apply(path, deployment({ container: { args: ['c'] } }));
      return containerOf(answer).args ?? [];
    },
    expected: ['c'],
  },
  {
    title: 'labels and annotations of two appliers add up',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }, { annotations: { a: '1' }, labels: { a: '1' } }), { manager: 'one' });
      const answer = await api.apply(path, configMap({ b: '1' }, { annotations: { b: '2' }, labels: { b: '2' } }), {
        manager: 'two',
      });
      return [metadataOf(answer).annotations ?? {}, metadataOf(answer).labels ?? {}];
    },
    expected: [
      { a: '1', b: '2' },
      { a: '1', b: '2' },
    ],
  },
  {
    title: 'a field that the applier drops gets its default, and the generation changes',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      const made = await api.apply(path, deployment({ spec: { minReadySeconds: 5, revisionHistoryLimit: 3 } }));
      const answer = await api.apply(path, deployment());
      const spec = objectAt(answer.json, 'spec');
      return [made, answer]
        .map(one => metadataOf(one).generation ?? 0)
        .concat([spec.revisionHistoryLimit ?? 0, spec.minReadySeconds ?? 'none']);
    },
    expected: [1, 2, 10, 'none'],
  },
  {
    title: 'a quantity in another notation is no change',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      const resources = { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { cpu: '1.5' } };
      const made = await api.apply(path, deployment({ container: { resources } }));
      const same = await api.apply(path, deployment({ container: { resources } }));
      return [containerOf(same).resources ?? {}, metadataOf(same).generation === metadataOf(made).generation];
    },
    expected: [{ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1500m' } }, true],
  },
];

const refusals: readonly Row[] = [
  {
    title: 'a namespace that does not exist is 404 with a Status, in a dry run too',
    run: async ({ api, namespace }) => {
      const answers = [false, true].map(dryRun =>
        api.apply(configMaps(`${namespace}-none`), configMap({}), { dryRun }),
      );
      const details = (await Promise.all(answers)).map(({ status, json }) => [
        status,
        json.reason ?? '',
        objectAt(json, 'details').kind ?? '',
      ]);
      return details;
    },
    expected: [
      [404, 'NotFound', 'namespaces'],
      [404, 'NotFound', 'namespaces'],
    ],
  },
  {
    title: 'a version that is not served is 404 in plain text',
    run: async ({ api, namespace }) => {
      const answer = await api.apply(`/apis/extensions/v1beta1/namespaces/${namespace}/deployments/web`, deployment());
      return [answer.status, answer.text.trim(), answer.headers['content-type']?.split(';')[0] ?? ''];
    },
    expected: [404, '404 page not found', 'text/plain'],
  },
  {
    title: 'a stale resourceVersion is 409 without causes, with force too',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }));
      const stale = configMap({ a: '2' }, { resourceVersion: '1' });
      const answers = await Promise.all([false, true].map(force => api.apply(path, stale, { force })));
      return answers.map(answer => [verdict(answer), objectAt(answer.json, 'details')]);
    },
    expected: [
      [
        { status: 409, reason: 'Conflict' },
        { name: 'web', kind: 'configmaps' },
      ],
      [
        { status: 409, reason: 'Conflict' },
        { name: 'web', kind: 'configmaps' },
      ],
    ],
  },
  {
    title: 'the live resourceVersion is accepted as a precondition',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      const made = await api.apply(path, configMap({ a: '1' }));
      const version = metadataOf(made).resourceVersion ?? '';
      return verdict(await api.apply(path, configMap({ a: '2' }, { resourceVersion: version })));
    },
    expected: { status: 200 },
  },
  {
    title: 'an apply that names a resourceVersion makes the object where there is none',
    run: async ({ api, namespace }) =>
      verdict(await api.apply(configMaps(namespace, 'none'), configMap({}, { name: 'none', resourceVersion: '5' }))),
    expected: { status: 201 },
  },
  {
    title: 'the selector of a Deployment cannot change',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment());
      return refused(await api.apply(path, deployment({ labels: { app: 'other' } })));
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      causes: [{ reason: 'FieldValueInvalid', field: 'spec.selector' }],
      message:
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable',
    },
  },
  {
    title: 'an unknown field is 500 without a reason',
    run: async ({ api, namespace }) =>
      refused(await api.apply(deployments(namespace), deployment({ spec: { replica: 1 } }))),
    expected: {
      status: 500,
      message:
        'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
    },
  },
  {
    title: 'wrong types are 500 without a reason, all of them listed',
    run: async ({ api, namespace }) => {
      const ports = [{ containerPort: '8080' }];
      const wrong = deployment({ container: { image: 5, stdin: 'yes', env: {}, ports, resources: [] } });
      const { status, reason, message } = refused(await api.apply(deployments(namespace), wrong));
      const lines = textOf(message).split('\n');
      return [status ?? 0, reason ?? 'none', lines[0] ?? '', lines.slice(1).sort()];
    },
    expected: [
      500,
      'none',
      'failed to create typed patch object (/web; apps/v1, Kind=Deployment): errors:',
      [
        '  .spec.template.spec.containers[name="web"].env: expected list, got &{map[]}',
        '  .spec.template.spec.containers[name="web"].image: expected string, got &value.valueUnstructured{Value:5}',
        '  .spec.template.spec.containers[name="web"].ports[containerPort="8080",protocol="TCP"].containerPort: expected numeric (int or float), got string',
        '  .spec.template.spec.containers[name="web"].resources: expected map, got &{[]}',
        '  .spec.template.spec.containers[name="web"].stdin: expected boolean, got &{yes}',
      ],
    ],
  },
  {
    title: 'an env entry that is there twice is 500 without a reason',
    run: async ({ api, namespace }) => {
      const twice = deployment({ container: { env: [...env('A'), ...env('A')] } });
      return refused(await api.apply(deployments(namespace), twice));
    },
    expected: {
      status: 500,
      message:
        'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="web"].env: duplicate entries for key [name="A"]',
    },
  },
  {
    title: 'a member that the body holds twice is 400',
    run: async ({ api, namespace }) => {
      const text = JSON.stringify(configMap({ a: '1' })).replace('"a":"1"', '"a":"1","a":"2"');
      const { status, reason, message } = refused(await api.apply(configMaps(namespace), text));
      return [status ?? 0, reason ?? '', textOf(message).startsWith('error strict decoding patch: ')];
    },
    expected: [400, 'BadRequest', true],
  },
  {
    title: 'an apply without field manager, or with managedFields, is refused',
    run: async ({ api, namespace }) => {
      const anonymous = await api.send({
        method: 'PATCH',
        path: configMaps(namespace),
        body: configMap({}),
        headers: { 'content-type': 'application/apply-patch+yaml' },
      });
      const owned = await api.apply(configMaps(namespace), configMap({}, { managedFields: [] }));
      return [verdict(anonymous), refused(owned)];
    },
    expected: [
      { status: 422, reason: 'Invalid', causes: [{ reason: 'FieldValueRequired', field: 'fieldManager' }] },
      { status: 400, reason: 'BadRequest', message: 'metadata.managedFields must be nil' },
    ],
  },
  {
    title: 'an object that cannot be right is 422 with every reason',
    run: async ({ api, namespace }) => {
      const wrong = deployment({ container: { image: '', volumeMounts: [{ name: 'none', mountPath: '/x' }] } });
      childOf(childOf(childOf(wrong, 'spec'), 'template'), 'metadata').labels = { app: 'other' };
      return verdict(await api.apply(deployments(namespace), wrong));
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      causes: [
        { reason: 'FieldValueInvalid', field: 'spec.template.metadata.labels' },
        { reason: 'FieldValueRequired', field: 'spec.template.spec.containers[0].image' },
        { reason: 'FieldValueNotFound', field: 'spec.template.spec.containers[0].volumeMounts[0].name' },
      ],
    },
  },
];

const dryRuns: readonly Row[] = [
  {
    title: 'a dry run of a new object answers 201 with defaults and stores nothing',
    run: async ({ api, namespace }) => {
      const answer = await api.apply(deployments(namespace), deployment(), { dryRun: true });
      const stored = await api.get(deployments(namespace));
      return [
        answer.status,
        objectAt(answer.json, 'spec').progressDeadlineSeconds ?? 0,
        metadataOf(answer).resourceVersion ?? 'none',
        stored.status,
      ];
    },
    expected: [201, 600, 'none', 404],
  },
  {
    title: 'a dry run of a change carries the live resourceVersion and the next generation, and stores nothing',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      const made = await api.apply(path, configMap({ a: '1' }));
      const answer = await api.apply(path, configMap({ a: '2' }), { dryRun: true });
      const stored = await api.get(path);
      return [
        answer.json.data ?? {},
        metadataOf(answer).resourceVersion === metadataOf(made).resourceVersion,
        stored.json.data ?? {},
        metadataOf(stored).resourceVersion === metadataOf(made).resourceVersion,
      ];
    },
    expected: [{ a: '2' }, true, { a: '1' }, true],
  },
  {
    title: 'a dry run finds conflicts, unknown fields and what is immutable',
    run: async ({ api, namespace }) => {
      const path = deployments(namespace);
      await api.apply(path, deployment(), { manager: 'one' });
      const asks = [deployment({ container: { image: 'site:v2' } }), deployment({ spec: { foo: 1 } })];
      const answers = await Promise.all(asks.map(ask => api.apply(path, ask, { dryRun: true })));
      const immutable = await api.apply(path, deployment({ labels: { app: 'x' } }), { dryRun: true, force: true });
      return [...answers, immutable].map(answer => answer.status);
    },
    expected: [409, 500, 422],
  },
  {
    title: 'putting an object back by PUT once leaves the fields with the one who put them; again, with who had them',
    run: async ({ api, namespace }) => {
      const path = configMaps(namespace);
      await api.apply(path, configMap({ a: '1' }));
      const snapshot = (await api.get(path)).json;
      await api.apply(path, configMap({ a: '2' }));
      const back = clone(snapshot);
      Reflect.deleteProperty(objectAt(back, 'metadata'), 'resourceVersion');
      const put = (): Promise<Answer> =>
        api.send({ method: 'PUT', path, query: { fieldManager: 'cutover' }, body: back });
      const once = await put();
      const twice = await put();
      return [once.json.data ?? {}, ownerNames(once), ownerNames(twice)];
    },
    expected: [{ a: '1' }, ['cutover Update'], ['cutover Apply']],
  },
];

/** All rows; each runs in its own namespace. */
export const rows: readonly Row[] = [...ownership, ...merging, ...refusals, ...dryRuns];
