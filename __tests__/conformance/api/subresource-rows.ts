import {
  clone,
  erase,
  objectAt,
  objectsAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import type { Answer } from '../../support/sandbox/api-client.js';
import {
  account,
  at,
  autoscaler,
  configMap,
  deployment,
  given,
  metadataOf,
  outcome,
  patch,
  pod,
  replace,
  statefulSet,
  template,
  verdict,
  versionOf,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

const scale = (ns: RowNamespace): string => `${at(ns, 'Deployment')}/scale`;

/** A Scale without what differs between clusters. */
function shown({ json }: Answer): JsonObject {
  const copy = clone(json);
  const metadata = objectAt(copy, 'metadata');
  for (const member of ['resourceVersion', 'creationTimestamp']) erase(metadata, member);
  return copy;
}

const idle = deployment({ paused: true }, {}, { nodeSelector: { none: 'none' } });

const put = (ns: RowNamespace, path: string, body: JsonValue): Promise<Answer> =>
  ns.api.send({ method: 'PUT', path, query: { fieldManager: 'scaler' }, body });

const scaleOf = ({ name, namespace }: RowNamespace): JsonObject => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name, namespace },
});

const condition = { type: 'Seen', status: 'True', reason: 'Looked', message: '' };

export const subresourceRows: readonly Row[] = [
  {
    title: 'the scale of a Deployment shows number and selector',
    run: async ns => {
      await given(ns, deployment());
      return shown(await ns.api.get(scale(ns)));
    },
    expected: {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', namespace: 'shop', uid: 'UID' },
      spec: {},
      status: { replicas: 0, selector: 'app=web' },
    },
  },
  {
    title: 'a PUT of the scale changes replicas and generation',
    run: async ns => {
      await given(ns, idle);
      const answer = await put(ns, scale(ns), { ...scaleOf(ns), spec: { replicas: 1 } });
      const object = (await ns.api.get(at(ns, 'Deployment'))).json;
      return [
        answer.status,
        answer.json.spec ?? {},
        objectAt(object, 'spec').replicas ?? 'none',
        objectAt(object, 'metadata').generation ?? 0,
      ];
    },
    expected: [200, { replicas: 1 }, 1, 2],
  },
  {
    title: 'a PUT of an old scale is 409',
    run: async ns => {
      await given(ns, deployment());
      const { json } = await ns.api.get(scale(ns));
      await patch(ns, at(ns, 'Deployment'), { body: { spec: { minReadySeconds: 1 } } });
      return verdict(await put(ns, scale(ns), { ...json, spec: { replicas: 1 } }));
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
    title: 'a PUT of a scale without version and number scales to none',
    run: async ns => {
      await given(ns, deployment());
      const answer = await put(ns, scale(ns), scaleOf(ns));
      return [outcome(answer), answer.json.spec ?? 'none'];
    },
    expected: [200, {}],
  },
  {
    title: 'a negative scale is refused',
    run: async ns => {
      await given(ns, deployment());
      return verdict(await patch(ns, scale(ns), { body: { spec: { replicas: -1 } } }));
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      message:
        'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      details: { name: 'web', group: 'autoscaling', kind: 'Scale' },
      causes: ['FieldValueInvalid spec.replicas'],
    },
  },
  {
    title: 'a scale of the wrong type is refused',
    run: async ns => {
      await given(ns, deployment());
      const { status, reason } = verdict(await patch(ns, scale(ns), { body: { spec: { replicas: 'two' } } }));
      return [status ?? 0, reason ?? ''];
    },
    expected: [422, 'Invalid'],
  },
  {
    title: 'the scale of what is not there is 404',
    run: async ns => [
      verdict(await ns.api.get(scale(ns))),
      verdict(await patch(ns, scale(ns), { body: { spec: { replicas: 1 } } })),
    ],
    expected: [
      {
        status: 404,
        reason: 'NotFound',
        message: 'deployments.apps "web" not found',
        details: { name: 'web', group: 'apps', kind: 'deployments' },
      },
      {
        status: 404,
        reason: 'NotFound',
        message: 'deployments.apps "web" not found',
        details: { name: 'web', group: 'apps', kind: 'deployments' },
      },
    ],
  },
  {
    title: 'who scales owns the number through that subresource, unless it is none',
    run: async ns => {
      await given(ns, idle);
      const entries: JsonValue[] = [];
      for (const replicas of [1, 0]) {
        await patch(ns, scale(ns), { body: { spec: { replicas } }, query: { fieldManager: 'scaler' } });
        const object = await ns.api.get(at(ns, 'Deployment'));
        const entry = objectsAt(metadataOf(object), 'managedFields').find(one => one.manager === 'scaler') ?? {};
        erase(entry, 'time');
        entries.push(entry);
      }
      return entries;
    },
    expected: [
      {
        manager: 'scaler',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
        subresource: 'scale',
      },
      {},
    ],
  },
  {
    title: 'the scale of a StatefulSet works alike',
    run: async ns => {
      await given(ns, statefulSet());
      return shown(await patch(ns, `${at(ns, 'StatefulSet')}/scale`, { body: { spec: { replicas: 0 } } }));
    },
    expected: {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web', namespace: 'shop', uid: 'UID' },
      spec: {},
      status: { replicas: 0, selector: 'app=web' },
    },
  },
  {
    title: 'a DaemonSet has no scale',
    run: async ns => {
      const spec = {
        selector: { matchLabels: { app: 'web' } },
        template: template({}, { nodeSelector: { none: 'none' } }),
      };
      await given(ns, { ...deployment(), kind: 'DaemonSet', spec });
      return verdict(await ns.api.get(`${at(ns, 'DaemonSet')}/scale`));
    },
    expected: { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
  },
  {
    title: 'a status that comes with an object is left out',
    run: async ns => {
      const { status, json } = await replaceStatus(ns, false);
      return [status, objectAt(json, 'status').currentReplicas ?? 'none', objectAt(json, 'spec').maxReplicas ?? 0];
    },
    expected: [200, 'none', 5],
  },
  {
    title: 'through the status subresource the status changes and the spec stays',
    run: async ns => {
      const { status, json } = await replaceStatus(ns, true);
      const { generation = 'none' } = objectAt(json, 'metadata');
      return [
        status,
        objectAt(json, 'status').currentReplicas ?? 'none',
        objectAt(json, 'spec').maxReplicas ?? 0,
        generation,
      ];
    },
    expected: [200, 2, 3, 1],
  },
  {
    title: 'an apply of a status owns it through the subresource',
    run: async ns => {
      await given(ns, account);
      await given(ns, pod(ns));
      const body = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: ns.name },
        status: { conditions: [condition] },
      };
      const answer = await ns.api.apply(`${at(ns, 'Pod')}/status`, body, { manager: 'looker' });
      const entry = objectsAt(metadataOf(answer), 'managedFields').find(one => one.manager === 'looker') ?? {};
      erase(entry, 'time');
      return [answer.status, entry];
    },
    expected: [
      200,
      {
        manager: 'looker',
        operation: 'Apply',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:status': {
            'f:conditions': {
              'k:{"type":"Seen"}': { '.': {}, 'f:message': {}, 'f:reason': {}, 'f:status': {}, 'f:type': {} },
            },
          },
        },
        subresource: 'status',
      },
    ],
  },
  {
    title: 'a status that another manager applied conflicts, and the conflict names the subresource',
    run: async ns => {
      await given(ns, account);
      await given(ns, pod(ns));
      const seenBy = (message: string): JsonObject => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: ns.name },
        status: { conditions: [{ ...condition, message }] },
      });
      await ns.api.apply(`${at(ns, 'Pod')}/status`, seenBy('first'), { manager: 'looker' });
      return verdict(await ns.api.apply(`${at(ns, 'Pod')}/status`, seenBy('second')));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 1 conflict: conflict with "looker" with subresource "status": .status.conditions[type="Seen"].message',
      causes: ['FieldManagerConflict .status.conditions[type="Seen"].message'],
    },
  },
  {
    title: 'a status of a Deployment brings annotations, owned through it, but neither labels nor a generation',
    run: async ns => {
      const { status = {} } = await given(ns, deployment({ paused: true }));
      const metadata = { name: ns.name, annotations: { a: 'b' }, labels: { c: 'd' } };
      const answer = await put(ns, `${at(ns, 'Deployment')}/status`, { ...deployment(), metadata, status });
      const { annotations = 'none', labels = 'none', generation = 0 } = metadataOf(answer);
      const entry = objectsAt(metadataOf(answer), 'managedFields').find(one => one.manager === 'scaler') ?? {};
      const owned = objectAt(entry, 'fieldsV1')['f:metadata'] ?? 'none';
      return [answer.status, annotations, labels, generation, entry.subresource ?? 'none', owned];
    },
    expected: [200, { a: 'b' }, 'none', 1, 'status', { 'f:annotations': { '.': {}, 'f:a': {} } }],
  },
  {
    title: 'an apply of a status makes no object',
    run: async ns => {
      const body = { ...deployment(), metadata: { name: ns.name }, status: {} };
      return verdict(await ns.api.apply(`${at(ns, 'Deployment')}/status`, body));
    },
    expected: {
      status: 404,
      reason: 'NotFound',
      message: 'deployments.apps "web" not found',
      details: { name: 'web', group: 'apps', kind: 'deployments' },
    },
  },
  {
    title: 'the status of an object reads as the object',
    run: async ns => {
      await given(ns, deployment({ paused: true }));
      const { status, json } = await ns.api.get(`${at(ns, 'Deployment')}/status`);
      return [status, json.kind ?? '', objectAt(json, 'spec').paused ?? 'none'];
    },
    expected: [200, 'Deployment', true],
  },
  {
    title: 'a ConfigMap has neither scale nor status',
    run: async ns => {
      await given(ns, configMap());
      const paths = ['scale', 'status'].map(name => `${at(ns, 'ConfigMap')}/${name}`);
      return (await Promise.all(paths.map(path => ns.api.get(path)))).map(verdict);
    },
    expected: [
      { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
      { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' },
    ],
  },
];

/** Writes spec, labels and status of an autoscaler at once, through its status or not. */
async function replaceStatus(ns: RowNamespace, through: boolean): Promise<Answer> {
  const made = await given(ns, autoscaler());
  const body = {
    ...autoscaler({ maxReplicas: 5 }),
    metadata: { name: ns.name, labels: { a: 'b' } },
    status: { currentReplicas: 2, desiredReplicas: 2, currentMetrics: [] },
  };
  if (!through) return replace(ns, body);
  const answer = await put(ns, `${at(ns, 'HorizontalPodAutoscaler')}/status`, body);
  return versionOf(answer) === versionOf({ json: made }) ? { ...answer, status: 0 } : answer;
}
