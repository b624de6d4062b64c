import { setTimeout as delay } from 'node:timers/promises';
import { asText, objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { eventually } from '../../support/eventually.js';
import type { Answer } from '../../support/sandbox/api-client.js';
import {
  apply,
  at,
  create,
  deployment,
  outcome,
  statefulSet,
  versionOf,
  warningsOf,
  type Row,
  type RowNamespace,
} from '../../support/conformance/api-row.js';

/** Runs `work` with the path of an object of the cluster, and deletes the object at the end. */
async function ofCluster<T>(ns: RowNamespace, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await ns.api.send({ method: 'DELETE', path });
  }
}

/** Status, and the fields that are refused. */
const refusedFields = ({ status, json }: Answer): JsonValue => [
  status,
  objectsAt(json, 'details', 'causes').map(({ field }) => field ?? ''),
];

/** An object of the cluster that is applied twice, and the answer to the second apply. */
async function appliedTwice(
  ns: RowNamespace,
  collection: string,
  [first, second]: readonly [JsonObject, JsonObject],
): Promise<JsonValue> {
  const path = `${collection}/${ns.name}`;
  const named = (object: JsonObject): JsonObject => ({ ...object, metadata: { name: ns.name } });
  return ofCluster(ns, path, async () => {
    const { status } = await ns.api.apply(path, named(first));
    return [status, refusedFields(await ns.api.apply(path, named(second)))];
  });
}

const definition = (name: string, stored: 'v1' | 'v2'): JsonObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `shelves.${name}.example.com` },
  spec: {
    group: `${name}.example.com`,
    scope: 'Namespaced',
    names: { kind: 'Shelf', plural: 'shelves', singular: 'shelf' },
    versions: ['v1', 'v2'].map(version => ({
      name: version,
      served: true,
      storage: version === stored,
      schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    })),
  },
});

const storageClass = (type: string): JsonObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  provisioner: 'example.com/none',
  parameters: { type },
});

const priorityClass = (value: number): JsonObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  value,
});

const env = (...names: readonly string[]): JsonObject =>
  deployment({}, { env: names.map(name => ({ name, value: '1' })) });

/** Objects that belong to no namespace, and what other kinds refuse or keep in order. */
export const clusterWideRows: readonly Row[] = [
  {
    title: 'a version that becomes the stored one joins the versions on record',
    run: async ns => {
      const crd = definition(ns.name, 'v1');
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${objectAt(crd, 'metadata').name as string}`;
      return ofCluster(ns, path, async () => {
        const seen: JsonValue[] = [];
        for (const stored of ['v1', 'v2'] as const) {
          await ns.api.apply(path, definition(ns.name, stored));
          seen.push(objectAt((await ns.api.get(path)).json, 'status').storedVersions ?? []);
        }
        return seen;
      });
    },
    expected: [['v1'], ['v1', 'v2']],
  },
  {
    title: 'a finalizer without a path is warned of where it is added to a custom resource',
    run: async ns => {
      const crd = definition(ns.name, 'v1');
      const { group = '' } = objectAt(crd, 'spec');
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${objectAt(crd, 'metadata').name as string}`;
      const shelves = `/apis/${asText(group)}/v1/namespaces/${ns.namespace}/shelves`;
      const shelf = (...finalizers: readonly string[]): JsonObject => ({
        apiVersion: `${asText(group)}/v1`,
        kind: 'Shelf',
        metadata: { name: ns.name, finalizers: [...finalizers] },
      });
      return ofCluster(ns, path, async () => {
        await ns.api.apply(path, crd);
        while ((await ns.api.get(shelves)).status === 404) await delay(100);
        const seen: JsonValue[] = [];
        for (const finalizers of [['example.com/hold'], ['hold.example.com'], []]) {
          const answer = await ns.api.apply(`${shelves}/${ns.name}`, shelf(...finalizers));
          seen.push([answer.status, warningsOf(answer)]);
        }
        return seen;
      });
    },
    expected: [
      [201, []],
      [
        200,
        [
          '299 - "metadata.finalizers: \\"hold.example.com\\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers"',
        ],
      ],
      [200, []],
    ],
  },
  {
    title: 'two appliers each have a webhook of one configuration',
    run: async ns => {
      const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${ns.name}`;
      const webhook = (name: string): JsonObject => ({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: ns.name },
        webhooks: [
          {
            name,
            clientConfig: { url: 'https://127.0.0.1:1/none' },
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Ignore',
          },
        ],
      });
      return ofCluster(ns, path, async () => {
        await ns.api.apply(path, webhook('a.example.com'), { manager: 'one' });
        const { status, json } = await ns.api.apply(path, webhook('b.example.com'), { manager: 'other' });
        return [status, objectsAt(json, 'webhooks').map(({ name }) => name ?? '')];
      });
    },
    expected: [200, ['a.example.com', 'b.example.com']],
  },
  {
    title: 'the parameters of a StorageClass cannot change',
    run: ns => appliedTwice(ns, '/apis/storage.k8s.io/v1/storageclasses', [storageClass('slow'), storageClass('fast')]),
    expected: [201, [422, ['parameters']]],
  },
  {
    title: 'the value of a PriorityClass cannot change',
    run: ns => appliedTwice(ns, '/apis/scheduling.k8s.io/v1/priorityclasses', [priorityClass(1), priorityClass(2)]),
    expected: [201, [422, ['value']]],
  },
  {
    title: 'a ClusterRole has the rules of those that it selects, which its applier does not own any more',
    run: async ns => {
      const collection = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
      const clusterRole = (name: string, { labels = {}, ...more }: JsonObject): JsonObject => ({
        ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name, labels } },
        ...more,
      });
      const label = { [`${ns.name}.example.com/selected`]: 'true' };
      const whole = clusterRole(ns.name, {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: label }] },
        rules: [],
      });
      const part = `${ns.name}-part`;
      const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
      const path = `${collection}/${ns.name}`;
      return ofCluster(ns, path, () =>
        ofCluster(ns, `${collection}/${part}`, async () => {
          await ns.api.apply(path, whole);
          await ns.api.apply(`${collection}/${part}`, clusterRole(part, { labels: label, rules }));
          const filled = await eventually('aggregated rules', async () => {
            const found = objectsAt((await ns.api.get(path)).json, 'rules');
            return found.length > 0 ? found : undefined;
          });
          return [filled, outcome(await ns.api.apply(path, whole))];
        }),
      );
    },
    expected: [
      [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
      '409 Apply failed with 1 conflict: conflict with "clusterrole-aggregation-controller": .rules',
    ],
  },
  {
    title: 'a StatefulSet with OnDelete has no rollingUpdate',
    run: async ns =>
      refusedFields(
        await create(ns, statefulSet({ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } })),
      ),
    expected: [422, ['spec.updateStrategy.rollingUpdate']],
  },
  {
    title: 'variables in another order are another object',
    run: async ns => {
      await apply(ns, env('A', 'B'));
      const before = (await ns.api.get(at(ns, 'Deployment'))).json;
      const { json } = await apply(ns, env('B', 'A'));
      const [container = {}] = objectsAt(json, 'spec', 'template', 'spec', 'containers');
      return [
        objectsAt(container, 'env').map(({ name }) => name ?? ''),
        versionOf({ json }) !== versionOf({ json: before }),
      ];
    },
    expected: [['B', 'A'], true],
  },
];
