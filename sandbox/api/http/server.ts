import { createServer } from 'node:https';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Calls, Faults } from '../../faults.js';
import type { AnsweredCall, Fault, FaultMatch, Sandbox, WireCounts } from '../../sandbox.js';
import { kubeconfig } from '../access/kubeconfig.js';
import type { MemoryStore } from '../store/memory-store.js';
import { Authorizer } from '../access/rbac.js';
import { Router } from './router.js';
import type { Runtime } from '../store/runtime.js';
import { ServiceAccountTokens } from '../access/service-account-tokens.js';
import { certificates } from './tls.js';
import { Wire } from './wire.js';

/** Options of an API server. */
export interface ApiServerOptions {
  readonly store: MemoryStore;
  readonly runtime: Runtime;
  /** Called with each call once its answer is complete. */
  readonly onCall?: (call: AnsweredCall) => void;
}

/** A running API server. */
export interface ApiServer {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** YAML, with the CA and the admin's client certificate. */
  readonly kubeconfig: string;
  /** The same with the token of a ServiceAccount. */
  kubeconfigFor(token: string): string;
  readonly calls: Sandbox['calls'];
  wire(): WireCounts;
  /** The rights that a user has used: `patch apps/deployments`, `get pods/log`. */
  usedRights(user: string): readonly string[];
  /** Adds a fault for the next `times` matching requests (default: until removed). Returns its removal. */
  fault(match: FaultMatch, fault: Fault, times?: number): () => void;
  /** Ends watches and connections and stops listening. */
  close(): Promise<void>;
}

/** Starts the API server on a free port of 127.0.0.1. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const pem = await certificates();
  const calls = new Calls();
  const faults = new Faults();
  const { store, ...rest } = options;
  const { registry } = store;
  const authorizer = new Authorizer(registry.storage);
  const tokens = new ServiceAccountTokens(registry);
  const router = new Router({ registry, authorizer, tokens, calls, faults, ...rest });
  const server = createServer(
    { key: pem.server.key, cert: pem.server.certificate, ca: pem.ca, requestCert: true, rejectUnauthorized: false },
    (incoming: IncomingMessage, response: ServerResponse) => void router.handle(incoming, response),
  );
  const wire = new Wire(server);
  // Clients keep connections open; the server must not close one while the next request arrives.
  server.keepAliveTimeout = 90_000;
  server.requestTimeout = 0;
  const upgraded = new Set<Socket>();
  server.on('upgrade', (incoming, _socket, head: Buffer) => {
    const { socket } = incoming;
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    const response = new ServerResponse(incoming);
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.end());
    void router.handle(incoming, response, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    kubeconfig: kubeconfig(url, pem),
    kubeconfigFor: token => kubeconfig(url, pem, token),
    calls,
    wire: () => wire.read(),
    usedRights: user => authorizer.used(user),
    fault: (match, fault, times) => faults.add(match, fault, times),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
        // The server no longer counts them among its connections.
        for (const socket of upgraded) socket.destroy();
      }),
  };
}
