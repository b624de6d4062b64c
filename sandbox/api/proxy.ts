import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { objectsAt } from './json.js';
import type { Registry } from './registry.js';
import { proxyTarget, type ResourceRequest } from './request.js';
import type { Runtime } from './runtime.js';
import { refusal } from './status.js';

/** A request that is passed on to a pod. */
export interface ProxyCall {
  readonly request: ResourceRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

/** Where the request goes; `undefined` port: nobody listens there. */
interface Destination {
  readonly address: string;
  readonly port: number | undefined;
}

function podDestination(
  registry: Registry,
  runtime: Runtime,
  { kind, namespace, name: text }: ResourceRequest,
): Destination {
  const { name, port } = proxyTarget(text);
  const pod = registry.need(kind, { namespace, name });
  const ports = objectsAt(pod, 'spec', 'containers').flatMap(container => objectsAt(container, 'ports'));
  const declared = ports.find(one => one.name === port)?.containerPort ?? ports[0]?.containerPort ?? 80;
  const number = /^\d+$/.test(port) ? Number(port) : Number(declared);
  return { address: `${name}:${number}`, port: runtime.podPort(namespace, name, number) };
}

function serviceDestination(registry: Registry, runtime: Runtime, request: ResourceRequest): Destination {
  const { kind, namespace } = request;
  const { name, port } = proxyTarget(request.name);
  const unavailable = (message: string): Error => refusal(503, 'ServiceUnavailable', { message });
  const service = registry.read(kind, { namespace, name });
  if (service === undefined) throw unavailable(`no endpoints available for service "${name}"`);
  const ports = objectsAt(service, 'spec', 'ports');
  const chosen =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : ports.find(one => one.name === undefined)
      : ports.find(one => one.name === port || String(one.port as number) === port);
  if (chosen === undefined)
    throw unavailable(
      `no service port ${/^\d+$/.test(port) ? port : JSON.stringify(port)} found for service "${name}"`,
    );
  const wanted = typeof chosen.name === 'string' ? chosen.name : Number(chosen.port);
  const ready = runtime.servicePorts(namespace, name, wanted);
  if (ready.length === 0) throw unavailable(`no endpoints available for service "${name}"`);
  const picked = ready[Math.floor(Math.random() * ready.length)];
  return { address: name, port: picked };
}

/** Headers of one hop, and those by which the API server knows its own client. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'authorization',
  'host',
  'te',
  'trailer',
]);

/** Passes a request on to a pod or to a ready endpoint of a Service, and the answer back. Throws 404 and 503. */
export function proxy(registry: Registry, runtime: Runtime, call: ProxyCall): void {
  const { request, incoming, response, body } = call;
  const find = request.kind.kind === 'Pod' ? podDestination : serviceDestination;
  const { address, port } = find(registry, runtime, request);
  if (port === undefined) {
    unreachable(response, `dial tcp ${address}: connect: connection refused`);
    return;
  }
  const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !dropped.has(name)));
  const outgoing = httpRequest(
    {
      host: '127.0.0.1',
      port,
      method: request.method,
      path: request.rest,
      headers: { ...headers, host: address, 'content-length': body.length },
      agent: false,
    },
    answer => {
      const back = Object.entries(answer.headers).filter(([name]) => !dropped.has(name));
      response.writeHead(answer.statusCode ?? 502, Object.fromEntries(back));
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    },
  );
  outgoing.on('error', error => {
    if (response.headersSent) response.destroy();
    else unreachable(response, `${error.message.startsWith('connect') ? `dial tcp ${address}: ` : ''}${error.message}`);
  });
  response.on('close', () => outgoing.destroy());
  outgoing.end(body);
}

/** What a real API server answers when the pod does not: no Status but a line of text. */
function unreachable(response: ServerResponse, why: string): void {
  response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`error trying to reach service: ${why}`);
}
