import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import type { KubeObject } from '../../src/manifests/object.js';
import { patientProbe, startCluster } from './cluster.js';
import { field } from './field.js';
import { recordHistory, replay } from './history.js';
import { expectUsersMovedOver, expectUsersSaw, scenario } from './place.js';
import type { Place } from './place.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

type Inputs = Readonly<Record<string, string>>;

/** A website whose manifest lives in a folder of the operators, and whose image has the number of the build as its tag. */
const website = {
  manifest: 'kube_config/website_deploy.yaml',
  bring: (place: Place): Promise<void> => place.write({ [website.manifest]: manifestOf(place) }),
  deploy: (place: Place, build: number, more: Inputs = {}): Inputs => ({
    manifests: website.manifest,
    images: `${place.cluster.images.site}:${build}`,
    steady: '200ms',
    ...more,
  }),
  nodePort: async (place: Place): Promise<unknown> =>
    field(await place.get('Service', 'website'), 'spec', 'ports', 0, 'nodePort'),
  images: async (place: Place): Promise<unknown> => {
    const containers = field(await place.get('Deployment', 'website'), 'spec', 'template', 'spec', 'containers');
    return (containers as readonly { name: string; image: string }[]).map(({ name, image }) => [name, image]);
  },
};

describe('A job that deploys a website', () => {
  scenario('creates what is missing, updates what has changed, and leaves alone what has not', cluster, async place => {
    await website.bring(place);
    const seen: unknown[] = [];
    for (const build of [41, 42, 42]) {
      const { outputs } = await place.given(website.deploy(place, build));
      const changes = JSON.parse(outputs.changes ?? '') as readonly { kind: string; change: string }[];
      const { uid } = (await place.get('Deployment', 'website'))?.metadata ?? {};
      const replicaSets = (await place.list('ReplicaSet')).length;
      seen.push({
        uid,
        outcome: outputs.outcome,
        replicaSets,
        changes: changes.map(({ kind, change }) => [kind, change]),
      });
    }
    const { uid } = (await place.get('Deployment', 'website'))?.metadata ?? {};
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

  scenario('sets the image of the wanted container alone, and changes no file', cluster, async place => {
    await website.bring(place);
    const { site } = place.cluster.images;
    await place.rewrite(website.manifest, text => text.replace('containers:\n', `containers:\n${sidecarOf(site)}`));
    const read = (): Promise<Buffer> => readFile(join(place.workspace, website.manifest));
    const before = await read();
    await place.given(website.deploy(place, 42, { images: `website=${site}:42` }));
    expect(await website.images(place)).toEqual([
      ['sidecar', `${site}:v1`],
      ['website', `${site}:42`],
    ]);
    expect(await read()).toEqual(before);
    await place.reaches('website', '42');
  });

  scenario('leaves a site that mends itself: a pod that is deleted comes back unnoticed', cluster, async place => {
    await website.bring(place);
    await place.given(website.deploy(place, 41));
    const nodePort = await website.nodePort(place);
    const users = await place.users('website');
    const [lost, kept] = (await place.list('Pod')).map(({ metadata }) => metadata.name);
    await place.cluster.kube.remove({ kind: 'Pod', namespace: place.namespace, name: lost ?? '' });
    const names = await place.until('the pod is replaced', async () => {
      const pods = await place.list('Pod');
      return pods.length === 2 && pods.every(isReady) && pods.map(({ metadata }) => metadata.name);
    });
    expect(names).toContain(kept);
    expect(names).not.toContain(lost);
    await expectUsersSaw(users, ['41']);
    expect(await website.nodePort(place)).toBe(nodePort);
  });

  scenario('keeps the node port, named by the manifest or no longer', cluster, async place => {
    await website.bring(place);
    await place.given(website.deploy(place, 41));
    const nodePort = await website.nodePort(place);
    const users = await place.users('website');
    const named = `{port: 80, targetPort: 8080, nodePort: ${String(nodePort)}}`;
    const [plain = ''] = /\{port: 80.*\}/.exec(manifestOf(place)) ?? [];
    await place.rewrite(website.manifest, text => text.replace(plain, named));
    await place.given(website.deploy(place, 41));
    await place.rewrite(website.manifest, text => text.replace(named, plain));
    await place.given(website.deploy(place, 42));
    expect(await website.nodePort(place)).toBe(nodePort);
    await expectUsersMovedOver(users, '41', '42');
  });

  scenario(
    'never has fewer ready pods than maxUnavailable allows, nor more pods than maxSurge',
    cluster,
    async place => {
      await website.bring(place);
      await place.given(website.deploy(place, 41));
      const [pods, sets] = [await place.list('Pod'), await place.list('ReplicaSet')];
      const users = await place.users('website');
      const [podHistory, setHistory] = [await recordHistory(place, 'Pod'), await recordHistory(place, 'ReplicaSet')];
      await place.given(website.deploy(place, 42));
      const seen = replay(pods, await podHistory());
      // All of it was told: it ends with the two new pods.
      expect(seen.at(-1)?.filter(isReady)).toHaveLength(2);
      // Of 2 replicas, 1 may be missing, and half as many more may be wanted: pods are made and ended a moment later.
      expect(Math.min(...seen.map(all => all.filter(isReady).length))).toBeGreaterThanOrEqual(1);
      const wanted = replay(sets, await setHistory()).map(all =>
        all.reduce((sum, set) => sum + Number(field(set, 'spec', 'replicas')), 0),
      );
      expect(wanted.at(-1)).toBe(2);
      expect(Math.max(...wanted)).toBe(3);
      await expectUsersMovedOver(users, '41', '42');
    },
  );

  scenario('tells its stages, how far it is, and how many objects it changed', cluster, async place => {
    await website.bring(place);
    const verify = '- http: /\n  contains: site $<RUN_NUMBER>\n';
    const result = await place.given(website.deploy(place, 41, { verify }));
    const lines = result.log.split('\n');
    const stages = ['Check', 'Render', 'Plan', 'Deploy', 'Verify prod', 'Clean up'];
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

function manifestOf({ cluster: { images, pace } }: Place): string {
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
          readinessProbe:
            httpGet: {path: /, port: 8080}
            periodSeconds: ${pace.probeSeconds}
            ${patientProbe}
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
