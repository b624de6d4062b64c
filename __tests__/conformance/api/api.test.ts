import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonValue } from '../../../sandbox/api/schema/json.js';
import { type ClusterUnderTest } from '../../support/scenario/cluster-under-test.js';
import { startCluster } from '../../support/scenario/cluster.js';
import { ApiClient } from '../../support/sandbox/api-client.js';
import type { Row } from '../../support/conformance/api-row.js';
import { subjects } from './api-subjects.js';

const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

describe('the API server', () => {
  let cluster: ClusterUnderTest;
  let api: ApiClient;
  let count = 0;
  const made: string[] = [];

  const makeNamespace = async (): Promise<string> => {
    const name = `conformance-${process.pid}-${made.length}`;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    const created = await api.send({ method: 'POST', path: '/api/v1/namespaces', body });
    expect(created.status).toBe(201);
    made.push(name);
    return name;
  };

  /** Runs a row, and replaces the names and uids of this run in its observation. */
  const seen = async (row: Row, namespace: string): Promise<JsonValue> => {
    count += 1;
    const name = `web-${process.pid}-${count}x`;
    const result = JSON.stringify(await row.run({ api, namespace, name }));
    return JSON.parse(result.replaceAll(namespace, 'shop').replaceAll(name, 'web').replaceAll(uid, 'UID')) as JsonValue;
  };

  beforeAll(async () => {
    cluster = await startCluster();
    api = new ApiClient(cluster.kubeconfig);
  });

  afterAll(async () => {
    await Promise.all(made.map(name => api.send({ method: 'DELETE', path: `/api/v1/namespaces/${name}` })));
    api.close();
    await cluster.close();
  });

  describe.each(subjects)('$subject', ({ rows, namespaces }) => {
    let shared: Promise<string> | undefined;
    it.each(rows)('$title', async row => {
      const namespace = namespaces === 'one each' ? makeNamespace() : (shared ??= makeNamespace());
      expect(await seen(row, await namespace)).toEqual(row.expected);
    });
  });
});
