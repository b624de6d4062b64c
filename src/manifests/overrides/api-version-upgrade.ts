import type { Problem } from '../../errors.js';
import { fieldAt, fieldsAt, textsAt, withField } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { templateLabels } from '../../kubernetes/pods/pod-spec.js';
import type { ManifestWarning } from '../problems.js';
import type { Resource } from '../resource.js';

/** API versions of Deployment that Kubernetes 1.16 removed. */
const removedApiVersions: readonly string[] = ['extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2'];

export interface UpgradeResult {
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
 * Converts a Deployment of a removed API version to `apps/v1`, with a warning at its `apiVersion`. A missing selector is
 * set to the labels of the pod template, as the API server did for these versions; without such labels it is a problem.
 */
export function upgradeDeployment(resource: Resource): UpgradeResult {
  const { object, positionOf } = resource;
  if (object.kind !== 'Deployment' || !removedApiVersions.includes(object.apiVersion)) {
    return { resource, warnings: [], problems: [] };
  }
  const name = `Deployment ${object.metadata.name}`;
  const warning = `${name} has apiVersion ${object.apiVersion}, which clusters no longer serve; it is deployed as apps/v1.`;
  const upgraded = withoutRollbackTo({ ...object, apiVersion: 'apps/v1' });
  const at = positionOf(['apiVersion']);
  if (fieldAt(upgraded, ['spec', 'selector']) !== undefined && fieldAt(upgraded, ['spec', 'selector']) !== null) {
    return { resource: { ...resource, object: upgraded }, warnings: [{ message: warning, at }], problems: [] };
  }
  const labels = templateLabels(upgraded);
  if (Object.keys(labels).length === 0) {
    const message = `${name} has neither spec.selector nor labels in its pod template, so apps/v1 cannot select its pods: add both.`;
    return { resource, warnings: [], problems: [{ message, at: positionOf(['spec', 'template']) }] };
  }
  const selector = { matchLabels: textsAt({ labels }, ['labels']) };
  return {
    resource: { ...resource, object: withField(upgraded, ['spec', 'selector'], selector) },
    warnings: [
      { message: `${warning} Its selector is set to the labels of its pod template: ${describeLabels(labels)}.`, at },
    ],
    problems: [],
  };
}
