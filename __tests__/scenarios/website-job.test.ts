import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { recordHistory, replay } from '../support/scenario/history.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectUsersMovedOver, expectUsersSaw } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

type Inputs = Readonly<Record<string, string>>;

/** A website whose manifest is in the operators' folder, and whose image tag is the build number. */
const website = {
  manifest: 'kube_config/website_deploy.yaml',
  bring: (ns: TestNamespace): Promise<void> => ns.write({ [website.manifest]: manifestOf(ns) }),
  deploy: (ns: TestNamespace, build: number, more: Inputs = {}): Inputs => ({
    manifests: website.manifest,
    images: `${ns.cluster.images.site}:${build}`,
    'stable-for': '200ms',
    ...more,
  }),
  nodePort: async (ns: TestNamespace): Promise<unknown> =>
    field(await ns.get('Service', 'website'), 'spec', 'ports', 0, 'nodePort'),
  images: async (ns: TestNamespace): Promise<unknown> => {
    const containers = field(await ns.get('Deployment', 'website'), 'spec', 'template', 'spec', 'containers');
    return (containers as readonly { name: string; image: string }[]).map(({ name, image }) => [name, image]);
  },
};

describe('A job that deploys a website', () => {
  scenario('creates missing objects, updates changed ones, and leaves the others alone', cluster, async ns => {
    await website.bring(ns);
    const seen: unknown[] = [];
    for (const build of [41, 42, 42]) {
      const { outputs } = await ns.given(website.deploy(ns, build));
      const changes = JSON.parse(outputs.changes ?? '') as readonly { kind: string; change: string }[];
      const { uid } = (await ns.get('Deployment', 'website'))?.metadata ?? {};
      const replicaSets = (await ns.list('ReplicaSet')).length;
      seen.push({
        uid,
        outcome: outputs.outcome,
        replicaSets,
        changes: changes.map(({ kind, change }) => [kind, change]),
      });
    }
    const { uid } = (await ns.get('Deployment', 'website'))?.metadata ?? {};
    const of = (deployment: string, service: string): unknown =>
      expect.arrayContaining([
        ['Deployment', deployment],
        ['Service', service],
      ]);
    expect(seen).toEqual([
      { uid, outcome: 'deployed', replicaSets: 1, changes: of('created', 'created') },
      { uid, outcome: 'deployed', replicaSets: 2, changes: of('changed', 'unchanged') },
      { uid, outcome: 'unchanged', replicaSets: 2, changes: of('unchanged', 'unchanged') },
    ]);
  });

  scenario('sets the image of the named container alone, and changes no file', cluster, async ns => {
    await website.bring(ns);
    const { site } = ns.cluster.images;
    await ns.rewrite(website.manifest, text => text.replace('containers:\n', `containers:\n${sidecarOf(site)}`));
    const read = (): Promise<Buffer> => readFile(join(ns.workspace, website.manifest));
    const before = await read();
    await ns.given(website.deploy(ns, 42, { images: `website=${site}:42` }));
    expect(await website.images(ns)).toEqual([
      ['sidecar', `${site}:v1`],
      ['website', `${site}:42`],
    ]);
    expect(await read()).toEqual(before);
    await ns.reaches('website', '42');
  });

  scenario('leaves a site that heals itself: a deleted pod is replaced unnoticed', cluster, async ns => {
    await website.bring(ns);
    await ns.given(website.deploy(ns, 41));
    const nodePort = await website.nodePort(ns);
    const users = await ns.users('website');
    const [lost, kept] = (await ns.list('Pod')).map(({ metadata }) => metadata.name);
    await ns.cluster.kube.remove({ kind: 'Pod', namespace: ns.namespace, name: lost ?? '' });
    const names = await ns.until('the pod is replaced', async () => {
      const pods = await ns.list('Pod');
      return pods.length === 2 && pods.every(isReady) && pods.map(({ metadata }) => metadata.name);
    });
    expect(names).toContain(kept);
    expect(names).not.toContain(lost);
    await expectUsersSaw(users, ['41']);
    expect(await website.nodePort(ns)).toBe(nodePort);
  });

  scenario('keeps the node port, named by the manifest or no longer', cluster, async ns => {
    await website.bring(ns);
    await ns.given(website.deploy(ns, 41));
    const nodePort = await website.nodePort(ns);
    const users = await ns.users('website');
    const named = `{port: 80, targetPort: 8080, nodePort: ${String(nodePort)}}`;
    const [plain = ''] = /\{port: 80.*\}/.exec(manifestOf(ns)) ?? [];
    await ns.rewrite(website.manifest, text => text.replace(plain, named));
    await ns.given(website.deploy(ns, 41));
    await ns.rewrite(website.manifest, text => text.replace(named, plain));
    await ns.given(website.deploy(ns, 42));
    expect(await website.nodePort(ns)).toBe(nodePort);
    await expectUsersMovedOver(users, '41', '42');
  });

  scenario('never has fewer ready pods than maxUnavailable allows, nor more pods than maxSurge', cluster, async ns => {
    await website.bring(ns);
    await ns.given(website.deploy(ns, 41));
    const [pods, sets] = [await ns.list('Pod'), await ns.list('ReplicaSet')];
    const users = await ns.users('website');
    const [podHistory, setHistory] = [await recordHistory(ns, 'Pod'), await recordHistory(ns, 'ReplicaSet')];
    await ns.given(website.deploy(ns, 42));
    const seen = replay(pods, await podHistory());
    // The history is complete: it ends with the two new pods.
    expect(seen.at(-1)?.filter(isReady)).toHaveLength(2);
    // Of 2 replicas, 1 may be unavailable and 1 may be added; pods are created and deleted a moment later.
    expect(Math.min(...seen.map(all => all.filter(isReady).length))).toBeGreaterThanOrEqual(1);
    const wanted = replay(sets, await setHistory()).map(all =>
      all.reduce((sum, set) => sum + Number(field(set, 'spec', 'replicas')), 0),
    );
    expect(wanted.at(-1)).toBe(2);
    expect(Math.max(...wanted)).toBe(3);
    await expectUsersMovedOver(users, '41', '42');
  });

  scenario('logs its phases, its progress, and how many objects it changed', cluster, async ns => {
    await website.bring(ns);
    const verify = '- http: /\n  contains: site $<RUN_NUMBER>\n';
    const result = await ns.given(website.deploy(ns, 41, { verify }));
    const lines = result.log.split('\n');
    const stages = ['Check', 'Render', 'Plan', 'Deploy', 'Verify public', 'Clean up'];
    expect(lines.filter(line => stages.includes(line))).toEqual(stages);
    expect(result.log).toMatch(/of 2 ready/);
    expect(result.log).toContain('2 to create, 0 to change, 0 unchanged');
    expect(result.summary).toMatch(/\| Deployment \| .*website.* \| created \|/);
    expect(result.summary).toMatch(/\| Service \| .*website.* \| created \|/);
  });
});

function isReady(pod: KubeObject): boolean {
  const conditions = (field(pod, 'status', 'conditions') ?? []) as readonly { type: string; status: string }[];
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return ready && pod.metadata.deletionTimestamp === undefined;
}

function sidecarOf(site: string): string {
  return `        - name: sidecar
          image: ${site}:v1
          env: [{name: PORT, value: "8081"}]
`;
}

function manifestOf({ cluster: { images, pace } }: TestNamespace): string {
  return `# The image is set by the job that builds it.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: website
spec:
  replicas: 2
  selector:
    matchLabels: {app: website}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 1, maxSurge: 50%}
  template:
    metadata:
      labels: {app: website}
    spec:
      containers:
        - name: website
          image: ${images.site}:first # the image of the last build
          imagePullPolicy: IfNotPresent
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: 8080}, ${pace.probe}}
---
apiVersion: v1
kind: Service
metadata:
  name: website
spec:
  type: NodePort
  selector: {app: website}
  ports: [{port: 80, targetPort: 8080}]
`;
}
