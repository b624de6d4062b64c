import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import type { Answer } from '../../support/sandbox/api-client.js';
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
  service,
  verdict,
  versionOf,
  type Row,
} from '../../support/conformance/api-row.js';

const dry = { dryRun: 'All' };
const generation = (answer: Answer): JsonValue => metadataOf(answer).generation ?? 'none';
const portsOf = (object: JsonObject): JsonObject[] => objectsAt(object, 'spec', 'ports');

/** An object with a generation whose status no controller writes. */
const ingress: JsonObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  spec: { ingressClassName: 'none', defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
};

export const dryRunRows: readonly Row[] = [
  {
    title: 'a creation answers the object with a uid and without a version, and makes nothing',
    run: async ns => {
      const answer = await create(ns, configMap({ a: '1' }), dry);
      const stored = await ns.api.get(at(ns, 'ConfigMap'));
      return [answer.status, answer.json.data ?? {}, Object.keys(metadataOf(answer)).sort(), stored.status];
    },
    expected: [201, { a: '1' }, ['creationTimestamp', 'managedFields', 'name', 'namespace', 'uid'], 404],
  },
  {
    title: 'a change by merge patch answers the next generation under the version that is there',
    run: async ns => {
      const made = await given(ns, ingress);
      const body = { spec: { ingressClassName: 'other' } };
      const answer = await patch(ns, at(ns, 'Ingress'), { body, query: dry });
      const stored = await ns.api.get(at(ns, 'Ingress'));
      return [
        [answer.status, generation(answer), versionOf(answer) === versionOf({ json: made })],
        [generation(stored), objectAt(stored.json, 'spec').ingressClassName ?? 'none'],
      ];
    },
    expected: [
      [200, 2, true],
      [1, 'none'],
    ],
  },
  {
    title: 'a change by PUT is judged as a real one',
    run: async ns => {
      await given(ns, deployment());
      const other = { ...deployment({ selector: { matchLabels: { app: 'api' } } }) };
      return [
        outcome(await replace(ns, deployment({ replicas: -1 }), dry)),
        outcome(await replace(ns, other, dry)),
        outcome(await replace(ns, configMap({}, { name: `${ns.name}-none` }), dry)),
      ];
    },
    expected: [
      '422 Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      '422 Deployment.apps "web" is invalid: [spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`, spec.selector: Invalid value: {"matchLabels":{"app":"api"}}: field is immutable]',
      '404 configmaps "web-none" not found',
    ],
  },
  {
    title: 'a deletion answers as a real one and deletes nothing',
    run: async ns => {
      await given(ns, configMap());
      const path = at(ns, 'ConfigMap');
      const answer = await ns.api.send({ method: 'DELETE', path, query: dry });
      const inBody = await remove(ns, path, { dryRun: ['All'] });
      return [answer.status, answer.json, inBody.status, (await ns.api.get(path)).status];
    },
    expected: [
      200,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'web', kind: 'configmaps', uid: 'UID' },
      },
      200,
      200,
    ],
  },
  {
    title: 'a second creation is 409 in a dry run too',
    run: async ns => {
      await given(ns, configMap());
      return verdict(await create(ns, configMap(), dry));
    },
    expected: {
      status: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "web" already exists',
      details: { name: 'web', kind: 'configmaps' },
    },
  },
  {
    title: 'a new Service by dry run has no cluster address that would be its own',
    run: async ns => {
      const answer = await apply(ns, service(), { dryRun: true });
      const spec = objectAt(answer.json, 'spec');
      return [answer.status, typeof spec.clusterIP, spec.type ?? '', spec.ipFamilies ?? 'none'];
    },
    expected: [201, 'string', 'ClusterIP', ['IPv4']],
  },
  {
    title: 'a dry run does not allocate a node port',
    run: async ns => {
      const object = service({ type: 'NodePort' });
      const first = await create(ns, object, dry);
      const list = await ns.api.get(all(ns, 'Service'));
      const names = objectsAt(list.json, 'items').map(item => objectAt(item, 'metadata').name ?? '');
      return [first.status, typeof portsOf(first.json)[0]?.nodePort, names.includes(ns.name)];
    },
    expected: [201, 'number', false],
  },
  {
    title: 'an apply that changes nothing answers the very version that is there',
    run: async ns => {
      const made = await apply(ns, ingress);
      const answer = await apply(ns, ingress, { dryRun: true });
      return [answer.status, versionOf(answer) === versionOf(made), generation(answer)];
    },
    expected: [200, true, 1],
  },
  {
    title: 'an apply of a namespace that does not exist yet finds its objects homeless',
    run: async ns => {
      const elsewhere = { ...ns, namespace: `${ns.namespace}-none` };
      const path = `/api/v1/namespaces/${elsewhere.namespace}`;
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: elsewhere.namespace } };
      const namespace = await ns.api.apply(path, body, { dryRun: true });
      return [namespace.status, outcome(await apply(elsewhere, configMap(), { dryRun: true }))];
    },
    expected: [201, '404 namespaces "shop-none" not found'],
  },
  {
    title: 'a scale by dry run answers the number and leaves the object',
    run: async ns => {
      await given(ns, deployment());
      const path = `${at(ns, 'Deployment')}/scale`;
      const answer = await patch(ns, path, { body: { spec: { replicas: 2 } }, query: dry });
      const stored = await ns.api.get(path);
      return [answer.json.spec ?? {}, stored.json.spec ?? {}];
    },
    expected: [{ replicas: 2 }, {}],
  },
];
