import type { DaemonSet } from '../kinds.js';
import { controlledBy, POD } from '../kinds.js';
import type { Pod } from '../pod.js';

/** A daemon pod tolerates failing nodes and nodes that accept no other pods. */
const tolerations = [
  ...['not-ready', 'unreachable'].map(name => tolerate(name, 'NoExecute')),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map(name => tolerate(name, 'NoSchedule')),
];

function tolerate(name: string, effect: string): { key: string; operator: string; effect: string } {
  return { key: `node.kubernetes.io/${name}`, operator: 'Exists', effect };
}

/** A pod of the set for one node, as it is to be created; the scheduler puts it there. */
export function daemonPod(
  set: DaemonSet,
  to: { readonly node: string; readonly labels: Readonly<Record<string, string>> },
): Pod {
  const { name, namespace = '' } = set.metadata;
  const { metadata, spec } = set.spec.template;
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [to.node] }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
  return {
    ...POD,
    metadata: {
      ...metadata,
      name: '',
      generateName: `${name}-`,
      namespace,
      labels: { ...metadata?.labels, ...to.labels },
      ownerReferences: controlledBy(set),
    },
    spec: {
      ...spec,
      affinity: { ...spec.affinity, nodeAffinity: { ...spec.affinity?.nodeAffinity, ...nodeAffinity } },
      tolerations: [...(spec.tolerations ?? []), ...tolerations],
    },
  };
}

/** The node that the pod was created for, also before it is scheduled. */
export function nodeOf({ spec }: Pod): string | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return spec.nodeName ?? required?.nodeSelectorTerms[0]?.matchFields?.[0]?.values[0];
}
