import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createStore } from '../../sandbox/api/memory-store.js';
import { startApiServer, type ApiServer } from '../../sandbox/api/server.js';
import { ApiClient } from './api-client.js';
import { rows } from './apply-rows.js';

/** Path of a kubeconfig with embedded certificates: the rows then run against that cluster instead of the sandbox. */
const realCluster = process.env.CONFORMANCE_KUBECONFIG;

describe('server-side apply', () => {
  let server: ApiServer | undefined;
  let api: ApiClient;
  let count = 0;
  const made: string[] = [];
  const prefix = `conformance-${process.pid}`;

  beforeAll(async () => {
    if (realCluster === undefined) {
      const runtime = { logs: () => undefined, podPort: () => undefined, servicePorts: () => [] };
      server = await startApiServer({ store: createStore(), runtime });
    }
    api = new ApiClient(server?.kubeconfig ?? readFileSync(realCluster ?? '', 'utf8'));
  });

  afterAll(async () => {
    await Promise.all(made.map(name => api.send({ method: 'DELETE', path: `/api/v1/namespaces/${name}` })));
    api.close();
    await server?.close();
  });

  it.each(rows)('$title', async ({ run, expected }) => {
    count += 1;
    const namespace = `${prefix}-${count}`;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    const created = await api.send({ method: 'POST', path: '/api/v1/namespaces', body });
    expect(created.status).toBe(201);
    made.push(namespace);
    expect(await run({ api, namespace })).toEqual(expected);
  });
});
