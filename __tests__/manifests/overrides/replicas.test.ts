import { describe, expect, it } from '@jest/globals';
import type { WorkloadOverrides } from '../../../src/inputs/parse/overrides.js';
import { fieldAt } from '../../../src/kubernetes/fields.js';
import { problemsOf, render, renderBoth } from '../../support/rendering.js';

const workload = (kind: string, spec = '', name = 'web'): string =>
  `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec}` +
  `  selector: {matchLabels: {app: ${name}}}\n  template: {metadata: {labels: {app: ${name}}}, spec: {containers: [{name: app, image: a:1}]}}\n`;
const service =
  'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n';
const together = (...documents: readonly string[]): string => documents.join('---\n');
const with_ = (text: string, overrides: WorkloadOverrides) => render(text, { overrides });
const fields = (text: string, overrides: WorkloadOverrides, path: readonly string[]): unknown[] =>
  with_(text, overrides).resources.map(({ object }) => fieldAt(object, path));

describe('replicas', () => {
  it('are set on Deployments and StatefulSets, and logged', () => {
    const text = together(
      workload('Deployment', '  replicas: 2\n', 'web'),
      workload('StatefulSet', '', 'db'),
      workload('DaemonSet', '', 'agent'),
      service,
    );
    expect(fields(text, { replicas: 5 }, ['spec', 'replicas'])).toEqual([5, 5, undefined, undefined]);
    expect(with_(text, { replicas: 5 }).notes).toEqual([
      'Deployment shop/web: replicas 2 → 5',
      'StatefulSet shop/db: replicas not set → 5',
    ]);
    expect(fields(workload('Deployment'), { replicas: 0 }, ['spec', 'replicas'])).toEqual([0]);
  });

  it.each([
    ['autoscaling/v2', 'HorizontalPodAutoscaler', '{apiVersion: apps/v1, kind: Deployment, name: web}'],
    ['keda.sh/v1alpha1', 'ScaledObject', '{name: web}'],
  ])('are rejected for a workload that a %s %s scales', (apiVersion, kind, target) => {
    const scaler = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: sizer}\nspec: {scaleTargetRef: ${target}}\n`;
    expect(problemsOf(() => with_(together(workload('Deployment'), scaler), { replicas: 5 }))).toEqual([
      `app.yml:8:1 ${kind} shop/sizer scales Deployment shop/web, so the input \`replicas\` cannot set its size; set minReplicas of the autoscaler instead.`,
    ]);
    const other = together(workload('Deployment', '', 'worker'), scaler);
    expect(fields(other, { replicas: 5 }, ['spec', 'replicas'])).toEqual([5, undefined]);
  });

  it('without an object to apply to are an error', () => {
    expect(problemsOf(() => with_(workload('DaemonSet'), { replicas: 5 }))).toEqual([
      'The input `replicas` has no effect: the manifests contain no Deployment or StatefulSet.',
    ]);
  });

  const roles = together(
    service.replace('{app: web}', '{app: "web-$<TARGET_ROLE>"}'),
    workload('Deployment', '', 'web-$<TARGET_ROLE>'),
    workload('Deployment', '  replicas: 1\n', 'worker'),
  );

  it('apply to the objects of the roles in blue/green, and not to shared objects', () => {
    const { resources } = renderBoth(roles, { overrides: { replicas: 4 } });
    const replicas = (all: readonly { object: unknown }[]): unknown[] =>
      all.map(({ object }) => fieldAt(object, ['spec', 'replicas']));
    expect([...Object.values(resources.of).map(replicas), replicas(resources.shared)]).toEqual([[4], [4], [1]]);
  });

  it('are rejected where an autoscaler of the role scales it', () => {
    const scaler =
      'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: "web-$<TARGET_ROLE>"}\n' +
      'spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "web-$<TARGET_ROLE>"}}\n';
    const [problem, ...more] = problemsOf(() => renderBoth(together(roles, scaler), { overrides: { replicas: 4 } }));
    expect(problem).toContain('HorizontalPodAutoscaler shop/web-blue scales Deployment shop/web-blue,');
    expect(more).toEqual([]);
  });
});

describe('max-surge and max-unavailable', () => {
  const strategy = ['spec', 'strategy', 'rollingUpdate'];

  it('are set on Deployments; the other one stays as it is', () => {
    const text = workload('Deployment', '  strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}\n');
    expect(fields(text, { maxSurge: '50%' }, strategy)).toEqual([{ maxSurge: '50%', maxUnavailable: 2 }]);
    expect(fields(workload('Deployment'), { maxUnavailable: 0 }, strategy)).toEqual([{ maxUnavailable: 0 }]);
    expect(with_(text, { maxSurge: '50%', maxUnavailable: 2 }).notes).toEqual([
      'Deployment shop/web: maxSurge 3 → 50%',
    ]);
  });

  it('are set on DaemonSets', () => {
    const path = ['spec', 'updateStrategy', 'rollingUpdate'];
    expect(fields(workload('DaemonSet'), { maxUnavailable: '10%' }, path)).toEqual([{ maxUnavailable: '10%' }]);
    const both = { maxSurge: 1, maxUnavailable: 0 };
    expect(fields(workload('DaemonSet'), both, path)).toEqual([both]);
  });

  it.each([
    { kind: 'Deployment', spec: '  strategy: {type: Recreate}\n', type: 'Recreate', column: 14 },
    { kind: 'DaemonSet', spec: '  updateStrategy: {type: OnDelete}\n', type: 'OnDelete', column: 20 },
  ])('are refused for a $kind with $type', ({ kind, spec, type, column }) => {
    expect(problemsOf(() => with_(workload(kind, spec), { maxSurge: 1, maxUnavailable: 0 }))).toEqual([
      `app.yml:5:${column} ${kind} shop/web has the update strategy ${type}, which does not support \`max-surge\` and \`max-unavailable\`.`,
    ]);
  });

  it.each<[string, string, WorkloadOverrides]>([
    ['Deployment', '  strategy: {rollingUpdate: {maxUnavailable: 0}}\n', { maxSurge: '0%' }],
    ['Deployment', '  strategy: {rollingUpdate: {maxSurge: 0}}\n', { maxUnavailable: 0 }],
    ['DaemonSet', '', { maxUnavailable: 0 }],
  ])('may not keep a %s with %j and %j from replacing a pod', (kind, spec, overrides) => {
    const [problem] = problemsOf(() => with_(workload(kind, spec), overrides));
    expect(problem).toContain(`${kind} shop/web would have maxSurge and maxUnavailable both set to 0`);
  });

  it('may not both be set for a DaemonSet, as in the API server', () => {
    const [problem] = problemsOf(() => with_(workload('DaemonSet'), { maxSurge: 1 }));
    expect(problem).toContain('DaemonSet shop/web can have either maxSurge or maxUnavailable; set the other one to 0');
  });

  it('without an object to apply to are an error', () => {
    expect(problemsOf(() => with_(workload('StatefulSet'), { maxSurge: 1 }))).toEqual([
      'No object supports `max-surge`: the manifests contain no Deployment or DaemonSet.',
    ]);
  });
});
