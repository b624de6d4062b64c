import { describe, expect, it } from '@jest/globals';
import { takenOver } from '../../src/cluster/ownership/drift.js';
import type { KubeObject } from '../../src/kubernetes/object.js';

const applied: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: { replicas: 2, selector: { role: 'blue' }, ports: [{ port: 80, name: 'http' }] },
};
const time = '2026-03-01T12:00:00Z';
const live = (ours: object, ...others: readonly object[]): KubeObject => ({
  ...applied,
  metadata: {
    ...applied.metadata,
    managedFields: [
      { manager: 'cutover', operation: 'Apply', time, fieldsV1: { 'f:spec': ours } },
      ...others.map(entry => ({ manager: 'kubectl-edit', operation: 'Update', time, ...entry })),
    ] as never,
  },
});
const port = { 'k:{"port":80}': { '.': {}, 'f:name': {} } };

describe('what others have taken over', () => {
  it('is named by field, manager and time', () => {
    const fieldsV1 = { 'f:spec': { 'f:selector': {}, 'f:ports': port } };
    expect(takenOver(applied, live({}, { fieldsV1 }))).toEqual([
      { manager: 'kubectl-edit', at: time, fields: ['spec.ports[{"port":80}].name', 'spec.selector'] },
    ]);
  });

  it.each<[string, object]>([
    ['a field that Cutover owns, too', { 'f:spec': { 'f:selector': {} } }],
    [
      'a field that was added',
      { 'f:spec': { 'f:sessionAffinity': {} }, 'f:metadata': { 'f:annotations': { 'f:by': {} } } },
    ],
    ['replicas', { 'f:spec': { 'f:replicas': {} } }],
    ['the map that a field is in', { 'f:metadata': { 'f:labels': { '.': {} } } }],
  ])('does not contain %s', (_, fieldsV1) => {
    expect(takenOver(applied, live({ 'f:selector': {} }, { fieldsV1 }))).toEqual([]);
  });

  it('does not contain what a subresource owns', () => {
    const fieldsV1 = { 'f:spec': { 'f:selector': {} } };
    expect(takenOver(applied, live({}, { fieldsV1, subresource: 'status' }))).toEqual([]);
  });
});
