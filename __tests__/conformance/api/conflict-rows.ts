import { objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import type { Answer } from '../../support/sandbox/api-client.js';
import {
  apply,
  at,
  autoscaler,
  configMap,
  create,
  deployment,
  given,
  metadataOf,
  patch,
  replace,
  service,
  verdict,
  versionOf,
  type Row,
} from '../../support/conformance/api-row.js';

/** The managers of fields, without the controllers, which write asynchronously. */
const managers = (answer: Answer): string[] =>
  objectsAt(metadataOf(answer), 'managedFields')
    .filter(entry => entry.manager !== 'kube-controller-manager')
    .map(entry =>
      [textAt(entry, 'manager'), textAt(entry, 'operation'), textAt(entry, 'subresource')]
        .filter(word => word !== undefined)
        .join(' '),
    )
    .sort();

const lastApplied = (object: JsonObject): JsonObject => ({
  ...object,
  metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) } },
});
const byKubectl = { fieldManager: 'kubectl-client-side-apply' };
const image = (tag: string): JsonObject => deployment({}, { image: `site:${tag}` });
const port = (name: string): JsonObject => service({ ports: [{ name, port: 80, targetPort: 8080 }] });

export const conflictRows: readonly Row[] = [
  {
    title: 'what kubectl applied from the client conflicts, field by field',
    run: async ns => {
      await create(ns, lastApplied(deployment()), byKubectl);
      return verdict(await apply(ns, deployment({ minReadySeconds: 1 }, { image: 'site:v2' })));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.template.spec.containers[name="web"].image',
      causes: ['FieldManagerConflict .spec.template.spec.containers[name="web"].image'],
    },
  },
  {
    title: 'the same values as kubectl applied from the client are shared',
    run: async ns => {
      await create(ns, lastApplied(deployment()), byKubectl);
      return managers(await apply(ns, deployment()));
    },
    expected: ['cutover Apply', 'kubectl-client-side-apply Update'],
  },
  {
    title: 'force takes what kubectl applied from the client',
    run: async ns => {
      await create(ns, lastApplied(image('v1')), byKubectl);
      const answer = await apply(ns, image('v2'), { force: true });
      return [answer.status, managers(answer)];
    },
    expected: [200, ['cutover Apply', 'kubectl-client-side-apply Update']],
  },
  {
    title: 'replicas that were set by scaling conflict',
    run: async ns => {
      await apply(ns, deployment());
      await patch(ns, `${at(ns, 'Deployment')}/scale`, {
        body: { spec: { replicas: 0 } },
        query: { fieldManager: 'kubectl' },
      });
      await patch(ns, `${at(ns, 'Deployment')}/scale`, {
        body: { spec: { replicas: 1 } },
        query: { fieldManager: 'kubectl' },
      });
      return verdict(await apply(ns, deployment(), { dryRun: true }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
      causes: ['FieldManagerConflict .spec.replicas'],
    },
  },
  {
    title: 'a scale to zero has no owner',
    run: async ns => {
      const { replicas: _, ...spec } = objectAt(deployment(), 'spec');
      const bare = { ...deployment(), spec: { ...spec, paused: true } };
      await apply(ns, bare);
      await patch(ns, `${at(ns, 'Deployment')}/scale`, { body: { spec: { replicas: 0 } } });
      const answer = await apply(ns, bare);
      return [answer.status, managers(answer)];
    },
    expected: [200, ['cutover Apply']],
  },
  {
    title: 'an image that another manager set conflicts',
    run: async ns => {
      await apply(ns, image('v1'));
      const body = { spec: { template: { spec: { containers: [{ name: 'web', image: 'site:hot' }] } } } };
      await patch(ns, at(ns, 'Deployment'), {
        type: 'strategic-merge',
        body,
        query: { fieldManager: 'kubectl-set' },
      });
      return verdict(await apply(ns, image('v2')));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 1 conflict: conflict with "kubectl-set" using apps/v1: .spec.template.spec.containers[name="web"].image',
      causes: ['FieldManagerConflict .spec.template.spec.containers[name="web"].image'],
    },
  },
  {
    title: 'a restart by annotation does not conflict and stays',
    run: async ns => {
      await apply(ns, image('v1'));
      const annotations = { 'kubectl.kubernetes.io/restartedAt': 'now' };
      await patch(ns, at(ns, 'Deployment'), {
        type: 'strategic-merge',
        body: { spec: { template: { metadata: { annotations } } } },
        query: { fieldManager: 'kubectl-rollout' },
      });
      const answer = await apply(ns, image('v2'));
      return [answer.status, objectAt(answer.json, 'spec', 'template', 'metadata').annotations ?? 'none'];
    },
    expected: [200, { 'kubectl.kubernetes.io/restartedAt': 'now' }],
  },
  {
    title: 'several managers are listed one after the other',
    run: async ns => {
      await apply(ns, configMap({ a: '1', b: '1', c: '1' }), { manager: 'one' });
      await patch(ns, at(ns, 'ConfigMap'), { body: { data: { c: '2' } } });
      return verdict(await apply(ns, configMap({ a: '3', b: '3', c: '3' }), { manager: 'two' }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message:
        'Apply failed with 3 conflicts: conflicts with "editor" using v1:\n- .data.c\nconflicts with "one":\n- .data.a\n- .data.b',
      causes: ['FieldManagerConflict .data.a', 'FieldManagerConflict .data.b', 'FieldManagerConflict .data.c'],
    },
  },
  {
    title: 'a port that another manager names conflicts by its key',
    run: async ns => {
      await apply(ns, port('http'), { manager: 'one' });
      return verdict(await apply(ns, port('web'), { manager: 'two' }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.ports[port=80,protocol="TCP"].name',
      causes: ['FieldManagerConflict .spec.ports[port=80,protocol="TCP"].name'],
    },
  },
  {
    title: 'a selector is one field',
    run: async ns => {
      await apply(ns, service(), { manager: 'one' });
      return verdict(await apply(ns, service({ selector: { app: 'web', role: 'blue' } }), { manager: 'two' }));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.selector',
      causes: ['FieldManagerConflict .spec.selector'],
    },
  },
  {
    title: 'what a PUT changed is owned by who put it',
    run: async ns => {
      const made = await given(ns, configMap({ a: '1' }));
      const body = { ...configMap({ a: '2' }), metadata: { resourceVersion: versionOf({ json: made }) } };
      await replace(ns, body, { fieldManager: 'putter' });
      const answer = await apply(ns, configMap({ a: '3' }));
      return verdict(answer);
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "putter" using v1: .data.a',
      causes: ['FieldManagerConflict .data.a'],
    },
  },
  {
    title: 'the same manager conflicts with what it wrote otherwise than by apply',
    run: async ns => {
      await create(ns, configMap({ a: '1' }), { fieldManager: 'cutover' });
      return verdict(await apply(ns, configMap({ a: '2' })));
    },
    expected: {
      status: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "cutover" using v1: .data.a',
      causes: ['FieldManagerConflict .data.a'],
    },
  },
  {
    title: 'managers without a name are called by their program',
    run: async ns => {
      const path = at(ns, 'ConfigMap');
      await given(ns, configMap({ a: '1' }));
      const body = { data: { b: '1' } };
      const answer = await ns.api.send({
        method: 'PATCH',
        path,
        body,
        headers: { 'content-type': 'application/merge-patch+json' },
      });
      return managers(answer);
    },
    expected: ['maker Update', 'tester Update'],
  },
  {
    title: 'a stale version in an apply is a conflict without causes',
    run: async ns => {
      const made = await given(ns, configMap({ a: '1' }));
      await patch(ns, at(ns, 'ConfigMap'), { body: { data: { a: '2' } } });
      const stale = configMap({ b: '1' }, { resourceVersion: versionOf({ json: made }) });
      return verdict(await apply(ns, stale));
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
    title: 'an autoscaler of another manager conflicts in its limits',
    run: async ns => {
      await apply(ns, autoscaler(), { manager: 'one' });
      const answers: JsonValue[] = [];
      for (const maxReplicas of [3, 4]) answers.push(verdict(await apply(ns, autoscaler({ maxReplicas }))));
      return answers;
    },
    expected: [
      { status: 200 },
      {
        status: 409,
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "one": .spec.maxReplicas',
        causes: ['FieldManagerConflict .spec.maxReplicas'],
      },
    ],
  },
];
