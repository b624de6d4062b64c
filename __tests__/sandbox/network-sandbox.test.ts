import { afterEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:https';
import { load } from 'js-yaml';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { startSandbox } from '../../sandbox/start.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { webDeployment, webService } from '../support/sandbox/test-cluster.js';

let sandbox: Sandbox;
afterEach(() => sandbox.close());

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One call of the API with the kubeconfig's client certificate. */
function call(method: string, path: string, body?: KubeObject): Promise<Answer> {
  const config = load(sandbox.kubeconfig) as {
    clusters: { cluster: { 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const pem = (data: string) => Buffer.from(data, 'base64');
  const { user } = config.users[0]!;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${sandbox.url}${path}`,
      {
        method,
        agent: false,
        ca: pem(config.clusters[0]!.cluster['certificate-authority-data']),
        cert: pem(user['client-certificate-data']),
        key: pem(user['client-key-data']),
        headers: { 'Content-Type': 'application/json' },
      },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body && JSON.stringify(body));
  });
}

/** Follows the Deployment until all its pods are available. */
function availability(replicas: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = async (): Promise<void> => {
      const { text } = await call('GET', '/apis/apps/v1/namespaces/default/deployments/web');
      const { status } = JSON.parse(text) as { status?: { availableReplicas?: number } };
      if (status?.availableReplicas === replicas) resolve();
      else await look();
    };
    look().catch(reject);
  });
}

describe('a sandbox', () => {
  it('runs the applied objects, and shows them through logs, proxies and the public port', async () => {
    sandbox = await startSandbox({ secondMs: 20, propagationMs: 0, nodePorts: 'any' });
    const { status } = await call(
      'POST',
      '/apis/apps/v1/namespaces/default/deployments',
      webDeployment({ replicas: 2 }),
    );
    expect(status).toBe(201);
    expect((await call('POST', '/api/v1/namespaces/default/services', webService())).status).toBe(201);
    await availability(2);

    const list = await call('GET', '/api/v1/namespaces/default/pods');
    const [pod] = (JSON.parse(list.text) as { items: KubeObject[] }).items;
    const path = `/api/v1/namespaces/default/pods/${pod!.metadata.name}`;
    expect((await call('GET', `${path}/log`)).text).toBe('site v1 listens on :8080\n');
    expect((await call('GET', `/api/v1/namespaces/default/pods/${pod!.metadata.name}:8080/proxy/version`)).text).toBe(
      'v1\n',
    );
    expect((await call('GET', '/api/v1/namespaces/default/services/web:80/proxy/')).text).toBe('site v1\n');

    const url = sandbox.serviceUrl('default', 'web');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(url!)).text()).toBe('site v1\n');
    expect(sandbox.serviceUrl('default', 'other')).toBeUndefined();
    expect(sandbox.calls.read().byVerbAndKind['POST Deployment']).toBe(1);
  });

  it('ends with everything it runs', async () => {
    sandbox = await startSandbox({ secondMs: 20, propagationMs: 0, nodePorts: 'any' });
    await call('POST', '/apis/apps/v1/namespaces/default/deployments', webDeployment({ replicas: 1 }));
    await call('POST', '/api/v1/namespaces/default/services', webService());
    await availability(1);
    const url = sandbox.serviceUrl('default', 'web');
    await sandbox.close();
    await expect(fetch(url!)).rejects.toThrow('fetch failed');
    await expect(call('GET', '/version')).rejects.toThrow('ECONNREFUSED');
  });
});
