import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore, type MemoryStore } from '../../sandbox/api/store/memory-store.js';
import { startApiServer, type ApiServer } from '../../sandbox/api/http/server.js';
import { describeUnless } from '../support/describe-unless.js';

const found = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
const missing = found.status === 0 ? undefined : 'there is no kubectl on the PATH that runs';

const manifest = (image: string, extra = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "${image}", env: [{name: A, value: "1"}${extra}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;

const webRef = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web' };

describeUnless(missing, 'a stock kubectl', () => {
  let home: string;
  let store: MemoryStore;
  let server: ApiServer;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'kubectl-'));
    store = createStore();
    const runtime = { logs: () => 'line one\nline two\n', podPort: () => undefined, servicePorts: () => [] };
    server = await startApiServer({ store, runtime });
    writeFileSync(join(home, 'config'), server.kubeconfig);
  });
  afterAll(async () => {
    await server.close();
    rmSync(home, { recursive: true });
  });

  const kubectl = (args: string, input = ''): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve, reject) => {
      const environment = {
        ...process.env,
        HOME: home,
        KUBECONFIG: join(home, 'config'),
        KUBECACHEDIR: join(home, 'cache'),
      };
      const child = spawn('kubectl', args.split(' '), { env: environment });
      let output = '';
      child.stdout.on('data', chunk => (output += String(chunk)));
      child.stderr.on('data', chunk => (output += String(chunk)));
      child.on('error', reject);
      child.on('close', code => resolve({ code, output }));
      child.stdin.end(input);
    });

  /** What the Deployment's controller would report. */
  const report = (replicas: number): void => {
    const live = store.get(webRef);
    if (live === undefined) throw new Error('there is no Deployment');
    const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
    const status = { observedGeneration: live.metadata.generation, ...counts };
    store.update({ ...live, status }, { part: 'status' });
  };

  it('applies server-side, twice, with conflict and with force', async () => {
    const args = 'apply --server-side -f -';
    expect(await kubectl(args, manifest('site:v1'))).toEqual({
      code: 0,
      output: 'deployment.apps/web serverside-applied\nservice/web serverside-applied\n',
    });
    const version = store.get(webRef)?.metadata.resourceVersion;
    await kubectl(args, manifest('site:v1'));
    expect(store.get(webRef)?.metadata.resourceVersion).toBe(version);
    const conflict = await kubectl(`${args} --field-manager=other`, manifest('site:v2'));
    expect(conflict.code).toBe(1);
    expect(conflict.output).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl": .spec.template.spec.containers[name="web"].image',
    );
    expect((await kubectl(`${args} --field-manager=other --force-conflicts`, manifest('site:v2'))).code).toBe(0);
    expect(store.get(webRef)?.spec).toMatchObject({ template: { spec: { containers: [{ image: 'site:v2' }] } } });
  });

  it('names an unknown field', async () => {
    const { code, output } = await kubectl(
      'apply --server-side -f -',
      manifest('site:v1').replace('replicas', 'replica'),
    );
    expect([code, output.includes('.spec.replica: field not declared in schema')]).toEqual([1, true]);
  });

  it('applies client-side, also over what was applied server-side, and removes what left the manifest', async () => {
    expect((await kubectl('apply -f -', manifest('site:v3', ', {name: B, value: "2"}'))).code).toBe(0);
    const again = await kubectl('apply -f -', manifest('site:v3', ', {name: B, value: "2"}'));
    expect(again.output).toContain('deployment.apps/web unchanged');
    await kubectl('apply -f -', manifest('site:v3'));
    const containers = await kubectl('get deployment web -o jsonpath={.spec.template.spec.containers[0].env}');
    expect(containers.output).toBe('[{"name":"A","value":"1"}]');
  });

  it('gets tables, YAML and selections', async () => {
    const table = await kubectl('get deployments,services');
    expect(table.output).toMatch(/deployment\.apps\/web +0\/2 +0 +0/);
    expect(table.output).toMatch(/service\/web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
    expect((await kubectl('get deployment web -o yaml')).output).toContain('progressDeadlineSeconds: 600');
    expect((await kubectl('get configmaps -l app=none')).output).toBe('No resources found in default namespace.\n');
    expect((await kubectl('get deployment none')).output).toBe(
      'Error from server (NotFound): deployments.apps "none" not found\n',
    );
  });

  it('scales, sets an image, labels, restarts and patches', async () => {
    expect((await kubectl('scale deployment web --replicas=3')).output).toBe('deployment.apps/web scaled\n');
    expect((await kubectl('set image deployment/web web=site:v4')).output).toBe('deployment.apps/web image updated\n');
    expect((await kubectl('label deployment web tier=front')).output).toBe('deployment.apps/web labeled\n');
    expect((await kubectl('rollout restart deployment/web')).output).toBe('deployment.apps/web restarted\n');
    expect((await kubectl('patch deployment web --type=merge -p {"spec":{"paused":false}}')).code).toBe(0);
    expect(store.get(webRef)).toMatchObject({
      metadata: { labels: { tier: 'front' } },
      spec: { replicas: 3, template: { spec: { containers: [{ image: 'site:v4', env: [{ name: 'A' }] }] } } },
    });
  });

  it('follows a rollout to its end', async () => {
    report(1);
    const following = kubectl('rollout status deployment/web --timeout=30s');
    const end = store.watch(webRef, () => undefined);
    report(3);
    end();
    const { code, output } = await following;
    expect([code, output.trim().split('\n').at(-1)]).toEqual([0, 'deployment "web" successfully rolled out']);
  });

  it('shows logs', async () => {
    const spec = { containers: [{ name: 'web', image: 'site:v1' }] };
    store.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'default' }, spec });
    expect(await kubectl('logs web-1')).toEqual({ code: 0, output: 'line one\nline two\n' });
  });

  it('waits for conditions and watches', async () => {
    const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`;
    await kubectl('apply -f -', definition);
    const waited = await kubectl('wait --for=condition=Established crd/widgets.example.com --timeout=30s');
    expect(waited.output).toBe('customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met\n');
    await kubectl('apply -f -', 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one}\nspec: {size: 1}\n');
    const watched = await kubectl('get widgets -w --output-watch-events --request-timeout=2s');
    expect(watched.output).toMatch(/ADDED +one/);
  });

  it('shows the user', async () => {
    expect((await kubectl('auth whoami')).output).toContain('sandbox-admin');
  });

  it('deletes and waits for the end', async () => {
    const { code, output } = await kubectl('delete deployment,service web --timeout=30s');
    expect([code, output]).toEqual([0, 'deployment.apps "web" deleted\nservice "web" deleted\n']);
    expect(store.get(webRef)).toBeUndefined();
  });
});
