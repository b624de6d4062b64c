import type { Schema } from './schema.js';

/** A served kind and how it is addressed. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly categories: readonly string[];
  /** Has a status subresource: plain writes leave the status alone. */
  readonly status: boolean;
  readonly scale: boolean;
  /** Has a generation that moves with its spec. */
  readonly generation: boolean;
  /** A PUT needs a resourceVersion. */
  readonly conditional: boolean;
  /** Served because of a CustomResourceDefinition. */
  readonly custom: boolean;
  /** Absent: its fields are unknown. */
  readonly schema?: Schema;
}

/** Irregular plural names. */
const plurals: Readonly<Record<string, string>> = {
  Endpoints: 'endpoints',
  Ingress: 'ingresses',
  IngressClass: 'ingressclasses',
  NetworkPolicy: 'networkpolicies',
  PriorityClass: 'priorityclasses',
  RuntimeClass: 'runtimeclasses',
  StorageClass: 'storageclasses',
};

/**
 * One line a group version, preferred versions first, then its kinds: `Kind/flags/short,names`. Flags: n namespaced, s status subresource,
 * c scale subresource, g generation, r resourceVersion needed for updates, a in the category `all`.
 */
const served = `
v1 ConfigMap/n/cm Endpoints/n/ep Event/n/ev LimitRange/n/limits Namespace/s/ns Node/s/no
v1 PersistentVolume/s/pv PersistentVolumeClaim/ns/pvc Pod/nsga/po PodTemplate/ng/ ReplicationController/nscga/rc
v1 ResourceQuota/ns/quota Secret/n/ Service/nsa/svc ServiceAccount/n/sa
apps/v1 ControllerRevision/n/ DaemonSet/nsga/ds Deployment/nscga/deploy ReplicaSet/nscga/rs StatefulSet/nscga/sts
batch/v1 CronJob/nsga/cj Job/nsga/
autoscaling/v2 HorizontalPodAutoscaler/nsga/hpa
autoscaling/v1 HorizontalPodAutoscaler/nsga/hpa
policy/v1 PodDisruptionBudget/nsgr/pdb
networking.k8s.io/v1 Ingress/nsg/ing IngressClass/g/ NetworkPolicy/ng/netpol
rbac.authorization.k8s.io/v1 ClusterRole// ClusterRoleBinding// Role/n/ RoleBinding/n/
coordination.k8s.io/v1 Lease/nr/
discovery.k8s.io/v1 EndpointSlice/ng/
events.k8s.io/v1 Event/n/ev
storage.k8s.io/v1 CSIDriver// CSINode// StorageClass//sc VolumeAttachment/s/
scheduling.k8s.io/v1 PriorityClass/g/pc
node.k8s.io/v1 RuntimeClass//
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration/g/ ValidatingWebhookConfiguration/g/
apiextensions.k8s.io/v1 CustomResourceDefinition/sg/crd,crds
apiregistration.k8s.io/v1 APIService/s/
`;

/** The resource that objects of a kind are stored under; all versions of the kind share it. */
export function resourceOf(kind: Pick<Kind, 'group' | 'plural'>): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** `apps/v1` → apps and v1; `v1` → '' and v1. */
export function splitVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash === -1
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

function parse(line: string): Kind[] {
  const [apiVersion = '', ...entries] = line.split(' ');
  return entries.map(entry => {
    const [kind = '', flags = '', short = ''] = entry.split('/');
    return {
      ...splitVersion(apiVersion),
      kind,
      plural: plurals[kind] ?? `${kind.toLowerCase()}s`,
      shortNames: short === '' ? [] : short.split(','),
      namespaced: flags.includes('n'),
      categories: flags.includes('a') ? ['all'] : [],
      status: flags.includes('s'),
      scale: flags.includes('c'),
      generation: flags.includes('g'),
      conditional: flags.includes('r'),
      custom: false,
    };
  });
}

/** The served kinds: the built-in ones and those of CustomResourceDefinitions. */
export class Kinds {
  readonly #byResource = new Map<string, Kind>();
  readonly #byKind = new Map<string, Kind>();

  /** `schemaOf` gives the schema of a built-in kind, if one is known. */
  constructor(schemaOf: (apiVersion: string, kind: string) => Schema | undefined) {
    for (const kind of served.trim().split('\n').flatMap(parse)) {
      const schema = schemaOf(apiVersionOf(kind), kind.kind);
      this.add(schema === undefined ? kind : { ...kind, schema });
    }
  }

  add(kind: Kind): void {
    this.#byResource.set(`${apiVersionOf(kind)}/${kind.plural}`, kind);
    this.#byKind.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
  }

  /** Stops serving every version of a resource (`widgets.example.com`). */
  drop(resource: string): void {
    for (const kind of this.all().filter(one => resourceOf(one) === resource)) {
      this.#byResource.delete(`${apiVersionOf(kind)}/${kind.plural}`);
      this.#byKind.delete(`${apiVersionOf(kind)}/${kind.kind}`);
    }
  }

  /** `undefined`: not served. */
  byPlural(apiVersion: string, plural: string): Kind | undefined {
    return this.#byResource.get(`${apiVersion}/${plural}`);
  }

  byKind(apiVersion: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  all(): readonly Kind[] {
    return [...this.#byResource.values()];
  }
}
