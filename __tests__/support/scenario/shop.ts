import type { StepResult } from '../runner/runner.js';
import type { Named } from '../kube.js';
import { shopDeployment } from './applications.js';
import type { TestNamespace } from './test-namespace.js';
import { grant, type Grant } from './rights.js';

type Inputs = Readonly<Record<string, string>>;

/** An application with every kind that docs/rbac.md has rules for. It runs one pod per version, so that a step is short. */
export const shop = {
  bring: (ns: TestNamespace): Promise<void> =>
    ns.write({
      'rolling.yml': manifest(ns, 'shop', ''),
      'roles.yml': manifest(ns, 'shop-${TARGET_ROLE}', role),
    }),
  roll: (version: string, more: Inputs = {}): Inputs => ({
    manifests: 'rolling.yml',
    variables: `VERSION=${version}`,
    verify: passing,
    'stable-for': '100ms',
    'force-conflicts': 'true',
    ...more,
  }),
  stage: (version: string, more: Inputs = {}): Inputs => ({
    ...shop.roll(version, { manifests: 'roles.yml', strategy: 'blue-green' }),
    ...more,
  }),
  release: (version: string, more: Inputs = {}): Inputs =>
    shop.stage(version, { switch: 'auto', drain: '0s', ...more }),
  promote: (more: Inputs = {}): Inputs => ({ action: 'promote', release: 'shop', drain: '0s', ...more }),
  reject: (more: Inputs = {}): Inputs => ({ action: 'reject', release: 'shop', ...more }),
  rollback: (more: Inputs = {}): Inputs => ({ action: 'rollback', release: 'shop', 'stable-for': '100ms', ...more }),
  status: (more: Inputs = {}): Inputs => ({ action: 'status', release: 'shop', ...more }),
};

export const passing = '- http: /\n  contains: site\n';
/** Passes on the staged side, so that it fails only once users were sent there. */
export const failingInPublic = `${passing}- http: /\n  contains: nothing of that kind\n  when: public\n`;
export const failing = '- http: /\n  contains: nothing of that kind\n';

const role = ', role: "${TARGET_ROLE}"';

function manifest({ cluster }: TestNamespace, name: string, labels: string): string {
  const meta = (called: string): string =>
    `metadata: {name: "${called}", labels: {app: shop, tier: front, version: "\${VERSION}"}}`;
  const service = (called: string): string => `apiVersion: v1
kind: Service
${meta(called)}
spec: {selector: {app: shop${labels}}, ports: [{port: 80, targetPort: 8080}]}
`;
  return `apiVersion: v1
kind: ConfigMap
${meta(name)}
data: {version: "\${VERSION}"}
---
apiVersion: v1
kind: Secret
${meta(name)}
stringData: {version: "\${VERSION}"}
---
${shopDeployment(cluster, { meta: meta(name), labels, envFrom: '{configMapRef: {name: pod-settings, optional: true}}' })}---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
${meta(name)}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "${name}"}, minReplicas: 1, maxReplicas: 2}
---
${service('shop')}${labels === '' ? '' : `---\n${service(`shop-test-\${TARGET_ROLE}`)}`}`;
}

/** Another manager changes a label of these objects: the next deploy takes the field over and restores it if it fails. */
export async function relabel(ns: TestNamespace, names: readonly (readonly [Named['kind'], string])[]): Promise<void> {
  for (const [kind, name] of names) {
    await ns.cluster.kube.patch(
      { kind, namespace: ns.namespace, name },
      { metadata: { labels: { tier: 'somebody' } } },
    );
  }
}

/** Deletes these objects behind the release's back. */
export async function deleteObjects(
  ns: TestNamespace,
  names: readonly (readonly [Named['kind'], string])[],
): Promise<void> {
  for (const [kind, name] of names) await ns.cluster.kube.remove({ kind, namespace: ns.namespace, name });
}

/** Makes every new pod crash at its start, and recreates the pods of one role. Default: no pod is recreated. */
export async function breakPods(ns: TestNamespace, roleOfPods?: string): Promise<void> {
  const { cluster, namespace } = ns;
  await cluster.kube.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'pod-settings', namespace },
    data: { CRASH_AFTER: '0s' },
  });
  await replacePods(ns, roleOfPods);
}

/** Lets new pods start again after {@link breakPods}, and recreates the pods of one role. */
export async function repairPods(ns: TestNamespace, roleOfPods: string): Promise<void> {
  await deleteObjects(ns, [['ConfigMap', 'pod-settings']]);
  await replacePods(ns, roleOfPods);
}

async function replacePods(ns: TestNamespace, roleOfPods: string | undefined): Promise<void> {
  if (roleOfPods === undefined) return;
  const pods = (await ns.list('Pod')).filter(({ metadata }) => metadata.labels?.role === roleOfPods);
  await deleteObjects(
    ns,
    pods.map(({ metadata }) => ['Pod', metadata.name] as const),
  );
}

/** Runs a step with exactly these Roles, less the rights in `without`. */
export async function stepAs(
  ns: TestNamespace,
  rights: Pick<Grant, 'roles' | 'without' | 'scope'>,
  ...[inputs, options]: Parameters<TestNamespace['step']>
): Promise<StepResult> {
  const { kubeconfig } = await grant({ cluster: ns.cluster, namespace: ns.namespace, ...rights });
  return ns.step({ ...inputs, kubeconfig }, options);
}
