import type { Problem } from '../../errors.js';
import { fieldAt, fieldsAt, textsAt, withField } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { podLabels } from '../../kubernetes/pod-spec.js';
import type { ManifestWarning } from '../problems.js';
import type { Resource } from '../resource.js';

/** Versions of Deployment that no cluster since 1.16 serves. */
const retired: readonly string[] = ['extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2'];

export interface Upgraded {
  readonly resource: Resource;
  readonly warnings: readonly ManifestWarning[];
  readonly problems: readonly Problem[];
}

function describeLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function withoutRollbackTo(object: KubeObject): KubeObject {
  const { rollbackTo, ...spec } = fieldsAt(object, ['spec']);
  return rollbackTo === undefined ? object : withField(object, ['spec'], spec);
}

/**
 * Turns a Deployment of a retired version into `apps/v1`, with a warning at its `apiVersion`. A selector that is
 * missing becomes the template's labels, as the API server of that time did; without labels there it is a problem.
 */
export function upgradeDeployment(resource: Resource): Upgraded {
  const { object, place } = resource;
  if (object.kind !== 'Deployment' || !retired.includes(object.apiVersion)) {
    return { resource, warnings: [], problems: [] };
  }
  const name = `Deployment ${object.metadata.name}`;
  const told = `${name} says ${object.apiVersion}, which clusters no longer serve; it is deployed as apps/v1.`;
  const upgraded = withoutRollbackTo({ ...object, apiVersion: 'apps/v1' });
  const at = place(['apiVersion']);
  if (fieldAt(upgraded, ['spec', 'selector']) !== undefined && fieldAt(upgraded, ['spec', 'selector']) !== null) {
    return { resource: { ...resource, object: upgraded }, warnings: [{ message: told, at }], problems: [] };
  }
  const labels = podLabels(upgraded);
  if (Object.keys(labels).length === 0) {
    const message = `${name} has neither spec.selector nor labels in its template, so apps/v1 cannot tell its pods.`;
    return { resource, warnings: [], problems: [{ message, at: place(['spec', 'template']) }] };
  }
  const selector = { matchLabels: textsAt({ labels }, ['labels']) };
  return {
    resource: { ...resource, object: withField(upgraded, ['spec', 'selector'], selector) },
    warnings: [{ message: `${told} Its selector is its template's labels: ${describeLabels(labels)}.`, at }],
    problems: [],
  };
}
