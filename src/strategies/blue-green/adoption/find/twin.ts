import { fieldAt, fieldsAt, textsAt, withField, without } from '../../../../kubernetes/fields.js';
import type { KubeObject } from '../../../../kubernetes/object.js';
import { hashLabel } from '../../../../kubernetes/pods/pod-template.js';
import { templateLabels } from '../../../../kubernetes/pods/pod-spec.js';
import { selectorOf } from '../../../../kubernetes/selectors.js';
import { deploymentCopy } from '../../../../manifests/roles/copies.js';
import { hashOf } from '../../../../kubernetes/canonical.js';
import { withPinnedImages, type ImageIds } from './images.js';
import type { ServingDeployment } from './serving-deployment.js';

/** What a twin is made from. */
export interface TwinParts extends Pick<ServingDeployment, 'deployment' | 'replicaSet'> {
  readonly role: string;
  /** The role's Deployment of the manifests: it gives the name, the selector and the labels that tell the roles apart. */
  readonly rendered: KubeObject;
  /** The role's public Services of the manifests that lead to it. */
  readonly publicServices: readonly KubeObject[];
  readonly imageIds: ImageIds;
}

const restartedAt = 'kubectl.kubernetes.io/restartedAt';
const templatePath = ['spec', 'template'] as const;
const labelsPath = [...templatePath, 'metadata', 'labels'] as const;

/**
 * The serving version once more, as a Deployment of the role: the template of the ReplicaSet whose pods serve, with the labels
 * of the role, at the live size. It reads the same ConfigMaps and Secrets.
 */
export function twinOf(parts: TwinParts): KubeObject {
  const { deployment, replicaSet, role, rendered, publicServices, imageIds } = parts;
  const live = withField(deployment, templatePath, templateOf(replicaSet));
  const copy = deploymentCopy(live, role, ({ name }) => name);
  const labels = {
    ...templateLabels(live),
    ...textsAt(rendered, ['spec', 'selector', 'matchLabels']),
    ...Object.fromEntries(publicServices.flatMap(service => Object.entries(selectorOf(service)))),
  };
  const spec = { ...fieldsAt(copy, ['spec']), selector: fieldAt(rendered, ['spec', 'selector']) };
  const { apiVersion, kind, metadata } = rendered;
  const named: KubeObject = { apiVersion, kind, metadata, spec: without(spec, ['paused']) };
  return withPinnedImages(withField(named, labelsPath, labels), imageIds);
}

/** Identifies the version of a Deployment: hash of its pod template, without what a restart writes. */
export function templateIdentity(deployment: KubeObject): string {
  const template = fieldAt(deployment, templatePath);
  const { labels, annotations } = fieldsAt(template, ['metadata']);
  const kept = without(fieldsAt(annotations, []), [restartedAt]);
  return hashOf({ labels: labels ?? {}, annotations: kept, spec: fieldAt(template, ['spec']) });
}

/** The pod template of a ReplicaSet, without what its controller added. */
function templateOf(replicaSet: KubeObject): unknown {
  const template = fieldsAt(replicaSet, templatePath);
  const { labels, annotations } = fieldsAt(template, ['metadata']);
  return {
    ...template,
    metadata: {
      labels: without(fieldsAt(labels, []), [hashLabel]),
      ...(annotations !== undefined && { annotations }),
    },
  };
}
