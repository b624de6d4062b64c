import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { objectAt, objectsAt, textAt } from '../schema/json.js';
import type { Registry } from '../store/registry.js';
import { proxyTarget, type ResourceRequest } from './request.js';
import { sendError } from './reply.js';
import type { Runtime } from '../store/runtime.js';
import { badRequest, refusal, type ApiError } from './status.js';

/** A request that is passed on to a pod. */
export interface ProxyCall {
  readonly request: ResourceRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

/** Where the request goes: an address of the pod network, and what is behind it; `undefined`: nothing listens there. */
interface Destination {
  readonly address: string;
  readonly real: number | undefined;
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
  const real = runtime.podPort(namespace, name, number);
  const ip = textAt(objectAt(pod, 'status'), 'podIP');
  if (ip === undefined && real === undefined) throw badRequest('address not allowed');
  return { address: `${ip ?? name}:${number}`, real };
}

function serviceDestination(registry: Registry, runtime: Runtime, request: ResourceRequest): Destination {
  const { kind, namespace } = request;
  const { name, port } = proxyTarget(request.name);
  const service = registry.need(kind, { namespace, name });
  const isNumber = /^\d+$/.test(port);
  const numbered = objectsAt(service, 'spec', 'ports').find(one => String(Number(one.port)) === port);
  if (isNumber && numbered === undefined) throw unavailable(`no service port ${port} found for service "${name}"`);
  const wanted = numbered === undefined ? port : (textAt(numbered, 'name') ?? '');
  const ready = runtime.servicePorts(namespace, name, wanted);
  const picked = ready[Math.floor(Math.random() * ready.length)];
  if (picked === undefined) throw unavailable(`no endpoints available for service "${name}"`);
  return { address: `${picked.ip}:${picked.port}`, real: picked.real };
}

const unavailable = (message: string): ApiError => refusal(503, 'ServiceUnavailable', { message });

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

/** Passes a request on to a pod or to a ready endpoint of a Service, and the answer back. Throws 400, 404 and 503. */
export function proxy(registry: Registry, runtime: Runtime, call: ProxyCall): void {
  const { request, incoming, response, body } = call;
  const find = request.kind.kind === 'Pod' ? podDestination : serviceDestination;
  const { address, real } = find(registry, runtime, request);
  const [path = '', query] = (incoming.url ?? '').split('?');
  if (/^\/(\?|$)/.test(request.rest) && !path.endsWith('/') && ['GET', 'HEAD'].includes(request.method)) {
    response.writeHead(301, { location: `${path}/${query === undefined ? '' : `?${query}`}` }).end();
    return;
  }
  if (real === undefined) throw unreachable(`dial tcp ${address}: connect: connection refused`);
  const { 'content-length': _length, ...sent } = incoming.headers;
  const headers = Object.fromEntries(Object.entries(sent).filter(([name]) => !dropped.has(name)));
  const outgoing = httpRequest(
    {
      host: '127.0.0.1',
      port: real,
      method: request.method,
      path: request.rest,
      headers: {
        ...headers,
        host: address,
        'x-forwarded-for': incoming.socket.remoteAddress ?? '',
        'x-forwarded-uri': path,
        ...(body.length === 0 ? {} : { 'content-length': body.length }),
      },
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
    else {
      const where = error.message.startsWith('connect') ? `dial tcp ${address}: ` : '';
      sendError(response, unreachable(`${where}${error.message}`));
    }
  });
  response.on('close', () => outgoing.destroy());
  outgoing.removeHeader('connection');
  outgoing.end(body);
}

const unreachable = (why: string): ApiError => unavailable(`error trying to reach service: ${why}`);
