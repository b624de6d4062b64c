import type { KubeObject } from '../../../src/kubernetes/object.js';
import { loadAll } from 'js-yaml';
import type { TestNamespace } from './test-namespace.js';
import { documentedRoles } from './rights.js';
import { passing } from './shop.js';

type Inputs = Readonly<Record<string, string>>;

/** The rules that a step needs to adopt a running application, beside the Roles of its inputs. */
export const adopter = { as: documentedRoles.get('cutover-adopt') ?? [] };

/** The same for a step that leaves the roles. */
export const leaver = { as: documentedRoles.get('cutover-leave-roles') ?? [] };

/** What protects the live pods, and is not in the manifests. */
const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: plain}
spec: {minAvailable: 1, selector: {matchLabels: {app: plain}}}
`;

/** A second public Service for the pods of the first, for callers inside the cluster. */
const inner = `apiVersion: v1
kind: Service
metadata: {name: plain-inner}
spec: {selector: {app: plain}, ports: [{port: 80, targetPort: http}]}
`;

/** A shop whose manifests have no roles, with an object of every kind that each role gets a copy of. */
export const plain = {
  service: 'plain',
  budget,
  inner,
  bring: (ns: TestNamespace): Promise<void> => ns.write({ 'plain.yml': manifest(ns) }),
  stage: (version: string, more: Inputs = {}): Inputs => ({
    strategy: 'blue-green',
    manifests: 'plain.yml',
    variables: `VERSION=${version}`,
    verify: passing,
    'stable-for': '100ms',
    ...more,
  }),
  release: (version: string, more: Inputs = {}): Inputs =>
    plain.stage(version, { switch: 'auto', drain: '0s', ...more }),
  promote: (more: Inputs = {}): Inputs => ({ action: 'promote', release: 'plain', drain: '0s', ...more }),
  reject: { action: 'reject', release: 'plain' },
  rollback: (more: Inputs = {}): Inputs => ({
    action: 'rollback',
    release: 'plain',
    drain: '0s',
    'stable-for': '100ms',
    ...more,
  }),
  /** Deploys it without roles. */
  roll: (version: string, more: Inputs = {}): Inputs => {
    return { ...plain.stage(version), strategy: 'rolling', ...more };
  },
  /** Stages a version beside an application that is adopted first. */
  adopt: (version: string, more: Inputs = {}): Inputs => plain.stage(version, { drain: '0s', ...more }),
  /** Restarts its Deployment, as kubectl does. */
  async restart(ns: TestNamespace): Promise<void> {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
    await ns.cluster.kube.patch(
      { kind: 'Deployment', namespace: ns.namespace, name: 'plain' },
      { spec: { template: { metadata: { annotations } } } },
    );
  },
  /** The fields of its Deployment that controllers do not write. */
  async written(ns: TestNamespace): Promise<unknown> {
    const live = await ns.get('Deployment', 'plain');
    const { uid, generation, annotations } = live?.metadata ?? {};
    return { spec: live?.['spec'], uid, generation, annotations };
  },
  /** Applies it without roles, as kubectl does, and a disruption budget. Resolves once the version answers users. */
  async applyWithKubectl(ns: TestNamespace, version: string): Promise<void> {
    const { namespace, cluster } = ns;
    const text = `${manifest(ns).replaceAll('${VERSION}', version)}---\n${budget}`;
    for (const object of loadAll(text) as KubeObject[]) {
      const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
      const path = `${collections[object.kind] ?? ''}?fieldManager=kubectl-client-side-apply`.replace('*', namespace);
      const body = { ...object, metadata: { ...object.metadata, namespace, annotations } };
      const { status, body: answer } = await cluster.kube.send({ method: 'POST', path, body });
      if (status !== 201) throw new Error(`${object.kind} was not made: ${status} ${JSON.stringify(answer)}`);
    }
    await ns.reaches('plain', version);
    await ns.until('its rollout is over', async () => {
      const live = await ns.get('Deployment', 'plain');
      const { readyReplicas } = (live?.['status'] ?? {}) as { readyReplicas?: number };
      return readyReplicas === 2;
    });
  },
};

const collections: Readonly<Record<string, string>> = {
  ConfigMap: '/api/v1/namespaces/*/configmaps',
  Secret: '/api/v1/namespaces/*/secrets',
  Service: '/api/v1/namespaces/*/services',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/*/horizontalpodautoscalers',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
};

function manifest({ cluster: { images, pace } }: TestNamespace): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: plain-config}
data: {greeting: "hello from \${VERSION}"}
---
apiVersion: v1
kind: Secret
metadata: {name: plain-secret}
stringData: {password: "of \${VERSION}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain}
spec:
  replicas: 2
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain}}
    spec:
      volumes:
        - name: config
          projected:
            sources: [{configMap: {name: plain-config}}, {secret: {name: plain-secret}}]
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{name: http, containerPort: 8080}]
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          env:
            - {name: GREETING, valueFrom: {configMapKeyRef: {name: plain-config, key: greeting}}}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: plain-secret, key: password}}}
          readinessProbe: {httpGet: {path: /readyz, port: http}, ${pace.probe}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: plain}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: plain}, minReplicas: 2, maxReplicas: 4}
---
apiVersion: v1
kind: Service
metadata: {name: plain}
spec: {type: NodePort, selector: {app: plain}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: plain-headless}
spec: {clusterIP: None, selector: {app: plain}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: plain-metrics}
spec: {selector: {app: plain}, ports: [{name: metrics, port: 9090}]}
`;
}
