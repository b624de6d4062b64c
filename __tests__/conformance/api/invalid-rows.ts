import {
  asText,
  childOf,
  clone,
  erase,
  objectsAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import {
  apply,
  autoscaler,
  claim,
  configMap,
  create,
  deployment,
  given,
  job,
  outcome,
  secret,
  service,
  statefulSet,
  template,
  verdict,
  type Row,
} from '../../support/conformance/api-row.js';

const named = (object: JsonObject, name: string): JsonObject => labelled(object, { name });

function labelled(object: JsonObject, metadata: JsonObject): JsonObject {
  return { ...clone(object), metadata };
}

function without(object: JsonObject, member: string): JsonObject {
  const rest = clone(object);
  erase(childOf(rest, 'spec'), member);
  return rest;
}

const podOf = (pod: JsonObject): JsonObject => deployment({}, {}, pod);
const containerOf = (container: JsonObject): JsonObject => deployment({}, container);
const portsOf = (...ports: JsonValue[]): JsonObject => service({ ports });
const nodePort = (spec: JsonObject): JsonObject => service({ type: 'NodePort', ...spec });
const probe = (readinessProbe: JsonObject): JsonObject => containerOf({ readinessProbe });
const strategy = (maxSurge: JsonValue, maxUnavailable: JsonValue): JsonObject =>
  deployment({ strategy: { rollingUpdate: { maxSurge, maxUnavailable } } });
const ingress = (path: JsonObject): JsonObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  spec: {
    rules: [{ http: { paths: [{ backend: { service: { name: 'web', port: { number: 80 } } }, ...path }] } }],
  },
});
const cronJob = (spec: JsonObject): JsonObject => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  spec: { schedule: '@daily', jobTemplate: { spec: { template: jobTemplate } }, ...spec },
});
const jobTemplate: JsonObject = template({}, { restartPolicy: 'Never' });
const budget = (spec: JsonObject): JsonObject => ({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', spec });

/** An invalid object, and its error. */
const mistakes: readonly (readonly [title: string, object: JsonObject, expected: JsonValue])[] = [
  [
    'a Deployment named in capitals',
    named(deployment(), 'Web'),
    "422 Deployment.apps \"Web\" is invalid: metadata.name: Invalid value: \"Web\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ],
  [
    'a ConfigMap named with an underscore',
    named(configMap(), 'my_config'),
    "422 ConfigMap \"my_config\" is invalid: metadata.name: Invalid value: \"my_config\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ],
  ['a Service whose name begins with a digit', named(service(), '7web'), 201],
  [
    'a Service whose name is too long',
    named(service(), 'w'.repeat(64)),
    '422 Service "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww" is invalid: metadata.name: Invalid value: "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww": must be no more than 63 characters',
  ],
  [
    'a Service whose name has a dot',
    named(service(), 'web.v1'),
    '422 Service "web.v1" is invalid: metadata.name: Invalid value: "web.v1": must not contain dots',
  ],
  [
    'an empty name',
    named(configMap(), ''),
    '422 ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  ],
  [
    'a label value with a space',
    labelled(configMap(), { labels: { app: 'my web' } }),
    "422 ConfigMap \"web\" is invalid: metadata.labels: Invalid value: \"my web\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
  [
    'a label value that is too long',
    labelled(configMap(), { labels: { app: 'w'.repeat(64) } }),
    '422 ConfigMap "web" is invalid: metadata.labels: Invalid value: "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww": must be no more than 63 bytes',
  ],
  [
    'a label key with a space',
    labelled(configMap(), { labels: { 'my app': 'web' } }),
    "422 ConfigMap \"web\" is invalid: metadata.labels: Invalid value: \"my app\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  ],
  [
    'a label key with two slashes',
    labelled(configMap(), { labels: { 'a/b/c': 'web' } }),
    "422 ConfigMap \"web\" is invalid: metadata.labels: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
  ],
  [
    'an annotation key with a bad prefix',
    labelled(configMap(), { annotations: { 'A_b/c': 'x' } }),
    "422 ConfigMap \"web\" is invalid: metadata.annotations: Invalid value: \"A_b/c\": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ],
  [
    'a finalizer without a domain',
    labelled(configMap(), { finalizers: ['mine'] }),
    '422 ConfigMap "web" is invalid: metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    'an owner without a uid',
    labelled(configMap(), { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a' }] }),
    '422 ConfigMap "web" is invalid: metadata.ownerReferences[0].uid: Required value: must not be empty',
  ],

  [
    'a Deployment without a selector',
    without(deployment(), 'selector'),
    '422 Deployment.apps "web" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`]',
  ],
  [
    'a Deployment with an empty selector',
    deployment({ selector: {} }),
    '422 Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for deployment',
  ],
  [
    'a Deployment without a template',
    without(deployment(), 'template'),
    '422 Deployment.apps "web" is invalid: [spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]',
  ],
  [
    'a selector that does not match the template',
    deployment({ selector: { matchLabels: { app: 'api' } } }),
    '422 Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ],
  [
    'a selector with a bad value',
    deployment({ selector: { matchLabels: { app: 'a b' } } }),
    "422 Deployment.apps \"web\" is invalid: [spec.selector.matchLabels: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'), spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"a b\"}}: invalid label selector]",
  ],
  [
    'negative replicas',
    deployment({ replicas: -1 }),
    '422 Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'a surge and an unavailability of none',
    strategy(0, 0),
    '422 Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
  ],
  [
    'a surge that is neither number nor percentage',
    strategy('some', 0),
    "422 Deployment.apps \"web\" is invalid: [spec.strategy.rollingUpdate.maxSurge: Invalid value: \"some\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%'), spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0]",
  ],
  [
    'more than all pods unavailable',
    strategy(0, '101%'),
    '422 Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    'a negative surge',
    strategy(-1, 1),
    '422 Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'an unknown strategy',
    deployment({ strategy: { type: 'BlueGreen' } }),
    '422 Deployment.apps "web" is invalid: spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
  ],
  [
    'Recreate with parameters of a rolling update',
    deployment({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
    '422 Deployment.apps "web" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is \'Recreate\'',
  ],
  [
    'a deadline that is shorter than minReadySeconds',
    deployment({ minReadySeconds: 60, progressDeadlineSeconds: 30 }),
    '422 Deployment.apps "web" is invalid: spec.progressDeadlineSeconds: Invalid value: 30: must be greater than minReadySeconds',
  ],
  [
    'a negative minReadySeconds',
    deployment({ minReadySeconds: -1 }),
    '422 Deployment.apps "web" is invalid: spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'pods of a Deployment that are not restarted',
    podOf({ restartPolicy: 'Never' }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],

  [
    'no containers',
    podOf({ containers: [] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers: Required value',
  ],
  [
    'a container without a name',
    podOf({ containers: [{ image: 'site:v1' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].name: Required value',
  ],
  [
    'a container without an image',
    podOf({ containers: [{ name: 'web' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value',
  ],
  ['an image with a space before it', containerOf({ image: ' site:v1' }), 201],
  [
    'a container named in capitals',
    containerOf({ name: 'Web' }),
    "422 Deployment.apps \"web\" is invalid: spec.template.spec.containers[0].name: Invalid value: \"Web\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
  [
    'two containers of one name',
    podOf({ containers: ['v1', 'v2'].map(tag => ({ name: 'web', image: `site:${tag}` })) }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[1].name: Duplicate value: "web"',
  ],
  [
    'an init container named as a container',
    podOf({ initContainers: [{ name: 'web', image: 'site:v1' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.initContainers[0].name: Duplicate value: "web"',
  ],
  [
    'an unknown imagePullPolicy',
    containerOf({ imagePullPolicy: 'Sometimes' }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    'an unknown restartPolicy',
    podOf({ restartPolicy: 'Sometimes' }),
    '422 Deployment.apps "web" is invalid: [spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never", spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always"]',
  ],
  [
    'a container port of zero',
    containerOf({ ports: [{ containerPort: 0 }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Required value',
  ],
  [
    'a container port that is too high',
    containerOf({ ports: [{ containerPort: 70000 }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'a container port with a bad name',
    containerOf({ ports: [{ containerPort: 80, name: 'My_Port' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].name: Invalid value: "My_Port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [
    'a container port with a long name',
    containerOf({ ports: [{ containerPort: 80, name: 'my-own-http-port' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].name: Invalid value: "my-own-http-port": must be no more than 15 characters',
  ],
  [
    'two container ports of one name',
    containerOf({
      ports: [
        { containerPort: 80, name: 'http' },
        { containerPort: 81, name: 'http' },
      ],
    }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[1].name: Duplicate value: "http"',
  ],
  [
    'an unknown protocol',
    containerOf({ ports: [{ containerPort: 80, protocol: 'HTTP' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    'a variable with an equals sign in its name',
    containerOf({ env: [{ name: 'A=B', value: '1' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
  ],
  [
    'a variable without a name',
    containerOf({ env: [{ value: '1' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].name: Required value',
  ],
  [
    'a variable with two values',
    containerOf({ env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    'a variable from nowhere',
    containerOf({ env: [{ name: 'A', valueFrom: {} }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
  ],
  [
    'a variable from a ConfigMap without a key',
    containerOf({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'a' } } }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value',
  ],
  [
    'a variable from an unknown field',
    containerOf({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.color' } } }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.color": error converting fieldPath: field label not supported: spec.color',
  ],
  [
    'a mount of an unknown volume',
    containerOf({ volumeMounts: [{ name: 'none', mountPath: '/x' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].volumeMounts[0].name: Not found: "none"',
  ],
  [
    'two mounts at one path',
    deployment(
      {},
      { volumeMounts: ['a', 'b'].map(name => ({ name, mountPath: '/x' })) },
      { volumes: [{ name: 'a' }, { name: 'b' }] },
    ),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
  ],
  [
    'a mount without a path',
    deployment({}, { volumeMounts: [{ name: 'a' }] }, { volumes: [{ name: 'a' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].volumeMounts[0].mountPath: Required value',
  ],
  [
    'two volumes of one name',
    podOf({ volumes: [{ name: 'a' }, { name: 'a' }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.volumes[1].name: Duplicate value: "a"',
  ],
  [
    'a volume of two sources',
    podOf({ volumes: [{ name: 'a', emptyDir: {}, configMap: { name: 'a' } }] }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type',
  ],
  [
    'a mount of a volume of two sources',
    deployment(
      {},
      { volumeMounts: [{ name: 'a', mountPath: '/a' }] },
      { volumes: [{ name: 'a', emptyDir: {}, configMap: { name: 'a' } }] },
    ),
    '422 Deployment.apps "web" is invalid: [spec.template.spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type, spec.template.spec.containers[0].volumeMounts[0].name: Not found: "a"]',
  ],
  [
    'a volume named in capitals',
    podOf({ volumes: [{ name: 'A' }] }),
    "422 Deployment.apps \"web\" is invalid: spec.template.spec.volumes[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
  [
    'a probe that asks nothing',
    probe({ periodSeconds: 5 }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].readinessProbe: Required value: must specify a handler type',
  ],
  [
    'a probe that asks in two ways',
    probe({ httpGet: { port: 80 }, tcpSocket: { port: 80 } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
  ],
  [
    'a probe of a port that is too high',
    probe({ httpGet: { port: 70000 } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].readinessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'a probe with a negative period',
    probe({ httpGet: { port: 80 }, periodSeconds: -1 }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'a liveness probe that must succeed twice',
    containerOf({ livenessProbe: { httpGet: { port: 80 }, successThreshold: 2 } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
  ],
  [
    'a hook that does nothing',
    containerOf({ lifecycle: { preStop: {} } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].lifecycle.preStop: Required value: must specify a handler type',
  ],
  [
    'a preStop sleep that is longer than the grace',
    containerOf({ lifecycle: { preStop: { sleep: { seconds: 31 } } } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
  ],
  ['a negative grace period', podOf({ terminationGracePeriodSeconds: -1 }), 201],
  [
    'a quantity that is none',
    containerOf({ resources: { limits: { cpu: 'much' } } }),
    '400 Deployment in version "v1" cannot be handled as a Deployment: quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
  ],
  [
    'a quantity with an unknown suffix',
    containerOf({ resources: { limits: { memory: '1000K' } } }),
    '400 Deployment in version "v1" cannot be handled as a Deployment: unable to parse quantity\'s suffix',
  ],
  [
    'a request over the limit',
    containerOf({ resources: { limits: { memory: '1Gi' }, requests: { memory: '2Gi' } } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
  ],
  [
    'a negative limit',
    containerOf({ resources: { limits: { cpu: '-1' } } }),
    '422 Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    'a ServiceAccount with a bad name',
    podOf({ serviceAccountName: 'My_Account' }),
    "422 Deployment.apps \"web\" is invalid: spec.template.spec.serviceAccountName: Invalid value: \"My_Account\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ],

  ['a Service without ports', service({ ports: [] }), '422 Service "web" is invalid: spec.ports: Required value'],
  [
    'a Service of two ports without names',
    portsOf({ port: 80 }, { port: 81 }),
    '422 Service "web" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]',
  ],
  [
    'two Service ports of one name',
    portsOf({ name: 'a', port: 80 }, { name: 'a', port: 81 }),
    '422 Service "web" is invalid: spec.ports[1].name: Duplicate value: "a"',
  ],
  [
    'two Service ports of one number',
    portsOf({ name: 'a', port: 80 }, { name: 'b', port: 80 }),
    '422 Service "web" is invalid: spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
  ],
  [
    'a Service port named in capitals',
    portsOf({ name: 'HTTP', port: 80 }),
    "422 Service \"web\" is invalid: spec.ports[0].name: Invalid value: \"HTTP\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
  [
    'a Service port of zero',
    portsOf({ port: 0 }),
    '422 Service "web" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]',
  ],
  [
    'a Service port that is too high',
    portsOf({ port: 70000 }),
    '422 Service "web" is invalid: [spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive]',
  ],
  [
    'a target port that is too high',
    portsOf({ port: 80, targetPort: 70000 }),
    '422 Service "web" is invalid: spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
  ],
  [
    'a target port with a bad name',
    portsOf({ port: 80, targetPort: 'My_Port' }),
    '422 Service "web" is invalid: spec.ports[0].targetPort: Invalid value: "My_Port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [
    'a Service port of an unknown protocol',
    portsOf({ port: 80, protocol: 'HTTP' }),
    '422 Service "web" is invalid: spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    'a node port of a cluster-internal Service',
    portsOf({ port: 80, nodePort: 31999 }),
    '422 Service "web" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when `type` is \'ClusterIP\'',
  ],
  [
    'a Service of an unknown type',
    service({ type: 'Public' }),
    '422 Service "web" is invalid: spec.type: Unsupported value: "Public": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    'an unknown session affinity',
    service({ sessionAffinity: 'Cookie' }),
    '422 Service "web" is invalid: spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
  ],
  [
    'an unknown external traffic policy',
    nodePort({ externalTrafficPolicy: 'Global' }),
    '422 Service "web" is invalid: spec.externalTrafficPolicy: Unsupported value: "Global": supported values: "Cluster", "Local"',
  ],
  [
    'a cluster address that is none',
    service({ clusterIP: 'here' }),
    '422 Service "web" is invalid: spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    'a selector of a Service with a bad value',
    service({ selector: { app: 'a b' } }),
    "422 Service \"web\" is invalid: spec.selector: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
  ],
  [
    'an external name that is missing',
    service({ type: 'ExternalName' }),
    '422 Service "web" is invalid: spec.externalName: Required value',
  ],

  [
    'a ConfigMap key with a space',
    configMap({ 'my key': 'x' }),
    "422 ConfigMap \"web\" is invalid: data[my key]: Invalid value: \"my key\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
  ],
  [
    'a ConfigMap that is too big',
    configMap({ a: 'x'.repeat(1024 * 1024 + 1) }),
    '422 ConfigMap "web" is invalid: []: Too long: may not be more than 1048576 bytes',
  ],
  [
    'a Secret of a certificate without its key',
    secret({ type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }),
    '422 Secret "web" is invalid: data[tls.key]: Required value',
  ],
  [
    'a Secret of registry credentials that is no JSON',
    secret({ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'xyz' } }),
    '422 Secret "web" is invalid: data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character \'x\' looking for beginning of value',
  ],
  [
    'a Secret whose data is not base64',
    secret({ data: { a: '!' } }),
    '400 Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
  ],
  [
    'a Job whose pods are always restarted',
    job({}, { restartPolicy: 'Always' }),
    '422 Job.batch "web" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    'a Job that does not say how to restart',
    job({ template: template() }),
    '422 Job.batch "web" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    'a Job with a negative backoffLimit',
    job({ backoffLimit: -1 }),
    '422 Job.batch "web" is invalid: spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'a schedule that is none',
    cronJob({ schedule: 'daily' }),
    '422 CronJob.batch "web" is invalid: spec.schedule: Invalid value: "daily": expected exactly 5 fields, found 1: [daily]',
  ],
  [
    'an unknown concurrency policy',
    cronJob({ concurrencyPolicy: 'Wait' }),
    '422 CronJob.batch "web" is invalid: spec.concurrencyPolicy: Unsupported value: "Wait": supported values: "Allow", "Forbid", "Replace"',
  ],
  [
    'an autoscaler whose lowest is over its highest',
    autoscaler({ minReplicas: 5 }),
    '422 HorizontalPodAutoscaler.autoscaling "web" is invalid: spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ],
  [
    'an autoscaler without a highest number',
    autoscaler({ maxReplicas: 0 }),
    '422 HorizontalPodAutoscaler.autoscaling "web" is invalid: [spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`, spec.maxReplicas: Required value]',
  ],
  [
    'a claim without access modes',
    without(claim(), 'accessModes'),
    '422 PersistentVolumeClaim "web" is invalid: spec.accessModes: Required value: at least 1 access mode is required',
  ],
  [
    'a claim without a size',
    without(claim(), 'resources'),
    '422 PersistentVolumeClaim "web" is invalid: spec.resources[storage]: Required value',
  ],
  [
    'a StatefulSet whose selector does not match',
    statefulSet({ selector: { matchLabels: { app: 'api' } } }),
    '422 StatefulSet.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
  ],
  [
    'an Ingress without a path type',
    ingress({ path: '/' }),
    '422 Ingress.networking.k8s.io "web" is invalid: spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified',
  ],
  [
    'an Ingress path that does not begin with a slash',
    ingress({ path: 'web', pathType: 'Prefix' }),
    '422 Ingress.networking.k8s.io "web" is invalid: spec.rules[0].http.paths[0].path: Invalid value: "web": must be an absolute path',
  ],
  [
    'a budget with both numbers',
    budget({ minAvailable: 1, maxUnavailable: 1 }),
    '422 PodDisruptionBudget.policy "web" is invalid: spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
  ],
];

const others: readonly Row[] = [
  {
    title: 'a node port that another Service has is refused',
    run: async ns => {
      const made = await given(ns, service({ type: 'NodePort' }));
      const taken = objectsAt(made, 'spec', 'ports')[0]?.nodePort ?? 0;
      const twin = labelled(nodePort({ ports: [{ port: 80, nodePort: taken }] }), { name: `${ns.name}-2` });
      return asText(outcome(await create(ns, twin, { dryRun: 'All' }))).replace(asText(taken), 'TAKEN');
    },
    expected:
      '422 Service "web-2" is invalid: spec.ports[0].nodePort: Invalid value: TAKEN: provided port is already allocated',
  },
  {
    title: 'a node port out of range is refused, though not in a dry run',
    run: async ns => {
      const outside = nodePort({ ports: [{ port: 80, nodePort: 8080 }] });
      return [outcome(await create(ns, outside, { dryRun: 'All' })), outcome(await create(ns, outside))];
    },
    expected: [
      201,
      '422 Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  },
  {
    title: 'by server-side apply, a quantity that is none and data that is not base64 are 500 without a reason',
    run: async ns => {
      const asks = [deployment({}, { resources: { limits: { cpu: 'much' } } }), secret({ data: { a: '!' } })];
      const answers = await Promise.all(asks.map(object => apply(ns, object, { dryRun: true })));
      return answers.map(verdict);
    },
    expected: [
      {
        status: 500,
        message:
          "failed to convert new object (/web; apps/v1, Kind=Deployment) to proper version: unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      },
      {
        status: 500,
        message:
          'failed to convert new object (/web; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 0',
      },
    ],
  },
  {
    title: 'a dry run by server-side apply words a mistake as a creation does',
    run: async ns => {
      const wrong = deployment({ replicas: -1 }, { image: '' });
      const applied = await apply(ns, wrong, { dryRun: true });
      return [outcome(applied), outcome(await create(ns, wrong))];
    },
    expected: [
      '422 Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.template.spec.containers[0].image: Required value]',
      '422 Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.template.spec.containers[0].image: Required value]',
    ],
  },
];

export const invalidRows: readonly Row[] = [
  ...mistakes.map(([title, object, expected]): Row => ({
    title: `${typeof expected === 'number' ? 'takes' : 'refuses'} ${title}`,
    run: async ns => outcome(await create(ns, object, { dryRun: 'All' })),
    expected,
  })),
  ...others,
];
