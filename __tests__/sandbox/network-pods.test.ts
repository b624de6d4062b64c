import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { conditionOf } from '../../sandbox/controllers/condition.js';
import type { Job } from '../../sandbox/controllers/kinds.js';
import { ENDPOINT_SLICE, JOB, listKind, POD } from '../../sandbox/controllers/kinds.js';
import type { Container, ContainerStatus, Pod, PodSpec } from '../../sandbox/controllers/pod.js';
import { isReady } from '../../sandbox/controllers/pod.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import type { TestCluster } from '../support/sandbox/test-cluster.js';
import { startTestCluster, webService } from '../support/sandbox/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster();
});
afterEach(() => cluster.close());

/** A pod `web` with one container of the image. */
function webPod(image: string, change: Partial<Container> = {}, spec: Partial<PodSpec> = {}): Pod {
  const port = image.startsWith('tomcat') ? '/' : '/readyz';
  const container: Container = {
    name: 'web',
    image,
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: port, port: 'http' }, periodSeconds: 1 },
    ...change,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [container], ...spec },
  };
}

const pod = () => cluster.get(POD, 'web');
const container = (): ContainerStatus | undefined => pod()?.status?.containerStatuses?.[0];
const waitingFor = (reason: string) =>
  cluster.until(reason, () => {
    const found = container();
    return found?.state.waiting?.reason === reason && found;
  });
const ready = () => cluster.until('a ready pod', () => pod() && isReady(pod()!));
const events = () =>
  listKind(cluster.store, { apiVersion: 'v1', kind: 'Event' }, 'default').filter(
    event => (event['involvedObject'] as { kind: string }).kind === 'Pod',
  );
const messagesOf = (reason: string) =>
  events()
    .filter(event => event['reason'] === reason)
    .map(event => event['message']);
const config = (kind: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'settings', namespace: 'default' },
  ...(kind === 'Secret' ? { stringData: data } : { data }),
});
const log = (previous = false) => cluster.live.runtime.logs({ namespace: 'default', name: 'web', previous });

/** GET of the pod itself, not through a Service. */
async function fetchPod(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const port = cluster.live.runtime.podPort('default', 'web', 8080);
  return fetch(`http://127.0.0.1:${port ?? 0}${path}`, { headers });
}

describe('a healthy pod', () => {
  it('runs, is ready and has an address', async () => {
    cluster.store.create(webPod('site:v1'));
    await ready();
    expect(pod()?.status).toMatchObject({ phase: 'Running', podIP: '10.244.0.1', hostIP: '127.0.0.1' });
    expect(Object.fromEntries((pod()?.status?.conditions ?? []).map(({ type, status }) => [type, status]))).toEqual({
      PodScheduled: 'True',
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      ContainersReady: 'True',
      Ready: 'True',
    });
    expect(container()).toMatchObject({
      image: 'docker.io/library/site:v1',
      ready: true,
      started: true,
      restartCount: 0,
    });
    expect(events().map(event => event['reason'])).toEqual(
      expect.arrayContaining(['Scheduled', 'Pulling', 'Pulled', 'Started']),
    );
  });

  it.each([
    ['site:v1', '/', 'site v1\n'],
    ['site:v1', '/version', 'v1\n'],
    ['site:v1', '/healthz', 'ok\n'],
    ['site:v1', '/readyz', 'ready\n'],
  ])('of %s answers %s as the site does', async (image, path, text) => {
    cluster.store.create(webPod(image));
    await ready();
    const answer = await fetchPod(path);
    expect([answer.status, await answer.text(), answer.headers.get('x-pod')]).toEqual([200, text, 'web']);
  });

  it.each([
    ['tomcat:7', '7.0.109'],
    ['tomcat:8', '8.5.100'],
    ['tomcat:9', '9.0.98'],
    ['tomcat:10.1.2', '10.1.2'],
    ['tomcat:9-wrong', '7.0.109'],
  ])('of %s shows the page of %s', async (image, version) => {
    cluster.store.create(webPod(image));
    await ready();
    expect(await (await fetchPod('/')).text()).toContain(`<h1>Apache Tomcat/${version}</h1>`);
    expect((await fetchPod('/nowhere')).status).toBe(404);
  });

  it('gets its environment from values, ConfigMaps, Secrets and fields', async () => {
    cluster.store.create(config('ConfigMap', { NAME: 'green' }));
    cluster.store.create(config('Secret', { word: 'secret-word' }));
    const secretKeyRef = { name: 'settings', key: 'word' };
    cluster.store.create(
      webPod('site:v1', {
        envFrom: [{ prefix: 'MY_', configMapRef: { name: 'settings' } }],
        env: [
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'WORD', valueFrom: { secretKeyRef } },
          { name: 'VERSION', value: '$(MY_NAME)/$(WORD)/$(POD)/$(APP)/$$(POD)/$(NONE)' },
        ],
      }),
    );
    await ready();
    expect(await (await fetchPod('/version')).text()).toBe('green/secret-word/web/web/$(POD)/$(NONE)\n');
  });

  it('is not ready as a whole while one of its containers is not', async () => {
    const task: Container = { name: 'task', image: 'task:ok' };
    const spec = webPod('site:v1').spec;
    cluster.store.create({ ...webPod('site:v1'), spec: { containers: [...spec.containers, task] } });
    const statuses = await cluster.until('the server to be ready and the task to end', () => {
      const found = pod()?.status?.containerStatuses;
      return found?.[1]?.ready && found[0]?.state.terminated && found;
    });
    expect(statuses.map(({ name, ready: is }) => [name, is])).toEqual([
      ['task', false],
      ['web', true],
    ]);
    expect(conditionOf(pod()?.status?.conditions, 'Ready')?.message).toBe('containers with unready status: [task]');
  });
});

