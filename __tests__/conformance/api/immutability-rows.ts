import { asText, clone, objectAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import {
  account,
  apply,
  at,
  claim,
  configMap,
  deployment,
  given,
  job,
  outcome,
  patch,
  pod,
  replace,
  secret,
  service,
  statefulSet,
  template,
  versionOf,
  type KindName,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

/** A change of an object, and the answer. */
type Change = readonly [title: string, object: JsonObject, change: JsonObject, expected: JsonValue];

const changes: readonly Change[] = [
  [
    'the selector of a Deployment cannot change, even with its template',
    deployment(),
    { spec: { selector: { matchLabels: { tier: 'front' } }, template: { metadata: { labels: { tier: 'front' } } } } },
    '422 Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"front"}}: field is immutable',
  ],
  [
    'the labels of a template cannot leave the selector',
    deployment(),
    { spec: { template: { metadata: { labels: { app: 'api' } } } } },
    '422 Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"api"}: `selector` does not match template `labels`',
  ],
  [
    'the cluster address of a Service cannot change',
    service(),
    { spec: { clusterIP: '10.96.200.200' } },
    '422 Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.200.200"]: may not change once set',
  ],
  [
    'a Service cannot become headless',
    service(),
    { spec: { clusterIP: 'None' } },
    '422 Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set',
  ],
  ['a Service becomes an external name', service(), { spec: { type: 'ExternalName', externalName: 'a.b' } }, 200],
  [
    'the type of a Secret cannot change',
    secret({ data: {} }),
    { type: 'example.com/own' },
    '422 Secret "web" is invalid: type: Invalid value: "example.com/own": field is immutable',
  ],
  [
    'the data of an immutable ConfigMap cannot change',
    { ...configMap({ a: '1' }), immutable: true },
    { data: { a: '2' } },
    '422 ConfigMap "web" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'an immutable ConfigMap stays immutable',
    { ...configMap(), immutable: true },
    { immutable: false },
    '422 ConfigMap "web" is invalid: immutable: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'an immutable ConfigMap gets neither other data nor mutable',
    { ...configMap(), immutable: true },
    { data: { a: '2' }, immutable: null },
    '422 ConfigMap "web" is invalid: [immutable: Forbidden: field is immutable when `immutable` is set, data: Forbidden: field is immutable when `immutable` is set]',
  ],
  [
    'labels of an immutable ConfigMap change',
    { ...configMap(), immutable: true },
    { metadata: { labels: { a: 'b' } } },
    200,
  ],
  [
    'the data of an immutable Secret cannot change',
    secret({ immutable: true, data: { a: 'YQ==' } }),
    { stringData: { a: 'b' } },
    '422 Secret "web" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'the completions of a Job cannot change',
    job({ completions: 1 }),
    { spec: { completions: 2 } },
    '422 Job.batch "web" is invalid: spec.completions: Invalid value: 2: field is immutable',
  ],
  ['the parallelism of a Job changes', job(), { spec: { parallelism: 2 } }, 200],
  [
    'the completion mode of a Job cannot change',
    job(),
    { spec: { completionMode: 'Indexed' } },
    '422 Job.batch "web" is invalid: spec.completionMode: Invalid value: "Indexed": field is immutable',
  ],
  ['a finished deadline of a Job changes', job(), { spec: { ttlSecondsAfterFinished: 5 } }, 200],
  [
    'the service of a StatefulSet cannot change',
    statefulSet(),
    { spec: { serviceName: 'other' } },
    '422 StatefulSet.apps "web" is invalid: spec.serviceName: Invalid value: "other": field is immutable',
  ],
  [
    'the pod management of a StatefulSet cannot change',
    statefulSet(),
    { spec: { podManagementPolicy: 'Parallel' } },
    '422 StatefulSet.apps "web" is invalid: spec.podManagementPolicy: Invalid value: "Parallel": field is immutable',
  ],
  [
    'the selector of a StatefulSet cannot change',
    statefulSet(),
    { spec: { selector: { matchLabels: { tier: 'front' } }, template: { metadata: { labels: { tier: 'front' } } } } },
    '422 StatefulSet.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"front"}}: field is immutable',
  ],
  ['the replicas of a StatefulSet change', statefulSet(), { spec: { replicas: 0, minReadySeconds: 1 } }, 200],
  [
    'the access modes of a claim cannot change',
    claim(),
    { spec: { accessModes: ['ReadOnlyMany'] } },
    '422 PersistentVolumeClaim "web" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  ],
  [
    'the size of a claim that is not bound cannot change',
    claim(),
    { spec: { resources: { requests: { storage: '2Gi' } } } },
    '422 PersistentVolumeClaim "web" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  ],
  [
    'the selector of a DaemonSet cannot change',
    {
      ...deployment(),
      kind: 'DaemonSet',
      spec: { selector: { matchLabels: { app: 'web' } }, template: template({}, { nodeSelector: { none: 'none' } }) },
    },
    { spec: { selector: { matchLabels: { tier: 'front' } }, template: { metadata: { labels: { tier: 'front' } } } } },
    '422 DaemonSet.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"front"}}: field is immutable',
  ],
  [
    'the role of a RoleBinding cannot change',
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    },
    { roleRef: { name: 'edit' } },
    '422 RoleBinding.rbac.authorization.k8s.io "web" is invalid: roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: field is immutable',
  ],
];

/** First line of an error: for pods and Jobs, a Go diff follows it. */
const firstLine = (text: JsonValue): JsonValue => (typeof text === 'string' ? (text.split('\n')[0] ?? '') : text);

const changePod = async (ns: RowNamespace, change: JsonObject): Promise<JsonValue> => {
  await given(ns, account);
  await given(ns, pod(ns));
  return firstLine(outcome(await patch(ns, at(ns, 'Pod'), { type: 'strategic-merge', body: change })));
};

const others: readonly Row[] = [
  {
    title: 'the template of a Job cannot change',
    run: async ns => {
      await given(ns, job());
      const body = { spec: { template: { spec: { containers: [{ name: 'web', image: 'site:v2' }] } } } };
      const answer = await patch(ns, at(ns, 'Job'), { type: 'strategic-merge', body, query: { dryRun: 'All' } });
      const text = asText(outcome(answer));
      // In between is the whole template in Go notation.
      return [text.split(': Invalid value: ')[0] ?? '', text.slice(text.lastIndexOf(': '))];
    },
    expected: ['422 Job.batch "web" is invalid: spec.template.spec', ': field is immutable'],
  },
  {
    title: 'the selector of a suspended Job cannot change',
    run: async ns => {
      await given(ns, job());
      const body = { spec: { selector: { matchLabels: { a: 'b' } } } };
      const answer = await patch(ns, at(ns, 'Job'), { body });
      return [answer.status, asText(answer.json.reason)];
    },
    expected: [422, 'Invalid'],
  },
  {
    title: 'the image of a pod changes',
    run: ns => changePod(ns, { spec: { containers: [{ name: 'web', image: 'site:v2' }] } }),
    expected: 200,
  },
  {
    title: 'the variables of a pod cannot change',
    run: ns => changePod(ns, { spec: { containers: [{ name: 'web', env: [{ name: 'A', value: '1' }] }] } }),
    expected:
      '422 Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
  },
  {
    title: 'the node selector of a pod cannot change',
    run: ns => changePod(ns, { spec: { nodeSelector: { a: 'b' } } }),
    expected:
      '422 Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
  },
  {
    title: 'a pod gets no second container',
    run: ns => changePod(ns, { spec: { containers: [{ name: 'other', image: 'site:v1' }] } }),
    expected: '422 Pod "web" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers',
  },
  {
    title: 'a PUT that leaves out the cluster address keeps it',
    run: async ns => {
      const made = await given(ns, service());
      const answer = await replace(ns, {
        ...service({ ports: [{ port: 81 }] }),
        metadata: { resourceVersion: versionOf({ json: made }) },
      });
      const address = (object: JsonObject): JsonValue => objectAt(object, 'spec').clusterIP ?? '';
      return [answer.status, address(answer.json) === address(made)];
    },
    expected: [200, true],
  },
  {
    title: 'a template cannot lose a required member by apply of another manager',
    run: async ns => {
      await apply(ns, deployment());
      const rest = clone(deployment({ template: { metadata: { labels: { app: 'api' } } } }));
      return outcome(await apply(ns, rest, { manager: 'other', force: true }));
    },
    expected:
      '422 Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"api"}: `selector` does not match template `labels`',
  },
];

export const immutabilityRows: readonly Row[] = [
  ...changes.map(([title, object, change, expected]): Row => ({
    title,
    run: async ns => {
      await given(ns, object);
      return firstLine(outcome(await patch(ns, at(ns, object.kind as KindName), { body: change })));
    },
    expected,
  })),
  ...others,
  {
    title: 'the claims of a StatefulSet cannot change',
    run: async ns => {
      const claims = (storage: string): JsonObject[] => [
        { metadata: { name: 'data' }, spec: objectAt(claim({ resources: { requests: { storage } } }), 'spec') },
      ];
      await given(ns, statefulSet({ volumeClaimTemplates: claims('1Gi') }));
      const body = { spec: { volumeClaimTemplates: claims('2Gi') } };
      const answer = outcome(await patch(ns, at(ns, 'StatefulSet'), { body }));
      // The API server quotes all claims.
      return asText(answer).replace(/(Invalid value: ).*(: field is immutable)/, '$1…$2');
    },
    expected: '422 StatefulSet.apps "web" is invalid: spec.volumeClaimTemplates: Invalid value: …: field is immutable',
  },
];
