import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { openApiProxy, type ApiProxy, type Hold } from '../support/kill/proxy.js';
import { writeOf } from '../support/kill/writes.js';
import { configMap, configMaps, startTestApi } from '../support/sandbox/api-server.js';

const proxies: ApiProxy[] = [];

async function openProxy(...options: Parameters<typeof openApiProxy>): Promise<ApiProxy> {
  const proxy = await openApiProxy(...options);
  proxies.push(proxy);
  return proxy;
}

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

const lease = '/apis/coordination.k8s.io/v1/namespaces/shop/leases';

describe('A write', () => {
  it.each([
    ['POST', '/api/v1/namespaces/shop/configmaps', '{"metadata":{"name":"web"}}', 'POST configmaps/web'],
    ['POST', '/api/v1/namespaces', '{"metadata":{"name":"shop"}}', 'POST namespaces/shop'],
    ['PATCH', '/apis/apps/v1/namespaces/shop/deployments/web?force=true', '{}', 'PATCH deployments/web'],
    ['PATCH', '/apis/apps/v1/namespaces/shop/deployments/web/scale', '{}', 'PATCH deployments/web/scale'],
    ['DELETE', '/api/v1/namespaces/shop', '', 'DELETE namespaces/shop'],
    ['DELETE', `${lease}/web`, '', 'DELETE leases/web'],
  ])('is named after its verb, resource and object: %s %s', (...[method, path, body, name]) => {
    expect(writeOf(method, path, body)).toMatchObject({ name });
  });

  it.each([
    ['GET', '/api/v1/namespaces/shop/configmaps/web'],
    ['PATCH', '/apis/apps/v1/namespaces/shop/deployments/web?dryRun=All&fieldManager=cutover'],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
    ['POST', '/api/v1/namespaces/shop/services/web:80/proxy/orders'],
  ])('is not %s %s', (method, path) => {
    expect(writeOf(method, path, '{}')).toBeUndefined();
  });

  it('to a Lease tells who holds it then', () => {
    const [held, free] = ['{"spec":{"holderIdentity":"1000/1"}}', '{"spec":{"holderIdentity":""}}'];
    expect(writeOf('POST', lease, held)?.holder).toBe('1000/1');
    expect(writeOf('PUT', `${lease}/web`, held)?.holder).toBe('1000/1');
    expect(writeOf('PUT', `${lease}/web`, free)?.holder).toBe('');
    expect(writeOf('DELETE', `${lease}/web`, '')?.holder).toBe('');
    expect(writeOf('PATCH', `${lease}/web`, '{"spec":{"renewTime":"now"}}')?.holder).toBe('same');
  });
});

describe('A proxy that holds a write', () => {
  for (const [moment, arrives] of [
    ['before', false],
    ['done', true],
  ] as const)
    it(`lets nobody hear of it, and ${arrives ? 'has it carried out' : 'keeps it from the server'} (${moment})`, async () => {
      const { server, api } = await startTestApi();
      const held = new AbortController();
      const hold: Hold = { write: 'POST configmaps/web #2', moment, onHeld: () => held.abort() };
      const proxy = await openProxy(server.kubeconfig, hold);
      expect((await post(proxy, 'web')).status).toBe(201);
      await api.send({ method: 'DELETE', path: `${configMaps}/web` });
      const client = new AbortController();
      const answer = post(proxy, 'web', client.signal);
      if (!held.signal.aborted) await once(held.signal, 'abort');
      client.abort();
      await expect(answer).rejects.toThrow(/abort/);
      expect((await api.get(`${configMaps}/web`)).status).toBe(arrives ? 200 : 404);
      // Later requests pass.
      expect((await post(proxy, 'other')).status).toBe(201);
      expect(proxy.writes).toEqual(['POST configmaps/web #1', 'POST configmaps/web #2', 'POST configmaps/other #1']);
    });
});

describe('A write that is let go', () => {
  for (const moment of ['before', 'done'] as const)
    it(`is carried out and answered late (${moment})`, async () => {
      const { server, api } = await startTestApi();
      const seen: number[] = [];
      const onHeld: Hold['onHeld'] = held =>
        void api.get(`${configMaps}/web`).then(({ status }) => {
          seen.push(status);
          held.pass();
        });
      const proxy = await openProxy(server.kubeconfig, { write: 'POST configmaps/web #1', moment, onHeld });
      expect((await post(proxy, 'web')).status).toBe(201);
      expect(seen).toEqual([moment === 'done' ? 200 : 404]);
    });

  it('is lost with its connection if it is dropped', async () => {
    const { server } = await startTestApi();
    const onHeld: Hold['onHeld'] = held => held.drop();
    const proxy = await openProxy(server.kubeconfig, { write: 'POST configmaps/web #1', moment: 'before', onHeld });
    await expect(post(proxy, 'web')).rejects.toThrow(/fetch failed/);
  });
});

describe('The writes that a proxy has seen', () => {
  it('are without the renewals of a Lease', async () => {
    const { server } = await startTestApi();
    const proxy = await openProxy(server.kubeconfig);
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const held = (holderIdentity: string): object => ({ metadata: { name: 'web' }, spec: { holderIdentity } });
    await send(proxy, { path, method: 'POST', body: held('1000/1') });
    await send(proxy, { path: `${path}/web`, method: 'PATCH', body: held('1000/1') });
    await send(proxy, { path: `${path}/web`, method: 'PATCH', body: held('') });
    // Refused, so that the next write is the one that acquires it.
    await send(proxy, { path, method: 'POST', body: held('1000/2') });
    await send(proxy, { path: `${path}/web`, method: 'PATCH', body: held('1000/2') });
    await send(proxy, { path: `${path}/web`, method: 'PATCH', body: held('1000/2') });
    await send(proxy, { path: `${path}/web`, method: 'DELETE' });
    expect(proxy.writes).toEqual([
      'POST leases/web #1',
      'PATCH leases/web #1',
      'POST leases/web #2',
      'PATCH leases/web #2',
      'DELETE leases/web #1',
    ]);
  });
});

function post(proxy: ApiProxy, name: string, signal?: AbortSignal): Promise<Response> {
  return send(proxy, { path: configMaps, method: 'POST', body: configMap(name), ...(signal && { signal }) });
}

function send(
  { kubeconfig }: ApiProxy,
  sent: { readonly path: string; readonly method: string; readonly body?: object; readonly signal?: AbortSignal },
): Promise<Response> {
  const { path, body, ...rest } = sent;
  const file = load(kubeconfig) as { readonly clusters: readonly [{ readonly cluster: { readonly server: string } }] };
  return fetch(`${file.clusters[0].cluster.server}${path}`, {
    headers: { 'content-type': `application/${sent.method === 'PATCH' ? 'merge-patch+json' : 'json'}` },
    ...(body && { body: JSON.stringify(body) }),
    ...rest,
  });
}