describe('a failing pod', () => {
  it.each(['site:broken', 'tomcat:9-broken'])('of %s ends in a crash loop with its log and exit code', async image => {
    cluster.store.create(webPod(image));
    const status = await waitingFor('CrashLoopBackOff');
    expect(status.lastState.terminated).toMatchObject({ exitCode: 1, reason: 'Error' });
    expect(status.restartCount).toBe(1);
    expect(status.state.waiting?.message).toMatch(/^back-off 10s restarting failed container=web pod=web_default\(/);
    expect(pod()?.status?.phase).toBe('Running');
    expect(log()).toMatch(/crashes, as set by CRASH_AFTER=0s|Catalina cannot start/);
    expect(log(true)).toBe(log());
    expect(messagesOf('BackOff')[0]).toMatch(/^Back-off restarting failed container web in pod web_default\(/);
  });

  it.each(['site:never-ready', 'tomcat:9-never-ready'])('of %s runs and never becomes ready', async image => {
    cluster.store.create(webPod(image));
    await cluster.until('three failed probes', () =>
      events().find(event => event['reason'] === 'Unhealthy' && Number(event['count']) >= 3),
    );
    expect(messagesOf('Unhealthy')).toEqual(['Readiness probe failed: HTTP probe failed with statuscode: 503']);
    expect(container()).toMatchObject({ ready: false, started: true, restartCount: 0 });
    expect(conditionOf(pod()?.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [web]',
    });
  });

  it.each(['site:slow', 'tomcat:8-slow'])('of %s becomes ready after a while', async image => {
    cluster.store.create(webPod(image));
    await ready();
    expect(messagesOf('Unhealthy')).toHaveLength(1);
  });

  it.each(['site:v2-http500', 'tomcat:9-http500'])('of %s is ready, but its page fails', async image => {
    cluster.store.create(webPod(image));
    await ready();
    expect((await fetchPod('/')).status).toBe(500);
  });

  it('whose image does not exist goes from ErrImagePull to ImagePullBackOff', async () => {
    cluster.store.create(webPod('site:nosuchtag'));
    const first = await waitingFor('ErrImagePull');
    expect(first.state.waiting?.message).toMatch(/site:nosuchtag: not found$/);
    const second = await waitingFor('ImagePullBackOff');
    expect(second.state.waiting?.message).toMatch(/^Back-off pulling image "site:nosuchtag": ErrImagePull: /);
    expect(pod()?.status?.phase).toBe('Pending');
    expect(messagesOf('Failed')).toEqual(
      expect.arrayContaining([
        'Error: ErrImagePull',
        expect.stringMatching(/^Failed to pull image "site:nosuchtag": /),
      ]),
    );
    expect(log()).toBeUndefined();
  });

  it('whose image has an invalid name reports InvalidImageName', async () => {
    cluster.store.create(webPod('Site:V1'));
    const { state } = await waitingFor('InvalidImageName');
    expect(state.waiting?.message).toContain('invalid reference format');
  });

  it('may not pull under policy Never', async () => {
    cluster.store.create(webPod('site:v1', { imagePullPolicy: 'Never' }));
    await waitingFor('ErrImageNeverPull');
  });

  it.each([
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }] },
      'configmap "settings" not found',
    ],
    [{ envFrom: [{ secretRef: { name: 'settings' } }] }, 'secret "settings" not found'],
  ])('whose configuration %j is missing waits for it', async (change, message) => {
    cluster.store.create(webPod('site:v1', change));
    expect((await waitingFor('CreateContainerConfigError')).state.waiting?.message).toBe(message);
    const kind = message.startsWith('secret') ? 'Secret' : 'ConfigMap';
    cluster.store.create(config(kind, { a: 'b' }));
    await ready();
  });

  it('whose ConfigMap lacks the key names the key', async () => {
    cluster.store.create(config('ConfigMap', { a: 'b' }));
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'other' } } }];
    cluster.store.create(webPod('site:v1', { env }));
    const { state } = await waitingFor('CreateContainerConfigError');
    expect(state.waiting?.message).toBe("couldn't find key other in ConfigMap default/settings");
  });

  it('whose volume is missing is not started, and an Event reports why', async () => {
    const volumes = [{ name: 'conf', configMap: { name: 'settings' } }];
    cluster.store.create(webPod('site:v1', {}, { volumes }));
    await cluster.until('the event', () => messagesOf('FailedMount').length > 0);
    expect(messagesOf('FailedMount')).toEqual([
      'MountVolume.SetUp failed for volume "conf" : configmap "settings" not found',
    ]);
    expect(container()?.state.waiting?.reason).toBe('ContainerCreating');
    cluster.store.create(config('ConfigMap', {}));
    await ready();
  });

  it('that fits no node stays Pending and reports it', async () => {
    cluster.store.create(webPod('site:v1', {}, { nodeSelector: { disk: 'ssd' } }));
    const condition = await cluster.until('the verdict', () => conditionOf(pod()?.status?.conditions, 'PodScheduled'));
    expect(condition).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(pod()?.status?.phase).toBe('Pending');
  });

  it('whose liveness probe fails is restarted', async () => {
    const livenessProbe = { httpGet: { path: '/nowhere', port: 8080 }, periodSeconds: 1 };
    cluster.store.create(webPod('site:v1', { livenessProbe }));
    await cluster.until('a restart', () => (container()?.restartCount ?? 0) > 0);
    expect(messagesOf('Killing')).toEqual(['Container web failed liveness probe, will be restarted']);
    expect(container()?.lastState.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(log(true)).toContain('got terminated');
  });

  it('is not judged by liveness before its startup probe has passed', async () => {
    const startupProbe = { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1, failureThreshold: 30 };
    const livenessProbe = { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1, failureThreshold: 1 };
    cluster.store.create(webPod('site:slow', { startupProbe, livenessProbe }));
    await ready();
    expect(container()).toMatchObject({ started: true, restartCount: 0 });
    expect(messagesOf('Unhealthy')).toEqual(['Startup probe failed: HTTP probe failed with statuscode: 503']);
  });

  it('whose two containers use one port crashes in the second', async () => {
    const [first] = webPod('site:v1').spec.containers;
    cluster.store.create({ ...webPod('site:v1'), spec: { containers: [first!, { name: 'twin', image: 'site:v1' }] } });
    await cluster.until('a crash', () =>
      pod()?.status?.containerStatuses?.some(({ restartCount }) => restartCount > 0),
    );
    const logs = ['web', 'twin'].map(name =>
      cluster.live.runtime.logs({ namespace: 'default', name: 'web', container: name, tailLines: 1 }),
    );
    expect(logs).toContain('listen tcp :8080: bind: address already in use\n');
  });
});

