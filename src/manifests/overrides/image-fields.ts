import { fieldAt, isFields, listAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { containerLists, podSpecPath } from '../../kubernetes/pod-spec.js';

/** A field that names an image, and the container that it belongs to. */
export interface ImagePlace {
  /** Of the field itself. */
  readonly path: Path;
  /** Absent where the field belongs to no container of a name. */
  readonly container?: string;
  readonly image: string;
  /** `imagePullPolicy` beside it; absent where nothing is said. */
  readonly pullPolicy?: string;
}

/** Pod specs of well-known custom kinds, by place; `*` stands for every item or member. Others are found by their shape. */
const podSpecs: Readonly<Record<string, readonly string[]>> = {
  'keda.sh/ScaledJob': ['spec.jobTargetRef.template.spec'],
  'jobset.x-k8s.io/JobSet': ['spec.replicatedJobs.*.template.spec.template.spec'],
  'leaderworkerset.x-k8s.io/LeaderWorkerSet': [
    'spec.leaderWorkerTemplate.leaderTemplate.spec',
    'spec.leaderWorkerTemplate.workerTemplate.spec',
  ],
  'ray.io/RayCluster': ['spec.headGroupSpec.template.spec', 'spec.workerGroupSpecs.*.template.spec'],
  'kubeflow.org/PyTorchJob': ['spec.pytorchReplicaSpecs.*.template.spec'],
  'kubeflow.org/TFJob': ['spec.tfReplicaSpecs.*.template.spec'],
  'kubeflow.org/MPIJob': ['spec.mpiReplicaSpecs.*.template.spec'],
};

const argoTemplates = (base: string): readonly string[] =>
  ['container', 'script', 'initContainers.*', 'sidecars.*'].map(part => `${base}.templates.*.${part}.image`);

/** Fields of well-known custom kinds that name an image and are in no pod spec. */
const imageFields: Readonly<Record<string, readonly string[]>> = {
  'monitoring.coreos.com/Prometheus': ['spec.image', 'spec.containers.*.image', 'spec.initContainers.*.image'],
  'monitoring.coreos.com/Alertmanager': ['spec.image', 'spec.containers.*.image', 'spec.initContainers.*.image'],
  'opentelemetry.io/OpenTelemetryCollector': ['spec.image', 'spec.initContainers.*.image'],
  'elasticsearch.k8s.elastic.co/Elasticsearch': ['spec.image'],
  'kibana.k8s.elastic.co/Kibana': ['spec.image'],
  'k8s.keycloak.org/Keycloak': ['spec.image'],
  'postgresql.cnpg.io/Cluster': ['spec.imageName'],
  'sparkoperator.k8s.io/SparkApplication': ['spec.image', 'spec.driver.image', 'spec.executor.image'],
  'flink.apache.org/FlinkDeployment': ['spec.image'],
  'tekton.dev/Task': ['spec.steps.*.image', 'spec.sidecars.*.image'],
  'argoproj.io/Workflow': argoTemplates('spec'),
  'argoproj.io/WorkflowTemplate': argoTemplates('spec'),
  'argoproj.io/CronWorkflow': argoTemplates('spec.workflowSpec'),
};

/** Every path of the object that the pattern leads to and where something is. */
function matching(object: KubeObject, pattern: string): readonly Path[] {
  return pattern.split('.').reduce<readonly Path[]>(
    (paths, step) =>
      paths.flatMap(path => {
        const value = fieldAt(object, path);
        if (step !== '*') return fieldAt(value, [step]) === undefined ? [] : [[...path, step]];
        if (Array.isArray(value)) return [...value.keys()].map(index => [...path, index]);
        return isFields(value) ? Object.keys(value).map(key => [...path, key]) : [];
      }),
    [[]],
  );
}

/** Paths of all pod specs of an object, that of a workload and those of the well-known custom kinds. */
export function podSpecPaths(object: KubeObject): readonly Path[] {
  const path = podSpecPath(object);
  return [
    ...(path === undefined ? [] : [path]),
    ...(podSpecs[groupKind(object)] ?? []).flatMap(pattern => matching(object, pattern)),
  ];
}

/** Every field of the object that names an image, in the order in which containers are listed. */
export function imagePlaces(object: KubeObject): readonly ImagePlace[] {
  const inPods = podSpecPaths(object).flatMap(spec =>
    containerLists.flatMap(list => listAt(object, [...spec, list]).map((_, index) => [...spec, list, index, 'image'])),
  );
  const elsewhere = (imageFields[groupKind(object)] ?? []).flatMap(pattern => matching(object, pattern));
  return [...inPods, ...elsewhere].flatMap(path => {
    const holder = path.slice(0, -1);
    // What the pod of a template does without, as an init container that a policy fills in, still has a name.
    const image = textAt(object, path) ?? '';
    const container = textAt(object, [...holder, 'name']);
    const pullPolicy = textAt(object, [...holder, 'imagePullPolicy']);
    if (image === '' && container === undefined) return [];
    const named = container !== undefined && holder.length > 1;
    return [{ path, image, ...(named && { container }), ...(pullPolicy !== undefined && { pullPolicy }) }];
  });
}
