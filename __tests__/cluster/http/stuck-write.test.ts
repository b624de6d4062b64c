import { Agent } from 'node:https';
import { load } from 'js-yaml';
import { expect, it } from '@jest/globals';
import { credentialsOf } from '../../../src/cluster/access/credentials.js';
import { systemClock } from '../../../src/cluster/clock.js';
import { Api } from '../../../src/cluster/http/api.js';
import { nodeTransport } from '../../../src/cluster/http/transport.js';
import { Resources } from '../../../src/cluster/resources.js';
import { objectAt, objectsAt, textAt, type JsonObject } from '../../../sandbox/api/schema/json.js';
import { configMap, configMaps, startTestApi } from '../../support/sandbox/api-server.js';
import { listLog } from '../../support/log.js';

/** Requests to the API server of a kubeconfig with embedded certificates. */
function resourcesOf(kubeconfig: string): Resources {
  const config = load(kubeconfig) as JsonObject;
  const cluster = objectAt(objectsAt(config, 'clusters')[0], 'cluster');
  const user = objectAt(objectsAt(config, 'users')[0], 'user');
  const pem = (holder: JsonObject, name: string): Buffer => Buffer.from(textAt(holder, name) ?? '', 'base64');
  const agent = new Agent({
    ca: pem(cluster, 'certificate-authority-data'),
    cert: pem(user, 'client-certificate-data'),
    key: pem(user, 'client-key-data'),
  });
  const server = new URL(textAt(cluster, 'server') ?? '');
  const log = listLog();
  const { signal } = new AbortController();
  const entry = { source: 'a test', context: 'test', cluster: { server: server.href }, user: {} };
  const credentials = credentialsOf({ entry, load: () => Promise.resolve({ agent }), clock: systemClock, log, signal });
  const transport = nodeTransport(server, { signal, userAgent: 'cutover/test' });
  const api = new Api({ server, credentials, transport, clock: systemClock, log, signal, random: Math.random });
  return new Resources(api, 'default');
}

it('a write that is stuck in a webhook is not carried out after its time', async () => {
  const { api, server } = await startTestApi();
  let letGo = (): void => undefined;
  const gone = new Promise<void>(resolve => {
    letGo = resolve;
  });
  server.fault({ verb: 'POST' }, { do: 'hold', until: () => gone });
  const fence = { longestWriteMs: 300, ready: () => Promise.resolve(), isOpen: () => true };
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a' };
  const write = { method: 'POST', verb: 'create', body: configMap('a'), fence };
  const answered = new Promise<void>(resolve => server.calls.listenToAnswers(() => resolve()));
  await expect(resourcesOf(server.kubeconfig).send(ref, write)).rejects.toThrow(/no answer within 0.3 s|504/);
  await answered;
  letGo();
  await gone;
  expect((await api.get(`${configMaps}/a`)).status).toBe(404);
});