describe('init containers', () => {
  it('run to completion before the pod starts', async () => {
    const initContainers = [{ name: 'prepare', image: 'task:ok' }];
    cluster.store.create(webPod('site:v1', {}, { initContainers }));
    const early = await cluster.until('the init container', () => {
      const status = pod()?.status;
      return status?.initContainerStatuses?.[0]?.state.running && status;
    });
    expect(early.phase).toBe('Pending');
    expect(early.containerStatuses?.[0]?.state.waiting?.reason).toBe('PodInitializing');
    await ready();
    expect(pod()?.status?.initContainerStatuses?.[0]?.state.terminated?.reason).toBe('Completed');
  });

  it('that fail keep the pod from starting', async () => {
    const initContainers = [{ name: 'prepare', image: 'task:fail' }];
    cluster.store.create(webPod('site:v1', {}, { initContainers, restartPolicy: 'Never' }));
    await cluster.until('failure', () => pod()?.status?.phase === 'Failed');
    expect(container()?.state.waiting?.reason).toBe('PodInitializing');
  });
});

describe('a pod that is deleted', () => {
  const endpoints = () => listKind(cluster.store, ENDPOINT_SLICE, 'default').flatMap(({ endpoints: all }) => all ?? []);

  it('leaves the endpoints at once, keeps serving during preStop, and then ends', async () => {
    cluster.store.create(webService());
    cluster.store.create(webPod('site:v1', { lifecycle: { preStop: { sleep: { seconds: 20 } } } }));
    await cluster.until('an endpoint', () => endpoints().some(({ conditions }) => conditions?.ready));
    cluster.store.remove({ ...POD, name: 'web', namespace: 'default' });
    const [endpoint] = await cluster.until('termination', () => {
      const found = endpoints();
      return found[0]?.conditions?.terminating === true && found;
    });
    expect(endpoint?.conditions).toEqual({ ready: false, serving: true, terminating: true });
    expect(await (await fetchPod('/')).text()).toBe('site v1\n');
    await cluster.until('the pod to go', () => pod() === undefined);
    expect(cluster.live.runtime.podPort('default', 'web', 8080)).toBeUndefined();
    await cluster.until('the endpoint to go', () => endpoints().length === 0);
    expect(messagesOf('Killing')).toEqual(['Stopping container web']);
  });

  it('keeps serving after SIGTERM for its GRACE', async () => {
    cluster.store.create(webPod('site:v1', { env: [{ name: 'GRACE', value: '20s' }] }));
    await ready();
    cluster.store.remove({ ...POD, name: 'web', namespace: 'default' });
    await cluster.until('SIGTERM', () => log()?.includes('got terminated, serves for 20s more'));
    expect((await fetchPod('/')).status).toBe(200);
    await cluster.until('the pod to go', () => pod() === undefined);
  });

  it('is killed when its grace is over', async () => {
    const env = [{ name: 'GRACE', value: '10h' }];
    cluster.store.create(webPod('site:v1', { env }, { terminationGracePeriodSeconds: 3 }));
    await ready();
    const codes: (number | undefined)[] = [];
    cluster.store.watch(POD, () => codes.push(container()?.state.terminated?.exitCode));
    cluster.store.remove({ ...POD, name: 'web', namespace: 'default' });
    await cluster.until('the pod to go', () => pod() === undefined);
    expect(codes).toContain(137);
  });

  it('ends at once without a grace period', async () => {
    cluster.store.create(webPod('site:v1'));
    await ready();
    cluster.store.remove({ ...POD, name: 'web', namespace: 'default' }, { gracePeriodSeconds: 0 });
    expect(pod()).toBeUndefined();
    await cluster.until('the port to close', () => cluster.live.runtime.podPort('default', 'web', 8080) === undefined);
  });

  it('is removed also when it never started', async () => {
    cluster.store.create(webPod('site:nosuchtag'));
    await waitingFor('ImagePullBackOff');
    cluster.store.remove({ ...POD, name: 'web', namespace: 'default' });
    await cluster.until('the pod to go', () => pod() === undefined);
  });
});

