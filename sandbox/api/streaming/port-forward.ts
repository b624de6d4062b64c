import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { objectAt, textAt, type JsonObject } from '../schema/json.js';
import type { Registry } from '../store/registry.js';
import type { ResourceRequest } from '../http/request.js';
import type { Runtime } from '../store/runtime.js';
import { badRequest } from '../http/status.js';
import { ServerWebSocket } from './websocket.js';

/** A request to forward connections to a port of a pod. */
export interface PortForwardCall {
  readonly request: ResourceRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** What the client sent after the request. Absent: it asked for no upgrade. */
  readonly head?: Buffer;
  /** Whether the connection is cut as soon as the client has sent something to the pod. */
  readonly isCut: boolean;
}

const protocols = ['v4.channel.k8s.io'];
const channels = { data: 0, error: 1 } as const;

/**
 * Forwards one connection to a port of a pod over a WebSocket, with the channels of `v4.channel.k8s.io`: 0 for data, 1 for an
 * error; both begin with the port. Throws 404 and 400; what the kubelet refuses comes as its plain text.
 */
export function portForward(registry: Registry, runtime: Runtime, call: PortForwardCall): void {
  const { request, incoming, response, head } = call;
  const { kind, namespace, name } = request;
  const pod = registry.need(kind, { namespace, name });
  if (textAt(objectAt(pod, 'spec'), 'nodeName') === undefined) {
    throw badRequest(`pod ${name} does not have a host assigned`);
  }
  if (head === undefined) throw badRequest('Upgrade request required');
  const port = portOf(request);
  if (typeof port === 'string') {
    answer(response, 400, port);
    return;
  }
  if (!isRunning(pod)) {
    answer(response, 500, `pod not found ("${name}_${namespace}")`);
    return;
  }
  const offered = (incoming.headers['sec-websocket-protocol'] ?? '').split(',').map(one => one.trim());
  const protocol = protocols.find(one => offered.includes(one));
  if (protocol === undefined) {
    answer(response, 403);
    return;
  }
  join({ ...call, head, protocol, port, real: runtime.podPort(namespace, name, port) });
}

/** A string says what is wrong, in the kubelet's words. */
function portOf({ query }: ResourceRequest): number | string {
  const texts = query.getAll('ports');
  const [text] = texts;
  if (text === undefined) return 'query parameter "port" is required';
  const number = /^-?\d+$/.test(text) ? Number(text) : 0;
  // The API server reads anything else as 0.
  if (number < 0 || number > 65_535) {
    const why = number < 0 ? 'invalid syntax' : 'value out of range';
    return `unable to parse "${number}" as a port: strconv.ParseUint: parsing "${number}": ${why}`;
  }
  return number < 1 ? `port "${number}" must be > 0` : number;
}

/** Whether the kubelet has a sandbox for the pod. */
function isRunning(pod: JsonObject): boolean {
  const status = objectAt(pod, 'status');
  return textAt(status, 'podIP') !== undefined && !['Succeeded', 'Failed'].includes(textAt(status, 'phase') ?? '');
}

/** Answers as the kubelet does. As on a real cluster, the connection ends, though no header says so. */
function answer(response: ServerResponse, status: number, text = ''): void {
  response.removeHeader('connection');
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Joins the WebSocket with a connection to the pod. */
function join(
  call: PortForwardCall & {
    readonly head: Buffer;
    readonly protocol: string;
    readonly port: number;
    readonly real: number | undefined;
  },
): void {
  const { incoming, port, real, isCut, request } = call;
  const pod = real === undefined ? undefined : connect({ host: '127.0.0.1', port: real, noDelay: true });
  const socket = new ServerWebSocket(call, {
    message: data => {
      if (data[0] !== channels.data) return;
      if (isCut) incoming.socket.destroy();
      else if (pod?.write(data.subarray(1)) === false) socket.pause();
    },
    closed: () => pod?.destroy(),
  });
  const send = (channel: number, data: Buffer): boolean => socket.send(Buffer.concat([Buffer.from([channel]), data]));
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16LE(port);
  send(channels.data, portBytes);
  send(channels.error, portBytes);
  const fail = (why: string): void => {
    send(channels.error, Buffer.from(`error forwarding port ${port} to pod ${request.name}, uid : ${why}`));
    socket.close();
  };
  if (pod === undefined) {
    const refused = (network: string, host: string): string =>
      `dial ${network} ${host}:${port}: connect: connection refused`;
    fail(
      `failed to execute portforward in network namespace "${request.name}": failed to connect to localhost:${port} ` +
        `inside namespace "${request.name}", IPv4: ${refused('tcp4', '127.0.0.1')} IPv6 ${refused('tcp6', '[::1]')} `,
    );
    return;
  }
  pod.on('drain', () => socket.resume());
  pod.on('data', (data: Buffer) => {
    if (send(channels.data, data)) return;
    pod.pause();
    socket.drained(() => pod.resume());
  });
  pod.on('error', (error: Error) => fail(error.message));
  pod.on('close', () => socket.close());
}
