import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { untilReady } from '../scenario/expectations.js';
import type { TestNamespace } from '../scenario/test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

const passing = '- http: /\n  contains: site $<VERSION>\n';
/** Fails on both sides. */
const failing = '- http: /\n  contains: nothing of that kind\n';
/** Passes on the staged side, so that it fails only once users were sent there. */
const failingInPublic = '- http: /\n  contains: nothing of that kind\n  when: public\n';

/** An application without roles: what a step writes most, a ConfigMap, an autoscaler and a Deployment behind a Service. */
export const web = {
  release: 'web',
  checks: { failing, failingInPublic },
  bring: (ns: TestNamespace): Promise<void> =>
    ns.write({
      'web.yml': documents(ns).join('---\n'),
      'with-budget.yml': [...documents(ns), budget].join('---\n'),
      'with-api.yml': [...documents(ns), ...apiDocuments(ns)].join('---\n'),
      'with-inner.yml': withInner(ns).join('---\n'),
    }),
  roll: (version: string, more: Inputs = {}): Inputs => ({
    manifests: 'web.yml',
    variables: `VERSION=${version}`,
    verify: passing,
    'stable-for': '100ms',
    ...more,
  }),
  /** The inputs of a release with a second public Service, which leads to a Deployment of its own. */
  withApi: { manifests: 'with-api.yml', service: 'web\napi' },
  stage: (version: string, more: Inputs = {}): Inputs => web.roll(version, { strategy: 'blue-green', ...more }),
  /** Stages and switches in the same step. */
  go: (version: string, more: Inputs = {}): Inputs => web.stage(version, { switch: 'auto', drain: '0s', ...more }),
  promote: (more: Inputs = {}): Inputs => ({ action: 'promote', release: 'web', drain: '0s', ...more }),
  /** Fails in public, so that users are sent back. */
  promoteInVain: (): Inputs => web.promote({ verify: failingInPublic }),
  reject: (): Inputs => ({ action: 'reject', release: 'web' }),
  rollBack: (more: Inputs = {}): Inputs => ({ action: 'rollback', release: 'web', 'stable-for': '100ms', ...more }),
  switchBack: (): Inputs => web.rollBack({ drain: '0s' }),
  status: (): Inputs => ({ action: 'status', release: 'web' }),
  /** Applies it as kubectl does, with its budget or with two further Services, and waits until it is ready. */
  async applyWithKubectl(ns: TestNamespace, version: string, file = 'with-budget.yml'): Promise<void> {
    const { namespace, cluster } = ns;
    const all = file === 'with-inner.yml' ? withInner(ns) : [...documents(ns), budget];
    const manifest = all.join('---\n').replaceAll('${VERSION}', version);
    for (const object of loadAll(manifest) as KubeObject[]) {
      const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
      const collection = (collections[object.kind] ?? '').replace('*', namespace);
      const path = `${collection}?fieldManager=kubectl-client-side-apply`;
      const body = { ...object, metadata: { ...object.metadata, namespace, annotations } };
      const { status, body: answer } = await cluster.kube.send({ method: 'POST', path, body });
      if (status !== 201) throw new Error(`${object.kind} was not made: ${status} ${JSON.stringify(answer)}`);
    }
    await untilReady(ns, 'web', 2);
    if (file === 'with-inner.yml') await untilReady(ns, 'api', 2);
  },
};

const collections: Readonly<Record<string, string>> = {
  ConfigMap: '/api/v1/namespaces/*/configmaps',
  Service: '/api/v1/namespaces/*/services',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/*/horizontalpodautoscalers',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
};

const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`;

/** Another Deployment behind a Service of its own, which is switched together with the one of `documents`. */
function apiDocuments(ns: TestNamespace): readonly string[] {
  const [, deployment = '', , service = ''] = documents(ns);
  return [deployment, service].map(text =>
    text
      .replace('metadata: {name: web}', 'metadata: {name: api}')
      .replaceAll('app: web', 'app: api')
      .replace('          envFrom: [{configMapRef: {name: web}}]\n', '')
      .replace('type: NodePort, ', ''),
  );
}

/** With the Deployment of `apiDocuments`, and a Service inside the cluster for the same pods as that for users outside. */
function withInner(ns: TestNamespace): readonly string[] {
  const [, , , service = ''] = documents(ns);
  const inner = service.replace('metadata: {name: web}', 'metadata: {name: inner}').replace('type: NodePort, ', '');
  return [...documents(ns), inner, ...apiDocuments(ns)];
}

function documents({ cluster: { images, pace } }: TestNamespace): readonly string[] {
  return [
    `apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: "hello from \${VERSION}"}
`,
    `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{name: http, containerPort: 8080}]
          envFrom: [{configMapRef: {name: web}}]
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          readinessProbe: {httpGet: {path: /readyz, port: http}, ${pace.probe}}
`,
    `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 2, maxReplicas: 4}
`,
    `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
`,
  ];
}
