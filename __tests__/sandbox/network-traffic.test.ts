import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, get } from 'node:http';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { DEPLOYMENT, SERVICE } from '../../sandbox/controllers/kinds.js';
import type { Container } from '../../sandbox/controllers/pod.js';
import type { TestCluster } from '../support/sandbox/test-cluster.js';
import { isRolledOut, startTestCluster, webDeployment, webService } from '../support/sandbox/test-cluster.js';

let cluster: TestCluster;
afterEach(() => cluster.close());

/** One request on its own connection; undefined: lost. */
function ask(url: string, agent: Agent | false = false): Promise<string | undefined> {
  return new Promise(resolve => {
    const call = get(url, { agent }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(response.statusCode === 200 ? text.trim() : undefined));
      response.on('error', () => resolve(undefined));
    });
    call.on('error', () => resolve(undefined));
  });
}

/** Eight clients that ask without a pause until they are stopped and have asked often enough. */
function startLoad(url: string, least: number): { stop(): Promise<{ sent: number; lost: number }> } {
  const state = { running: true, sent: 0, lost: 0 };
  const client = async () => {
    while (state.running || state.sent < least) {
      const answer = await ask(url);
      state.sent += 1;
      if (answer === undefined) state.lost += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, client));
  return {
    async stop() {
      state.running = false;
      await clients;
      return { sent: state.sent, lost: state.lost };
    },
  };
}

async function serve(container: Partial<Container>): Promise<string> {
  cluster.store.create(webDeployment({ container }));
  cluster.store.create(webService());
  await cluster.until('a complete rollout', () => isRolledOut(cluster.get(DEPLOYMENT, 'web')));
  return answering('site v1');
}

/** The Service's URL once it gives that answer. */
async function answering(answer: string): Promise<string> {
  const url = await cluster.until('a port', () => cluster.live.serviceUrl('default', 'web'));
  for (;;) if ((await ask(url)) === answer) return url;
}

async function rollTo(image: string, container: Partial<Container>): Promise<void> {
  const live = cluster.get(DEPLOYMENT, 'web')!;
  const { template } = webDeployment({ image, container }).spec;
  cluster.store.update({ ...live, spec: { ...live.spec, template } });
  await cluster.until('a complete rollout', () => isRolledOut(cluster.get(DEPLOYMENT, 'web')));
  await cluster.until('the old pods to go', () => cluster.pods().every(({ metadata }) => !metadata.deletionTimestamp));
}

describe('a rolling update under load', () => {
  it('loses no request when the pods wait in preStop until traffic has left', async () => {
    cluster = startTestCluster({ secondMs: 100, propagationMs: 100 });
    const patient = { lifecycle: { preStop: { sleep: { seconds: 6 } } } };
    const url = await serve(patient);
    const load = startLoad(url, 300);
    await rollTo('site:v2', patient);
    const { sent, lost } = await load.stop();
    expect(sent).toBeGreaterThanOrEqual(300);
    expect(lost).toBe(0);
    expect(await ask(url)).toBe('site v2');
  });

  it('loses requests when the pods stop at once, since routes are late', async () => {
    cluster = startTestCluster({ secondMs: 20, propagationMs: 200 });
    const url = await serve({});
    const load = startLoad(url, 100);
    await rollTo('site:v2', {});
    const { lost } = await load.stop();
    expect(lost).toBeGreaterThan(0);
  });
});

describe('a Service whose selector is switched', () => {
  it('moves new connections after the propagation delay and leaves kept-alive ones where they are', async () => {
    cluster = startTestCluster({ propagationMs: 1000 });
    const { store } = cluster;
    const roles = ['blue', 'green'].map((role, index) => {
      const plain = webDeployment({ image: `site:v${index + 1}`, replicas: 1 });
      const labels = { app: 'web', role };
      const template = { ...plain.spec.template, metadata: { labels } };
      const metadata = { ...plain.metadata, name: `web-${role}` };
      return { ...plain, metadata, spec: { ...plain.spec, template, selector: { matchLabels: labels } } };
    });
    for (const role of roles) store.create(role);
    store.create(webService({ app: 'web', role: 'blue' }));
    await cluster.until('both roles', () =>
      ['web-blue', 'web-green'].every(name => isRolledOut(cluster.get(DEPLOYMENT, name))),
    );
    const url = await answering('site v1');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask(url, agent)).toBe('site v1');

    const service = cluster.get(SERVICE, 'web')!;
    store.update({ ...service, spec: { ...service.spec, selector: { app: 'web', role: 'green' } } });
    expect(await ask(url)).toBe('site v1');
    await answering('site v2');
    expect(await ask(url, agent)).toBe('site v1');
    expect(await ask(url)).toBe('site v2');
    agent.destroy();
  });
});