describe('a Job', () => {
  const job = (image: string, spec: Partial<Job['spec']> = {}): Job => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once', namespace: 'default' },
    spec: { template: { spec: { containers: [{ name: 'task', image }], restartPolicy: 'Never' } }, ...spec },
  });
  const condition = (type: string) => conditionOf(cluster.get(JOB, 'once')?.status?.conditions, type);

  it('is Complete when its pod has succeeded', async () => {
    cluster.store.create(job('task:ok'));
    await cluster.until('completion', () => condition('Complete'));
    expect(cluster.get(JOB, 'once')?.status).toMatchObject({ succeeded: 1 });
    expect(cluster.pods().map(({ status }) => status?.phase)).toEqual(['Succeeded']);
    expect(cluster.pods()[0]?.metadata.labels).toMatchObject({ 'batch.kubernetes.io/job-name': 'once' });
  });

  it('is Failed when backoffLimit pods have failed', async () => {
    cluster.store.create(job('task:fail', { backoffLimit: 1 }));
    const failed = await cluster.until('failure', () => condition('Failed'));
    expect(failed).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' });
    expect(cluster.pods().map(({ status }) => status?.phase)).toEqual(['Failed', 'Failed']);
  });

  it('is Failed at its deadline, and its pod stops', async () => {
    cluster.store.create(job('site:v1', { activeDeadlineSeconds: 5 }));
    const failed = await cluster.until('failure', () => condition('Failed'));
    expect(failed.reason).toBe('DeadlineExceeded');
    await cluster.until('the pod to go', () => cluster.pods().length === 0);
  });
});
