import type { KubeObject } from '../../../src/kubernetes/object.js';
import { field } from '../field.js';
import type { ClusterUnderTest } from './cluster-under-test.js';
import type { TestNamespace } from './test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

/** Short waits: the cluster reports what they wait for, so they only limit it. */
const shortWaits = { 'stable-for': '200ms' };

/** The Tomcat example, deployed blue/green. */
export const tomcat = {
  service: 'tomcat-service',
  deploy: (version: string, more: Inputs = {}): Inputs => ({
    strategy: 'blue-green',
    manifests: 'k8s',
    variables: `TOMCAT_VERSION=${version}`,
    ...shortWaits,
    ...more,
  }),
  /** Deploys and switches in the same step. */
  release: (version: string, more: Inputs = {}): Inputs =>
    tomcat.deploy(version, { switch: 'auto', drain: '100ms', ...more }),
  promote: (more: Inputs = {}): Inputs => ({
    action: 'promote',
    release: tomcat.service,
    drain: '100ms',
    ...more,
  }),
  rollback: (more: Inputs = {}): Inputs => ({ ...tomcat.promote(more), ...shortWaits, action: 'rollback' }),
  reject: { action: 'reject', release: 'tomcat-service' },
  /** A check that the start page contains `text`. */
  verify: (text: string, more = ''): string => `- http: /\n  contains: ${text}\n${more}`,
  bring: (ns: TestNamespace): Promise<void> => ns.copy('examples/tomcat-blue-green/k8s', 'k8s'),
  activeRole: async (ns: TestNamespace): Promise<unknown> =>
    field(await ns.get('Service', tomcat.service), 'spec', 'selector', 'role'),
  /** Image tag of a role's Deployment; `undefined` when there is no Deployment. */
  versionOn: async (ns: TestNamespace, role: string): Promise<string | undefined> =>
    imageTag(await ns.get('Deployment', `tomcat-deployment-${role}`)),
};

/** A site behind a NodePort, deployed rolling. */
export const site = {
  service: 'site',
  deploy: (version: string, more: Inputs = {}): Inputs => ({
    manifests: 'site.yml',
    variables: `VERSION=${version}`,
    ...shortWaits,
    ...more,
  }),
  rollback: (more: Inputs = {}): Inputs => ({ action: 'rollback', release: 'site', ...shortWaits, ...more }),
  bring: (ns: TestNamespace): Promise<void> => ns.write({ 'site.yml': siteManifest(ns.cluster) }),
  version: async (ns: TestNamespace): Promise<string | undefined> => imageTag(await ns.get('Deployment', 'site')),
};

/** Sets the image of a container as `kubectl set image` does. Throws unless the API server accepts it. */
export async function setImage(
  { cluster: { kube }, namespace }: TestNamespace,
  to: { readonly deployment: string; readonly container: string; readonly image: string },
): Promise<void> {
  const { status, body } = await kube.send({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${namespace}/deployments/${to.deployment}`,
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { template: { spec: { containers: [{ name: to.container, image: to.image }] } } } },
  });
  if (status !== 200) throw new Error(`the image of ${to.deployment} was not set: ${status} ${JSON.stringify(body)}`);
}

/** One YAML document: a Deployment of one pod of the site, labelled `app: shop`. */
export function shopDeployment(
  { images, pace }: ClusterUnderTest,
  parts: {
    /** The line `metadata: {…}`. */
    readonly meta: string;
    /** More labels of the pods: `, role: blue`. */
    readonly labels: string;
    readonly envFrom: string;
  },
): string {
  const { meta, labels, envFrom } = parts;
  return `apiVersion: apps/v1
kind: Deployment
${meta}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop${labels}}}
  template:
    metadata: {labels: {app: shop${labels}}}
    spec:
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{containerPort: 8080}]
          envFrom: [${envFrom}]
          readinessProbe: {httpGet: {path: /readyz, port: 8080}, ${pace.probe}}
`;
}

function siteManifest({ images, pace }: ClusterUnderTest): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: site-config
data:
  greeting: hello from \${VERSION}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: site
spec:
  replicas: 3
  selector:
    matchLabels: {app: site}
  template:
    metadata:
      labels: {app: site}
    spec:
      containers:
        - name: site
          image: ${images.site}:\${VERSION}
          ports: [{containerPort: 8080}]
          env:
            - name: GREETING
              valueFrom: {configMapKeyRef: {name: site-config, key: greeting}}
          readinessProbe: {httpGet: {path: /readyz, port: 8080}, ${pace.probe}}
---
apiVersion: v1
kind: Service
metadata:
  name: site
spec:
  type: NodePort
  selector: {app: site}
  ports: [{port: 80, targetPort: 8080}]
`;
}

function imageTag(deployment: KubeObject | undefined): string | undefined {
  const image = field(deployment, 'spec', 'template', 'spec', 'containers', 0, 'image');
  return typeof image === 'string' ? image.slice(image.lastIndexOf(':') + 1) : undefined;
}
