import type { KubeObject } from '../../../src/kubernetes/object.js';
import { shopDeployment } from '../scenario/applications.js';
import { field } from '../field.js';
import type { TestNamespace } from '../scenario/test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

/** A deploy that the fault matrix covers. */
export interface Subject {
  readonly title: string;
  /**
   * Number of earlier deploys. 0: each row begins without a release. Otherwise each row updates what the row before left;
   * three are enough to have used both roles and removed old revisions.
   */
  readonly earlier: 0 | 3;
  /** Requests that it must make, as `VERB Kind`. */
  readonly makes: readonly string[];
  readonly inputs: (version: string) => Inputs;
  readonly bring: (ns: TestNamespace) => Promise<void>;
  /** The output `outcome` of a success. */
  readonly outcome: string;
}

export const release = 'shop';
/** The password in the application's Secret. */
export const secretOf = (version: string): string => `password-${version}-end`;

const inputs = (version: string): Inputs => ({
  manifests: 'shop.yml',
  release,
  variables: `VERSION=${version}`,
  verify: '- http: /\n  contains: site $<VERSION>\n  retry: 5s\n',
  // The number of its requests depends on the time.
  'synthetic-traffic': 'false',
  'stable-for': '100ms',
  'history-limit': '2',
});
const rolling = ['PATCH ConfigMap', 'PATCH Secret', 'PATCH Service', 'PATCH Deployment', 'WATCH Pod'];
const record = ['POST Lease', 'DELETE Lease', 'GET Secret', 'PUT Secret'];

export const firstDeploy: Subject = {
  title: 'A first rolling deploy',
  earlier: 0,
  makes: [...rolling, ...record, 'POST Secret'],
  inputs,
  bring: ns => ns.write({ 'shop.yml': manifest(ns, { suffix: '', labels: '' }) }),
  outcome: 'deployed',
};

export const update: Subject = {
  ...firstDeploy,
  title: 'A rolling update',
  earlier: 3,
  makes: [...rolling, ...record, 'GET ConfigMap', 'GET Deployment', 'GET Service', 'DELETE Secret'],
};

export const switched: Subject = {
  title: 'A blue/green deploy that goes on to the switch',
  earlier: 3,
  makes: [...update.makes, 'LIST Pod', 'WATCH EndpointSlice', 'PATCH HorizontalPodAutoscaler'],
  inputs: version => ({ ...inputs(version), strategy: 'blue-green', switch: 'auto', drain: '0s' }),
  bring: ns =>
    ns.write({
      'shop.yml': [
        manifest(ns, { suffix: '-${TARGET_ROLE}', labels: ', role: "${TARGET_ROLE}"' }),
        service('shop-test-${TARGET_ROLE}', 'ClusterIP', ', role: "${TARGET_ROLE}"'),
        `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
${meta('shop-${TARGET_ROLE}')}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "shop-\${TARGET_ROLE}"}
  minReplicas: 1
  maxReplicas: 2
`,
      ].join('---\n'),
    }),
  outcome: 'switched',
};

function meta(name: string): string {
  return `metadata: {name: "${name}", labels: {app: shop, version: "\${VERSION}"}}`;
}

function service(name: string, type: string, labels: string): string {
  return `apiVersion: v1
kind: Service
${meta(name)}
spec: {type: ${type}, selector: {app: shop${labels}}, ports: [{port: 80, targetPort: 8080}]}
`;
}

function manifest({ cluster }: TestNamespace, role: { suffix: string; labels: string }): string {
  const { suffix, labels } = role;
  const name = `shop${suffix}`;
  return `apiVersion: v1
kind: ConfigMap
${meta(name)}
data: {version: "\${VERSION}"}
---
apiVersion: v1
kind: ConfigMap
${meta(`${name}-\${VERSION}`)}
data: {text: "text of \${VERSION}"}
---
apiVersion: v1
kind: Secret
${meta(name)}
stringData: {password: "${secretOf('${VERSION}')}"}
---
${shopDeployment(cluster, {
  meta: meta(name),
  labels,
  envFrom: `{configMapRef: {name: "${name}-\${VERSION}"}}, {secretRef: {name: "${name}"}}`,
})}---
${service('shop', 'NodePort', labels)}`;
}

/** The live objects of the application by `Kind/name`, without the record of the release. */
export async function applicationOf(ns: TestNamespace): Promise<ReadonlyMap<string, KubeObject>> {
  const kinds = ['ConfigMap', 'Secret', 'Service', 'Deployment', 'HorizontalPodAutoscaler'] as const;
  const lists = await Promise.all(kinds.map(kind => ns.list(kind)));
  return new Map(
    // Items of a list have no kind.
    lists
      .flatMap((list, at) =>
        list.map(object => [`${kinds[at]}/${object.metadata.name}`, { ...object, kind: kinds[at] ?? '' }] as const),
      )
      .filter(([name]) => /^\w+\/shop/.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The intended content of an object: everything that neither the API server nor a controller writes. */
export function intentOf(object: KubeObject): readonly unknown[] {
  const { labels, annotations = {} } = object.metadata;
  // The autoscaler of an idle role is deleted while the role is scaled up, and then recreated.
  const uid = object.kind === 'HorizontalPodAutoscaler' ? '' : object.metadata.uid;
  // The deploy does not restore the annotation of the other manager.
  const { 'deployment.kubernetes.io/revision': _counted, 'other-manager': _theirs, ...intended } = annotations;
  return [uid, labels, intended, object['spec'], object['data']];
}

/** Whether the object matches this version of its manifest. */
export function isOf(object: KubeObject, version: string): boolean {
  const { kind, metadata } = object;
  const matches: Readonly<Record<string, () => boolean>> = {
    ConfigMap: () => JSON.stringify(object['data']).includes(version),
    Secret: () => field(object, 'data', 'password') === Buffer.from(secretOf(version)).toString('base64'),
    Deployment: () =>
      String(field(object, 'spec', 'template', 'spec', 'containers', 0, 'image')).endsWith(`:${version}`) &&
      field(object, 'status', 'readyReplicas') === 1,
  };
  return metadata.labels?.['version'] === version && (matches[kind]?.() ?? true);
}
