import {
  clone,
  erase,
  objectAt,
  objectsAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import {
  account,
  apply,
  at,
  autoscaler,
  claim,
  configMap,
  create,
  deployment,
  given,
  job,
  patch,
  pod,
  secret,
  service,
  statefulSet,
  template,
  type Row,
} from '../../support/conformance/api-row.js';

/** An object created by a dry run; `part` selects what is compared. */
type Defaulted = readonly [
  title: string,
  object: JsonObject,
  part: (made: JsonObject) => JsonValue,
  expected: JsonValue,
];

const spec = (made: JsonObject): JsonObject => objectAt(made, 'spec');
const pods = (made: JsonObject): JsonObject => objectAt(made, 'spec', 'template', 'spec');
const container = (made: JsonObject): JsonObject => objectsAt(pods(made), 'containers')[0] ?? {};
const without = (object: JsonObject, ...members: string[]): JsonObject => {
  const rest = clone(object);
  for (const member of members) erase(rest, member);
  return rest;
};
const ports = (made: JsonObject): JsonValue => spec(made).ports ?? [];
const withoutAddress = (made: JsonObject): JsonObject => without(spec(made), 'clusterIP', 'clusterIPs', 'ports');
const image = (name: string): JsonObject => deployment({}, { image: name });
const policy = (made: JsonObject): JsonValue => container(made).imagePullPolicy ?? 'none';
const noReplicas = deployment();
erase(objectAt(noReplicas, 'spec'), 'replicas');

const defaults: readonly Defaulted[] = [
  [
    'a Deployment',
    noReplicas,
    made => without(spec(made), 'template'),
    {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
  ],
  [
    'a Deployment of strategy Recreate',
    deployment({ strategy: { type: 'Recreate' } }),
    m => spec(m).strategy ?? {},
    { type: 'Recreate' },
  ],
  [
    'a Deployment with a surge of its own',
    deployment({ strategy: { rollingUpdate: { maxSurge: 1 } } }),
    made => spec(made).strategy ?? {},
    { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: 1 } },
  ],
  [
    'the pods of a Deployment',
    deployment(),
    pods,
    {
      containers: [
        {
          name: 'web',
          image: 'site:v1',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
    },
  ],
  ['an image with a tag', image('site:v1'), policy, 'IfNotPresent'],
  ['an image without a tag', image('registry:5000/site'), policy, 'Always'],
  ['an image with the tag latest', image('site:latest'), policy, 'Always'],
  ['an image by digest', image(`site@sha256:${'0'.repeat(64)}`), policy, 'IfNotPresent'],
  [
    'a readiness probe by HTTP',
    deployment({}, { readinessProbe: { httpGet: { port: 80 } } }),
    made => container(made).readinessProbe ?? {},
    {
      httpGet: { path: '/', port: 80, scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
  ],
  [
    'a startup probe by TCP with numbers of its own',
    deployment({}, { startupProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 0, failureThreshold: 30 } }),
    made => container(made).startupProbe ?? {},
    { tcpSocket: { port: 80 }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 30 },
  ],
  [
    'a probe by gRPC',
    deployment({}, { livenessProbe: { grpc: { port: 80 } } }),
    made => container(made).livenessProbe ?? {},
    { grpc: { port: 80, service: '' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  ],
  [
    'ports, variables and hooks of a container',
    deployment(
      {},
      {
        ports: [{ containerPort: 80 }],
        env: [
          { name: 'EMPTY', value: '' },
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
        lifecycle: { preStop: { httpGet: { port: 80 } } },
        securityContext: {},
        resources: { limits: { memory: '1024Mi' } },
      },
    ),
    made => without(container(made), 'image', 'name'),
    {
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      env: [
        { name: 'EMPTY' },
        { name: 'NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      ],
      resources: { limits: { memory: '1Gi' } },
      lifecycle: { preStop: { httpGet: { path: '/', port: 80, scheme: 'HTTP' } } },
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
      securityContext: {},
    },
  ],
  [
    'volumes',
    deployment(
      {},
      {},
      {
        volumes: [
          { name: 'a' },
          { name: 'b', configMap: { name: 'b' } },
          { name: 'c', secret: { secretName: 'c' } },
          { name: 'd', hostPath: { path: '/d' } },
        ],
      },
    ),
    made => pods(made).volumes ?? [],
    [
      { name: 'a', emptyDir: {} },
      { name: 'b', configMap: { name: 'b', defaultMode: 420 } },
      { name: 'c', secret: { secretName: 'c', defaultMode: 420 } },
      { name: 'd', hostPath: { path: '/d', type: '' } },
    ],
  ],
  [
    'an init container',
    deployment({}, {}, { initContainers: [{ name: 'init', image: 'site' }] }),
    m => pods(m).initContainers ?? [],
    [
      {
        name: 'init',
        image: 'site',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'Always',
      },
    ],
  ],
  [
    'a Service',
    service(),
    withoutAddress,
    {
      selector: { app: 'web' },
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'ports of a Service',
    service({
      ports: [{ port: 80 }, { name: 'b', port: 81, targetPort: 'http' }].map((p, i) => ({ name: `p${i}`, ...p })),
    }),
    ports,
    [
      { name: 'p0', protocol: 'TCP', port: 80, targetPort: 80 },
      { name: 'b', protocol: 'TCP', port: 81, targetPort: 'http' },
    ],
  ],
  [
    'a headless Service',
    service({ clusterIP: 'None' }),
    made => without(spec(made), 'ports'),
    {
      selector: { app: 'web' },
      clusterIP: 'None',
      clusterIPs: ['None'],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'a Service of type NodePort',
    service({ type: 'NodePort' }),
    withoutAddress,
    {
      selector: { app: 'web' },
      type: 'NodePort',
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'a Service of type LoadBalancer',
    service({ type: 'LoadBalancer' }),
    withoutAddress,
    {
      selector: { app: 'web' },
      type: 'LoadBalancer',
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      allocateLoadBalancerNodePorts: true,
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'a Service of an external name',
    service({ type: 'ExternalName', externalName: 'a.b' }),
    spec,
    {
      ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
      selector: { app: 'web' },
      type: 'ExternalName',
      sessionAffinity: 'None',
      externalName: 'a.b',
    },
  ],
  [
    'a Service with affinity',
    service({ sessionAffinity: 'ClientIP' }),
    withoutAddress,
    {
      selector: { app: 'web' },
      type: 'ClusterIP',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'a Job',
    job({ suspend: false }),
    made => without(spec(made), 'template', 'selector'),
    {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      manualSelector: false,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
    },
  ],
  [
    'the selector and labels of a Job',
    job({ template: { metadata: { labels: { app: 'web' } }, ...template({}, { restartPolicy: 'Never' }) } }),
    made => [
      spec(made).selector ?? {},
      objectAt(made, 'spec', 'template', 'metadata').labels ?? {},
      objectAt(made, 'metadata').labels ?? {},
    ],
    [
      { matchLabels: { 'batch.kubernetes.io/controller-uid': 'UID' } },
      {
        app: 'web',
        'batch.kubernetes.io/controller-uid': 'UID',
        'batch.kubernetes.io/job-name': 'web',
        'controller-uid': 'UID',
        'job-name': 'web',
      },
      {
        app: 'web',
        'batch.kubernetes.io/controller-uid': 'UID',
        'batch.kubernetes.io/job-name': 'web',
        'controller-uid': 'UID',
        'job-name': 'web',
      },
    ],
  ],
  [
    'the labels of a Job that has its own',
    {
      ...job({ template: { metadata: { labels: { app: 'web' } }, ...template({}, { restartPolicy: 'Never' }) } }),
      metadata: { labels: { a: 'b' } },
    },
    made => objectAt(made, 'metadata').labels ?? 'none',
    { a: 'b' },
  ],
  [
    'the labels of a Job whose pods have none',
    job(),
    made => [objectAt(made, 'metadata').labels ?? 'none', objectAt(made, 'spec', 'template', 'metadata').labels ?? {}],
    [
      {
        'batch.kubernetes.io/controller-uid': 'UID',
        'batch.kubernetes.io/job-name': 'web',
        'controller-uid': 'UID',
        'job-name': 'web',
      },
      {
        'batch.kubernetes.io/controller-uid': 'UID',
        'batch.kubernetes.io/job-name': 'web',
        'controller-uid': 'UID',
        'job-name': 'web',
      },
    ],
  ],
  [
    'a CronJob',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      spec: { schedule: '@daily', jobTemplate: { spec: { template: template({}, { restartPolicy: 'Never' }) } } },
    },
    made => [without(spec(made), 'jobTemplate'), without(objectAt(made, 'spec', 'jobTemplate', 'spec'), 'template')],
    [
      {
        schedule: '@daily',
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      },
      {},
    ],
  ],
  [
    'a StatefulSet',
    statefulSet(),
    made => without(spec(made), 'template'),
    {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      serviceName: 'web',
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 } },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    },
  ],
  [
    'a DaemonSet',
    { ...deployment(), kind: 'DaemonSet', spec: { selector: { matchLabels: { app: 'web' } }, template: template() } },
    made => without(spec(made), 'template'),
    {
      selector: { matchLabels: { app: 'web' } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
    },
  ],
  [
    'an autoscaler',
    autoscaler(),
    made => [spec(made), made.status ?? 'none'],
    [
      {
        scaleTargetRef: { kind: 'Deployment', name: 'none', apiVersion: 'apps/v1' },
        minReplicas: 1,
        maxReplicas: 3,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
        ],
      },
      { desiredReplicas: 0, currentMetrics: null },
    ],
  ],
  [
    'a claim',
    claim(),
    made => [spec(made), made.status ?? 'none'],
    [
      {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: 'none',
        volumeMode: 'Filesystem',
      },
      { phase: 'Pending' },
    ],
  ],
  [
    'a Secret',
    secret({ stringData: { a: 'b' }, data: { c: 'ZA==' } }),
    made => [made.type ?? '', made.data ?? '', made.stringData ?? 'none'],
    ['Opaque', { a: 'Yg==', c: 'ZA==' }, 'none'],
  ],
  [
    'a ConfigMap without data',
    { apiVersion: 'v1', kind: 'ConfigMap' },
    made => without(made, 'metadata'),
    { kind: 'ConfigMap', apiVersion: 'v1' },
  ],
  ['an empty ConfigMap', configMap(), made => without(made, 'metadata'), { kind: 'ConfigMap', apiVersion: 'v1' }],
  [
    'a budget',
    { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', spec: { minAvailable: 1 } },
    made => [spec(made), made.status ?? 'none'],
    [{ minAvailable: 1 }, { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }],
  ],
  [
    'an Ingress',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } },
    },
    made => [spec(made), made.status ?? 'none'],
    [{ defaultBackend: { service: { name: 'a', port: { number: 80 } } } }, { loadBalancer: {} }],
  ],
  [
    'a null',
    deployment({ replicas: null, paused: null }),
    made => [spec(made).replicas ?? 'none', spec(made).paused ?? 'none'],
    [1, 'none'],
  ],
];

const metadataNames = (made: JsonObject): string[] => Object.keys(objectAt(made, 'metadata')).sort();

export const defaultRows: readonly Row[] = [
  ...defaults.map(([title, object, part, expected]): Row => ({
    title: `the defaults of ${title}`,
    run: async ns => {
      const answer = await create(ns, object, { dryRun: 'All' });
      return answer.status === 201 ? part(answer.json) : answer.text;
    },
    expected,
  })),
  {
    title: 'a pod is filled in, by admission too',
    run: async ns => {
      await given(ns, account);
      const { json } = await create(ns, pod(ns, { resources: { limits: { cpu: 1 } } }), { dryRun: 'All' });
      return [json.spec ?? {}, json.status ?? {}, metadataNames(json)];
    },
    expected: [
      {
        containers: [
          {
            name: 'web',
            image: 'site:v1',
            resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'IfNotPresent',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        serviceAccountName: 'web',
        serviceAccount: 'web',
        automountServiceAccountToken: false,
        securityContext: {},
        schedulerName: 'nobody',
        tolerations: [
          { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
          { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        ],
        priority: 0,
        enableServiceLinks: true,
        preemptionPolicy: 'PreemptLowerPriority',
      },
      { phase: 'Pending', qosClass: 'Burstable' },
      ['creationTimestamp', 'generation', 'labels', 'managedFields', 'name', 'namespace', 'uid'],
    ],
  },
  {
    title: 'a load balancer with local traffic has a port for health checks, as long as it has local traffic',
    run: async ns => {
      const made = await given(ns, service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));
      const port = spec(made).healthCheckNodePort;
      const kept = await patch(ns, at(ns, 'Service'), { body: { metadata: { labels: { a: 'b' } } } });
      const left = await patch(ns, at(ns, 'Service'), { body: { spec: { externalTrafficPolicy: 'Cluster' } } });
      return [
        typeof port === 'number' && port >= 30000 && port <= 32767,
        spec(kept.json).healthCheckNodePort === port,
        spec(left.json).healthCheckNodePort ?? 'none',
      ];
    },
    expected: [true, true, 'none'],
  },
  {
    title: 'a key named __proto__ is a key like any other',
    run: async ns => {
      const withKey = (value: string): JsonObject =>
        configMap(JSON.parse(`{"__proto__": "${value}", "constructor": "${value}"}`) as JsonObject);
      const data = ({ json }: { readonly json: JsonObject }): JsonValue =>
        Object.entries(objectAt(json, 'data')).sort();
      const applied = await apply(ns, withKey('1'));
      const changed = await apply(ns, withKey('2'));
      const body = { data: JSON.parse('{"__proto__": null}') as JsonObject };
      const patched = await patch(ns, at(ns, 'ConfigMap'), { body });
      return [applied, changed, patched].map(data);
    },
    expected: [
      [
        ['__proto__', '1'],
        ['constructor', '1'],
      ],
      [
        ['__proto__', '2'],
        ['constructor', '2'],
      ],
      [['constructor', '2']],
    ],
  },
  {
    title: 'a new object has just this metadata and status',
    run: async ns => {
      const made = await given(ns, deployment({ paused: true }));
      const namespace = (await ns.api.get(`/api/v1/namespaces/${ns.namespace}`)).json;
      return [
        [metadataNames(made), objectAt(made, 'metadata').generation ?? 0, made.status ?? 'none'],
        [objectAt(namespace, 'metadata').labels ?? 'none', namespace.spec ?? 'none', namespace.status ?? 'none'],
      ];
    },
    expected: [
      [['creationTimestamp', 'generation', 'managedFields', 'name', 'namespace', 'resourceVersion', 'uid'], 1, {}],
      [{ 'kubernetes.io/metadata.name': 'shop' }, { finalizers: ['kubernetes'] }, { phase: 'Active' }],
    ],
  },
];
