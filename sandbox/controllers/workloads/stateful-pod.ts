import type { KubeObject } from '../../object.js';
import type { StatefulSet } from '../kinds.js';
import { CLAIM, controlledBy, POD } from '../kinds.js';
import type { Pod, PodTemplate } from '../pod.js';

/** The pod of that ordinal, named after its set, as it is to be created. */
export function statefulPod(
  set: StatefulSet,
  ordinal: number,
  of: { readonly template: PodTemplate; readonly labels: Readonly<Record<string, string>> },
): Pod {
  const { metadata, spec } = of.template;
  const name = podName(set, ordinal);
  const own = { 'statefulset.kubernetes.io/pod-name': name, 'apps.kubernetes.io/pod-index': String(ordinal) };
  const { serviceName = '', volumeClaimTemplates = [] } = set.spec;
  const claims = volumeClaimTemplates.map(template => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(template, name) },
  }));
  const names = new Set(claims.map(claim => claim.name));
  const volumes = [...claims, ...(spec.volumes ?? []).filter(volume => !names.has(volume.name))];
  return {
    ...POD,
    metadata: {
      ...metadata,
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels: { ...metadata?.labels, ...own, ...of.labels },
      ownerReferences: controlledBy(set),
    },
    spec: {
      ...spec,
      hostname: name,
      ...(serviceName !== '' && { subdomain: serviceName }),
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** The claims of that pod. They have no owner, so that they outlive the pod. */
export function statefulClaims(set: StatefulSet, ordinal: number): readonly KubeObject[] {
  return (set.spec.volumeClaimTemplates ?? []).map(template => ({
    ...template,
    ...CLAIM,
    metadata: {
      ...template.metadata,
      name: claimName(template, podName(set, ordinal)),
      namespace: set.metadata.namespace ?? '',
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
    },
  }));
}

/** From the end of the pod's name. */
export function ordinalOf({ metadata }: Pod): number {
  return Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? NaN);
}

const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;
const claimName = (template: Pick<KubeObject, 'metadata'>, pod: string): string => `${template.metadata.name}-${pod}`;
