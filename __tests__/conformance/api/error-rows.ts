import { asText, objectAt, type JsonValue } from '../../../sandbox/api/schema/json.js';
import {
  all,
  apply,
  at,
  configMap,
  create,
  deployment,
  given,
  metadataOf,
  outcome,
  patch,
  remove,
  replace,
  secret,
  service,
  verdict,
  versionOf,
  warningsOf,
  withName,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

/** A raw request; `*` in the path is the row's namespace and `+` its name. */
type Asked = readonly [
  title: string,
  ask: {
    readonly method?: string;
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: JsonValue;
    readonly headers?: Readonly<Record<string, string>>;
  },
  expected: JsonValue,
];

const configMaps = '/api/v1/namespaces/*/configmaps';
const deployments = '/apis/apps/v1/namespaces/*/deployments';
const type = (contentType: string): Readonly<Record<string, string>> => ({ 'content-type': contentType });

const asked: readonly Asked[] = [
  ...[
    ['soon', 'invalid duration "soon"'],
    ['30', 'missing unit in duration "30"'],
    ['1s30', 'missing unit in duration "1s30"'],
    ['3x', 'unknown unit "x" in duration "3x"'],
  ].map(([timeout = '', why = '']): Asked => [
    `the timeout ${timeout} is 400`,
    { path: configMaps, query: { timeout } },
    {
      status: 400,
      reason: 'BadRequest',
      message: `invalid timeout specified in the request URL - time: ${why}`,
    },
  ]),
  ...['30s', '1m0.5s', '0', '0s', '-1s', ''].map((timeout): Asked => [
    `the timeout "${timeout}" leaves a request time enough`,
    { path: configMaps, query: { timeout } },
    { status: 200 },
  ]),
  [
    'an object that is not there is 404',
    { path: `${configMaps}/+` },
    {
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "web" not found',
      details: { name: 'web', kind: 'configmaps' },
    },
  ],
  [
    'an object of a group that is not there is 404',
    { path: `${deployments}/+` },
    {
      status: 404,
      reason: 'NotFound',
      message: 'deployments.apps "web" not found',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    },
  ],
  [
    'an object of a namespace that is not there is 404',
    { path: '/api/v1/namespaces/none/configmaps/+' },
    {
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "web" not found',
      details: { name: 'web', kind: 'configmaps' },
    },
  ],
  [
    'an object cannot be made in a namespace that is not there',
    { method: 'POST', path: '/api/v1/namespaces/none/configmaps', body: { metadata: { name: 'a' } } },
    {
      status: 404,
      reason: 'NotFound',
      message: 'namespaces "none" not found',
      details: { name: 'none', kind: 'namespaces' },
    },
  ],
  [
    'a namespace that is not there is 404',
    { path: '/api/v1/namespaces/none' },
    {
      status: 404,
      reason: 'NotFound',
      message: 'namespaces "none" not found',
      details: { name: 'none', kind: 'namespaces' },
    },
  ],
  [
    'a group that is not served is 404 in plain text',
    { path: '/apis/example.org/v1/namespaces/*/widgets' },
    { status: 404, text: '404 page not found\n' },
  ],
  [
    'a version that is not served is 404 in plain text',
    { path: '/apis/apps/v1beta1/namespaces/*/deployments' },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'a resource that its version does not have is 404',
    { path: '/apis/apps/v1/namespaces/*/widgets' },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'a resource of the core group that is not there is 404',
    { path: '/api/v1/namespaces/*/widgets/+' },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'a subresource that is not there is 404',
    { path: `${deployments}/+/color` },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'the scale of what has none is 404',
    { path: `${configMaps}/+/scale` },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'the status of what has none is 404',
    { method: 'PUT', path: `${configMaps}/+/status`, body: {} },
    { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  ],
  [
    'a POST to an object is 405',
    { method: 'POST', path: `${configMaps}/+`, body: {} },
    {
      status: 405,
      reason: 'MethodNotAllowed',
      message: 'the server does not allow this method on the requested resource',
    },
  ],
  [
    'a PUT of a collection is 405',
    { method: 'PUT', path: configMaps, body: {} },
    {
      status: 405,
      reason: 'MethodNotAllowed',
      message: 'the server does not allow this method on the requested resource',
    },
  ],
  [
    'a PATCH of a collection is 405',
    { method: 'PATCH', path: configMaps, body: {} },
    {
      status: 405,
      reason: 'MethodNotAllowed',
      message: 'the server does not allow this method on the requested resource',
    },
  ],
  [
    'a POST to all namespaces is 405',
    { method: 'POST', path: '/api/v1/configmaps', body: {} },
    {
      status: 405,
      reason: 'MethodNotAllowed',
      message: 'the server does not allow this method on the requested resource',
    },
  ],
  [
    'a DELETE over all namespaces is 405',
    { method: 'DELETE', path: '/api/v1/configmaps' },
    {
      status: 405,
      reason: 'MethodNotAllowed',
      message: 'the server does not allow this method on the requested resource',
    },
  ],
  [
    'an answer in XML is 406',
    { path: configMaps, headers: { accept: 'application/xml' } },
    {
      status: 406,
      reason: 'NotAcceptable',
      message:
        '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    },
  ],
  [
    'a body that is text is 415',
    { method: 'POST', path: configMaps, body: 'a', headers: type('text/plain') },
    {
      status: 415,
      reason: 'UnsupportedMediaType',
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    },
  ],
  [
    'a patch that is plain JSON is 415',
    { method: 'PATCH', path: `${configMaps}/+`, body: {}, headers: type('application/json') },
    { status: 415, reason: 'UnsupportedMediaType', message: '415: Unsupported Media Type' },
  ],
  [
    'a body of more than 3 MiB is 413',
    { method: 'POST', path: configMaps, body: { ...configMap({ a: 'x'.repeat(3 * 1024 * 1024) }) } },
    { status: 413, reason: 'RequestEntityTooLarge', message: 'Request entity too large: limit is 3145728' },
  ],
  [
    'a body that is broken JSON is 400',
    { method: 'POST', path: configMaps, body: '{"kind":' },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error",
    },
  ],
  [
    'a body that is a list is 400',
    { method: 'POST', path: configMaps, body: [] },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error",
    },
  ],
  [
    'a body of another kind is 400',
    { method: 'POST', path: configMaps, body: secret() },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    },
  ],
  [
    'a body of another version is 400',
    { method: 'POST', path: deployments, body: { ...deployment(), apiVersion: 'extensions/v1beta1' } },
    {
      status: 400,
      reason: 'BadRequest',
      message: 'the API version in the data (extensions/v1beta1) does not match the expected API version (apps/v1)',
    },
  ],
  [
    'a body of another namespace is 400',
    { method: 'POST', path: configMaps, body: configMap({}, { name: 'a', namespace: 'other' }) },
    {
      status: 400,
      reason: 'BadRequest',
      message: 'the namespace of the provided object does not match the namespace sent on the request',
    },
  ],
  [
    'a text where a number belongs is 400',
    { method: 'POST', path: deployments, body: { ...deployment({ replicas: '3' }), metadata: { name: 'a' } } },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field',
    },
  ],
  [
    'a number where a text belongs is 400',
    { method: 'POST', path: configMaps, body: { ...configMap({ a: 5 }), metadata: { name: 'a' } } },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field',
    },
  ],
  [
    'an object where a list belongs is 400',
    { method: 'POST', path: deployments, body: { ...deployment({}, { env: { A: '1' } }), metadata: { name: 'a' } } },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal object into Go struct field',
    },
  ],
  [
    'a number as the value of a variable is 400',
    {
      method: 'POST',
      path: deployments,
      body: { ...deployment({}, { env: [{ name: 'A', value: 5 }] }), metadata: { name: 'a' } },
    },
    {
      status: 400,
      reason: 'BadRequest',
      message:
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field',
    },
  ],
  [
    'a patch of what is not there is 404',
    { method: 'PATCH', path: `${configMaps}/+`, body: {}, headers: type('application/merge-patch+json') },
    {
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "web" not found',
      details: { name: 'web', kind: 'configmaps' },
    },
  ],
  [
    'a deletion of what is not there is 404',
    { method: 'DELETE', path: `${configMaps}/+` },
    {
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "web" not found',
      details: { name: 'web', kind: 'configmaps' },
    },
  ],
  [
    'a selector of labels that cannot be read is 400',
    { path: configMaps, query: { labelSelector: 'a in b' } },
    { status: 400, reason: 'BadRequest', message: "unable to parse requirement: found 'b' expected: '('" },
  ],
  [
    'a selector of labels with a bad value is 400',
    { path: configMaps, query: { labelSelector: 'a=b c' } },
    { status: 400, reason: 'BadRequest', message: "found 'c', expected: ',' or 'end of string'" },
  ],
  [
    'a selector of an unknown field is 400',
    { path: configMaps, query: { fieldSelector: 'data.a=b' } },
    {
      status: 400,
      reason: 'BadRequest',
      message: '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
    },
  ],
  [
    'a selector of an unknown field of Deployments is 400',
    { path: deployments, query: { fieldSelector: 'spec.replicas=1' } },
    {
      status: 400,
      reason: 'BadRequest',
      message: '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
    },
  ],
  [
    'a selector of fields that cannot be read is 400',
    { path: configMaps, query: { fieldSelector: 'name' } },
    { status: 400, reason: 'BadRequest', message: "invalid selector: 'name'; can't understand 'name'" },
  ],
  [
    'an unknown dry run is refused',
    { method: 'POST', path: configMaps, query: { dryRun: 'Yes' }, body: { metadata: { name: 'a' } } },
    {
      status: 422,
      reason: 'Invalid',
      message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Yes"]: supported values: "All"',
      details: { group: 'meta.k8s.io', kind: 'CreateOptions' },
      causes: ['FieldValueNotSupported dryRun'],
    },
  ],
  [
    'an unknown field validation is refused',
    { method: 'POST', path: configMaps, query: { fieldValidation: 'Hard' }, body: { metadata: { name: 'a' } } },
    {
      status: 422,
      reason: 'Invalid',
      message:
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Hard": supported values: "", "Ignore", "Strict", "Warn"',
      details: { group: 'meta.k8s.io', kind: 'CreateOptions' },
      causes: ['FieldValueNotSupported fieldValidation'],
    },
  ],
  [
    'a manager with a long name is refused',
    { method: 'POST', path: configMaps, query: { fieldManager: 'm'.repeat(129) }, body: { metadata: { name: 'a' } } },
    {
      status: 422,
      reason: 'Invalid',
      message: 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
      details: { group: 'meta.k8s.io', kind: 'CreateOptions' },
      causes: ['FieldValueTooLong fieldManager'],
    },
  ],
  [
    'force without apply is refused',
    {
      method: 'PATCH',
      path: `${configMaps}/+`,
      query: { force: 'true' },
      body: {},
      headers: type('application/merge-patch+json'),
    },
    {
      status: 422,
      reason: 'Invalid',
      message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
      details: { group: 'meta.k8s.io', kind: 'PatchOptions' },
      causes: ['FieldValueForbidden force'],
    },
  ],
  [
    'an apply of another kind is 400',
    {
      method: 'PATCH',
      path: `${configMaps}/+`,
      query: { fieldManager: 'a' },
      body: secret(),
      headers: type('application/apply-patch+yaml'),
    },
    { status: 400, reason: 'BadRequest', message: 'invalid object type: /v1, Kind=Secret' },
  ],
  [
    'an apply of another name is 400',
    {
      method: 'PATCH',
      path: `${configMaps}/+`,
      query: { fieldManager: 'a' },
      body: configMap({}, { name: 'other' }),
      headers: type('application/apply-patch+yaml'),
    },
    {
      status: 400,
      reason: 'BadRequest',
      message: 'the name of the object (other) does not match the name on the URL (web)',
    },
  ],
  [
    'an apply of another namespace is 400',
    {
      method: 'PATCH',
      path: `${configMaps}/+`,
      query: { fieldManager: 'a' },
      body: configMap({}, { namespace: 'other' }),
      headers: type('application/apply-patch+yaml'),
    },
    {
      status: 400,
      reason: 'BadRequest',
      message: 'the namespace of the provided object does not match the namespace sent on the request',
    },
  ],
];