describe('a Service port', () => {
  it('resets connections without a ready backend', async () => {
    cluster = startTestCluster();
    cluster.store.create(webService());
    const url = await cluster.until('a port', () => cluster.live.serviceUrl('default', 'web'));
    expect(await ask(url)).toBeUndefined();
  });

  it('spreads new connections over all ready pods', async () => {
    cluster = startTestCluster({ propagationMs: 0 });
    const url = await serve({});
    const names = await Promise.all(
      Array.from(
        { length: 9 },
        () =>
          new Promise<string>(resolve =>
            get(url, { agent: false }, response => {
              response.resume();
              resolve(String(response.headers['x-pod']));
            }),
          ),
      ),
    );
    expect([...new Set(names)].sort()).toEqual(
      cluster
        .pods()
        .map(({ metadata }) => metadata.name)
        .sort(),
    );
  });

  it('ends a connection when its pod stops, and resets it when the client goes on', async () => {
    cluster = startTestCluster({ propagationMs: 0 });
    const url = await serve({});
    const client = connect({ host: '127.0.0.1', port: Number(new URL(url).port), allowHalfOpen: true });
    client.write('GET /version HTTP/1.1\r\nHost: web\r\n\r\n');
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*v1\n/);
    const ended = once(client, 'end');
    cluster.store.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web' });
    await ended;
    const errors: Error[] = [];
    client.on('error', error => errors.push(error));
    while (errors.length === 0) {
      client.write('GET');
      await new Promise(resolve => setImmediate(resolve));
    }
    expect(errors[0]?.message).toMatch(/ECONNRESET|EPIPE/);
  });

  it('stays open for the life of the Service and closes with it', async () => {
    cluster = startTestCluster({ propagationMs: 0 });
    const url = await serve({});
    await rollTo('site:v2', {});
    expect(cluster.live.serviceUrl('default', 'web')).toBe(url);
    cluster.store.remove({ apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'web' });
    while ((await ask(url)) !== undefined);
    expect(cluster.live.serviceUrl('default', 'web')).toBeUndefined();
  });

  it('that is in use becomes a warning on the Service', async () => {
    const nodePort = 30517;
    const squatter = createServer();
    // If another program has the port, it is taken as well.
    await new Promise<void>(resolve => squatter.once('error', () => resolve()).listen(nodePort, '127.0.0.1', resolve));
    cluster = startTestCluster({ nodePorts: 'real' });
    const service = webService();
    const ports = [{ port: 80, targetPort: 'http', nodePort }];
    cluster.store.create({ ...service, spec: { ...service.spec, ports } });
    const event = await cluster.until('the event', () =>
      cluster.store.list({ apiVersion: 'v1', kind: 'Event' }).find(({ reason }) => reason === 'PortNotOpened'),
    );
    expect(event).toMatchObject({ type: 'Warning', involvedObject: { kind: 'Service', name: 'web' } });
    expect(event['message']).toMatch(/^nodePort 30517 cannot be opened on 127\.0\.0\.1, .*EADDRINUSE/);
    expect(cluster.live.serviceUrl('default', 'web')).toBeUndefined();
    squatter.close();
  });

  it('of a LoadBalancer gives it an address', async () => {
    cluster = startTestCluster();
    const service = webService();
    cluster.store.create({ ...service, spec: { ...service.spec, type: 'LoadBalancer' } });
    const status = await cluster.until('an address', () => {
      const found = cluster.get(SERVICE, 'web')?.['status'] as { loadBalancer?: { ingress?: unknown } } | undefined;
      return found?.loadBalancer?.ingress;
    });
    expect(status).toEqual([{ ip: '127.0.0.1', ipMode: 'VIP' }]);
    await cluster.until('a port', () => cluster.live.serviceUrl('default', 'web'));
  });
});
