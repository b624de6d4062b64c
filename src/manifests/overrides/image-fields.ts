import { fieldAt, isFields, listAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { containerLists, podSpecPath } from '../../kubernetes/pods/pod-spec.js';

/** A field that contains an image reference, and the container that it belongs to. */
export interface ImageField {
  /** Path of the field. */
  readonly path: Path;
  /** Name of the container. Absent: the field does not belong to a named container. */
  readonly container?: string;
  /** Empty: the field is not set. */
  readonly image: string;
  /** `imagePullPolicy` of the same container. Absent: not set. */
  readonly pullPolicy?: string;
}

/** Paths of the pod specs of well-known custom kinds; `*` stands for every item or key. Others are found by their shape. */
const customPodSpecs: Readonly<Record<string, readonly string[]>> = {
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

/** Paths of image fields outside pod specs in well-known custom kinds. */
const customImageFields: Readonly<Record<string, readonly string[]>> = {
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

/** Every path of the object that matches the pattern and has a value. */
function pathsMatching(object: KubeObject, pattern: string): readonly Path[] {
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

/** Paths of all pod specs of an object: of a workload and of the well-known custom kinds. */
export function podSpecPaths(object: KubeObject): readonly Path[] {
  const path = podSpecPath(object);
  return [
    ...(path === undefined ? [] : [path]),
    ...(customPodSpecs[groupKind(object)] ?? []).flatMap(pattern => pathsMatching(object, pattern)),
  ];
}

/** Every image field of the object, in the order of the containers. */
export function imageFields(object: KubeObject): readonly ImageField[] {
  const inPods = podSpecPaths(object).flatMap(spec =>
    containerLists.flatMap(list => listAt(object, [...spec, list]).map((_, index) => [...spec, list, index, 'image'])),
  );
  const inCustomFields = (customImageFields[groupKind(object)] ?? []).flatMap(pattern =>
    pathsMatching(object, pattern),
  );
  return [...inPods, ...inCustomFields].flatMap(path => {
    const parent = path.slice(0, -1);
    // A container without an image, as one that an admission policy completes, still has a name.
    const image = textAt(object, path) ?? '';
    const container = textAt(object, [...parent, 'name']);
    const pullPolicy = textAt(object, [...parent, 'imagePullPolicy']);
    if (image === '' && container === undefined) return [];
    const named = container !== undefined && parent.length > 1;
    return [{ path, image, ...(named && { container }), ...(pullPolicy !== undefined && { pullPolicy }) }];
  });
}