const fieldsOf = (ns: RowNamespace, fieldValidation: string, replacing = false): Promise<JsonValue> => {
  const wrong = { ...deployment({ replica: 1 }, { imagePullPolcy: 'Always' }), note: 'x' };
  const answer = replacing ? replace(ns, wrong, { fieldValidation }) : create(ns, wrong, { fieldValidation });
  return answer.then(seen => [outcome(seen), warningsOf(seen)]);
};

const others: readonly Row[] = [
  {
    title: 'a second object of one name is 409',
    run: async ns => {
      await given(ns, deployment());
      return verdict(await create(ns, deployment()));
    },
    expected: {
      status: 409,
      reason: 'AlreadyExists',
      message: 'deployments.apps "web" already exists',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    },
  },
  {
    title: 'a PUT of an old version is 409',
    run: async ns => {
      const made = await given(ns, configMap());
      await patch(ns, at(ns, 'ConfigMap'), { body: { data: { a: '1' } } });
      return verdict(await replace(ns, made));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "web": the object has been modified; please apply your changes to the latest version and try again',
      details: { name: 'web', kind: 'configmaps' },
    },
  },
  {
    title: 'a PUT for another uid is 409',
    run: async ns => {
      await given(ns, configMap());
      return verdict(await replace(ns, configMap({}, { uid: '00000000-0000-4000-8000-000000000000' })));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "web": StorageError: invalid object, Code: 4, Key: /registry/configmaps/shop/web, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: UID, UID in object meta: UID',
      details: { name: 'web', kind: 'configmaps' },
    },
  },
  {
    title: 'a patch for another version is 409',
    run: async ns => {
      await given(ns, deployment());
      return verdict(await patch(ns, at(ns, 'Deployment'), { body: { metadata: { resourceVersion: '1' } } }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    },
  },
  {
    title: 'a PUT of what is not there is 404',
    run: async ns => verdict(await replace(ns, configMap())),
    expected: {
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "web" not found',
      details: { name: 'web', kind: 'configmaps' },
    },
  },
  {
    title: 'a PUT of another name is 400',
    run: async ns => {
      const path = at(ns, 'ConfigMap');
      return verdict(await ns.api.send({ method: 'PUT', path, body: configMap({}, { name: 'other' }) }));
    },
    expected: {
      status: 400,
      reason: 'BadRequest',
      message: 'the name of the object (other) does not match the name on the URL (web)',
    },
  },
  {
    title: 'a PUT without a version takes any',
    run: async ns => {
      await given(ns, configMap({ a: '1' }));
      const answer = await replace(ns, configMap({ b: '1' }));
      return [answer.status, answer.json.data ?? {}];
    },
    expected: [200, { b: '1' }],
  },
  {
    title: 'a Lease without a version is not replaced',
    run: async ns => {
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { holderIdentity: 'a' } };
      await given(ns, lease);
      return verdict(await replace(ns, lease));
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      message:
        'leases.coordination.k8s.io "web" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
      details: { name: 'web', group: 'coordination.k8s.io', kind: 'leases' },
      causes: ['FieldValueInvalid metadata.resourceVersion'],
    },
  },
  {
    title: 'a new object with a version is refused',
    run: async ns => verdict(await create(ns, configMap({}, { resourceVersion: '1' }))),
    expected: { status: 500, message: 'resourceVersion should not be set on objects to be created' },
  },
  {
    title: 'a patch cannot rename an object',
    run: async ns => {
      await given(ns, configMap());
      return verdict(await patch(ns, at(ns, 'ConfigMap'), { body: { metadata: { name: 'other' } } }));
    },
    expected: {
      status: 400,
      reason: 'BadRequest',
      message: 'the name of the object (other) does not match the name on the URL (web)',
    },
  },
  {
    title: 'a patch that is broken JSON is 400',
    run: async ns => {
      await given(ns, configMap());
      const answers: JsonValue[] = [];
      for (const type of ['merge', 'strategic-merge', 'json'] as const)
        answers.push(verdict(await patch(ns, at(ns, 'ConfigMap'), { type, body: '{"data":' })));
      return answers;
    },
    expected: [
      { status: 400, reason: 'BadRequest', message: 'invalid JSON patch' },
      { status: 400, reason: 'BadRequest', message: 'invalid JSON patch' },
      { status: 400, reason: 'BadRequest', message: 'invalid JSON patch' },
    ],
  },
  {
    title: 'a JSON patch whose test fails, or whose path is not there, is 422',
    run: async ns => {
      await given(ns, configMap({ a: '1' }));
      const answers: JsonValue[] = [];
      for (const operation of [
        { op: 'test', path: '/data/a', value: '2' },
        { op: 'remove', path: '/data/b' },
        { op: 'replace', path: '/none/b', value: '' },
      ])
        answers.push(verdict(await patch(ns, at(ns, 'ConfigMap'), { type: 'json', body: [operation] })));
      return answers;
    },
    expected: [
      { status: 422, reason: 'Invalid', message: 'the server rejected our request due to an error in our request' },
      { status: 422, reason: 'Invalid', message: 'the server rejected our request due to an error in our request' },
      { status: 422, reason: 'Invalid', message: 'the server rejected our request due to an error in our request' },
    ],
  },
  {
    title: 'a JSON patch whose test fails changes nothing, and goes on after tests that hold',
    run: async ns => {
      const made = await given(ns, configMap({ a: '1' }));
      const path = at(ns, 'ConfigMap');
      const change = { op: 'replace', path: '/data/a', value: '2' };
      const tests = (uid: string, resourceVersion: string): JsonValue[] => [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      ];
      const uid = asText(metadataOf({ json: made }).uid);
      const version = versionOf({ json: made });
      const answers: JsonValue[] = [];
      for (const body of [
        [...tests('other', version), change],
        [...tests(uid, '1'), change],
        [change, ...tests('other', version)],
        [{ op: 'test', path: '/data/none', value: '1' }, change],
        [...tests(uid, version), change],
        [...tests(uid, version), change],
      ]) {
        const { status } = await patch(ns, path, { type: 'json', body });
        answers.push([status, objectAt((await ns.api.get(path)).json, 'data').a ?? '']);
      }
      return answers;
    },
    expected: [
      [422, '1'],
      [422, '1'],
      [422, '1'],
      [422, '1'],
      [200, '2'],
      [422, '2'],
    ],
  },
  {
    title: 'a strategic patch of the wrong type is refused',
    run: async ns => {
      await given(ns, deployment());
      const answer = await patch(ns, at(ns, 'Deployment'), {
        type: 'strategic-merge',
        body: { spec: { replicas: 'three' } },
      });
      const { status, reason, message } = verdict(answer);
      return [
        status ?? 0,
        reason ?? '',
        asText(message).split('{')[0] ?? '',
        asText(message).split('}: ').at(-1) ?? '',
      ];
    },
    expected: [
      422,
      'Invalid',
      ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:three]]": unrecognized type: int32',
      ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:three]]": unrecognized type: int32',
    ],
  },
  {
    title: 'an apply that is broken YAML is 400',
    run: async ns => {
      const { status, reason, message } = verdict(await ns.api.apply(at(ns, 'ConfigMap'), 'a: [b'));
      return [status ?? 0, reason ?? '', asText(message).split('yaml: ')[0] ?? ''];
    },
    expected: [400, 'BadRequest', 'error encoding patch: '],
  },
  {
    title: 'an apply without a type is 400',
    run: async ns => verdict(await ns.api.apply(at(ns, 'ConfigMap'), { data: {} })),
    expected: { status: 400, reason: 'BadRequest', message: 'invalid object type: /, Kind=' },
  },
  {
    title: 'unknown fields of a creation are 400 when strict, warnings when requested, and ignored otherwise',
    run: async ns => [
      await fieldsOf(ns, 'Strict'),
      await fieldsOf({ ...ns, name: `${ns.name}-w` }, 'Warn'),
      await fieldsOf({ ...ns, name: `${ns.name}-i` }, 'Ignore'),
    ],
    expected: [
      [
        '400 Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.template.spec.containers[0].imagePullPolcy", unknown field "spec.replica", unknown field "note"',
        [],
      ],
      [
        201,
        [
          '299 - "unknown field \\"spec.template.spec.containers[0].imagePullPolcy\\""',
          '299 - "unknown field \\"spec.replica\\""',
          '299 - "unknown field \\"note\\""',
        ],
      ],
      [201, []],
    ],
  },
  {
    title: 'unknown fields of a PUT are 400 when strict, else warnings',
    run: async ns => {
      await given(ns, deployment());
      return [await fieldsOf(ns, 'Strict', true), await fieldsOf(ns, 'Warn', true)];
    },
    expected: [
      [
        '400 Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.template.spec.containers[0].imagePullPolcy", unknown field "spec.replica", unknown field "note"',
        [],
      ],
      [
        200,
        [
          '299 - "unknown field \\"spec.template.spec.containers[0].imagePullPolcy\\""',
          '299 - "unknown field \\"spec.replica\\""',
          '299 - "unknown field \\"note\\""',
        ],
      ],
    ],
  },
  {
    title: 'unknown fields of a patch are 422 when strict, else warnings',
    run: async ns => {
      await given(ns, configMap());
      const answers: JsonValue[] = [];
      for (const fieldValidation of ['Strict', 'Warn']) {
        const answer = await patch(ns, at(ns, 'ConfigMap'), { body: { note: 'x' }, query: { fieldValidation } });
        const { status, reason, message } = verdict(answer);
        answers.push([status ?? 0, reason ?? '', asText(message).split('}": ').at(-1) ?? '', warningsOf(answer)]);
      }
      return answers;
    },
    expected: [
      [422, 'Invalid', 'strict decoding error: unknown field "note"', []],
      [200, '', '', ['299 - "unknown field \\"note\\""']],
    ],
  },
  {
    title: 'a member that is there twice is 400 when strict, else a warning',
    run: async ns => {
      const text = JSON.stringify(withName(ns, configMap({ a: '1' }))).replace('"a":"1"', '"a":"1","a":"2"');
      const send = (fieldValidation: string): ReturnType<RowNamespace['api']['send']> =>
        ns.api.send({ method: 'POST', path: all(ns, 'ConfigMap'), query: { fieldValidation }, body: text });
      const strict = await send('Strict');
      const warned = await send('Warn');
      return [verdict(strict), warned.json.data ?? {}, warningsOf(warned)];
    },
    expected: [
      {
        status: 400,
        reason: 'BadRequest',
        message:
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
      },
      { a: '2' },
      ['299 - "duplicate field \\"data.a\\""'],
    ],
  },
  {
    title: 'a served version that is deprecated comes with a warning',
    run: async ns => {
      const endpoints = { apiVersion: 'v1', kind: 'Endpoints', subsets: [] };
      return warningsOf(await create(ns, endpoints));
    },
    expected: ['299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'],
  },
  {
    title: 'what is likely to be a mistake comes with a warning',
    run: async ns => {
      const env = ['1', '2'].map(value => ({ name: 'A', value }));
      const ports = ['a', 'b'].map(name => ({ name, containerPort: 80 }));
      const answers = [
        await create(ns, deployment({}, { env }), { dryRun: 'All' }),
        await create(ns, deployment({}, { ports }), { dryRun: 'All' }),
        await create(ns, deployment({}, {}, { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } }), {
          dryRun: 'All',
        }),
        await create(ns, service({ clusterIP: 'None', sessionAffinity: 'ClientIP' }), { dryRun: 'All' }),
        await apply(ns, deployment({}, {}, { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } })),
      ];
      return answers.map(answer => [answer.status, warningsOf(answer)]);
    },
    expected: [
      [
        201,
        [
          '299 - "spec.template.spec.containers[0].env[1]: hides previous definition of \\"A\\", which may be dropped when using apply"',
        ],
      ],
      [
        201,
        [
          '299 - "spec.template.spec.containers[0].ports[1]: duplicate port definition with spec.template.spec.containers[0].ports[0]"',
        ],
      ],
      [
        201,
        [
          '299 - "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \\"kubernetes.io/os\\" instead"',
        ],
      ],
      [201, ['299 - "spec.SessionAffinity is ignored for headless services"']],
      [
        201,
        [
          '299 - "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \\"kubernetes.io/os\\" instead"',
        ],
      ],
    ],
  },
  {
    title: 'a precondition of a deletion that does not hold is 409',
    run: async ns => {
      const made = await given(ns, configMap());
      const path = at(ns, 'ConfigMap');
      const uid = await remove(ns, path, { preconditions: { uid: 'other' } });
      await patch(ns, path, { body: { data: { a: '1' } } });
      const version = await remove(ns, path, { preconditions: { resourceVersion: versionOf({ json: made }) } });
      const seen = verdict(version);
      return [verdict(uid), { ...seen, message: asText(seen.message).replaceAll(/\(\d+\)/g, '(N)') }];
    },
    expected: [
      {
        status: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on ConfigMap "web": the UID in the precondition (other) does not match the UID in record (UID). The object might have been deleted and then recreated',
        details: { name: 'web', kind: 'ConfigMap' },
      },
      {
        status: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on ConfigMap "web": the ResourceVersion in the precondition (N) does not match the ResourceVersion in record (N). The object might have been modified',
        details: { name: 'web', kind: 'ConfigMap' },
      },
    ],
  },
  {
    title: 'a list of a namespace that is not there is empty',
    run: async ({ api }) => {
      const { status, json } = await api.get('/api/v1/namespaces/none/configmaps');
      return [status, json.items ?? 'none', json.kind ?? '', Object.keys(objectAt(json, 'metadata'))];
    },
    expected: [200, [], 'ConfigMapList', ['resourceVersion']],
  },
];

export const errorRows: readonly Row[] = [
  ...asked.map(([title, ask, expected]): Row => ({
    title,
    run: async ({ api, namespace, name }) => {
      const fill = (text: string): string => text.replace('*', namespace).replace('+', name);
      const seen = verdict(await api.send({ method: 'GET', ...ask, path: fill(ask.path) }));
      // The rest is text of the Go parser.
      const message = asText(seen.message ?? '').replace(/(json parse error|Go struct field).*/s, '$1');
      return seen.message === undefined ? seen : { ...seen, message };
    },
    expected,
  })),
  ...others,
];
