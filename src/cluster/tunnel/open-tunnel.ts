import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CutoverError } from '../../errors.js';
import type { PodPort } from '../cluster.js';
import { describeRef } from '../../kubernetes/object.js';
import { shortened } from '../../log.js';
import type { Api, Call } from '../http/api.js';
import { parseStatus } from '../http/api-status.js';
import { apiError, ruleText } from '../http/error-status.js';
import { redirected } from '../http/network-error.js';
import { cancelled, type HttpUpgrade } from '../http/transport.js';
import { TunnelStream } from './tunnel-stream.js';

const protocol = 'v4.channel.k8s.io';
/** What RFC 6455 adds to the key before it is hashed. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const timeoutMs = 10_000;
/** A connection that a device on the way has forgotten is found by these probes. */
const keepAliveMs = 30_000;

/** What a tunnel needs of the connection to the API server. */
export interface TunnelParts {
  readonly api: Api;
  readonly server: URL;
  /** Ends every tunnel. */
  readonly signal: AbortSignal;
}

/** Opens a connection to a port of a pod. Throws as `Cluster.tunnel` does. */
export async function openTunnel({ api, server, signal }: TunnelParts, target: PodPort): Promise<Duplex> {
  const key = randomBytes(16).toString('base64');
  const call = tunnelCall(target, key);
  const answer = await api.upgrade(call);
  const { socket } = answer;
  if (socket === undefined) throw refusal(answer, call, server);
  if (!isAccepted(answer, key)) {
    socket.destroy();
    throw new CutoverError(`${server.host} opened no WebSocket with the protocol ${protocol}`, { code: 'api' });
  }
  if ('setKeepAlive' in socket) (socket as Socket).setKeepAlive(true, keepAliveMs);
  return untilAborted(new TunnelStream(socket, answer.body, target), signal);
}

function tunnelCall({ namespace, name, port }: PodPort, key: string): Call {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/portforward`;
  return {
    description: {
      verb: 'get',
      target: { apiVersion: 'v1', kind: 'Pod', namespace, name },
      resource: 'pods/portforward',
    },
    request: {
      method: 'GET',
      path: `${path}?ports=${port}`,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': key,
        'sec-websocket-protocol': protocol,
      },
      timeoutMs,
      pool: 'tunnel',
    },
  };
}

function isAccepted({ headers }: HttpUpgrade, key: string): boolean {
  const accept = createHash('sha1').update(`${key}${guid}`).digest('base64');
  return headers['sec-websocket-accept'] === accept && headers['sec-websocket-protocol'] === protocol;
}

function refusal(answer: HttpUpgrade, { description }: Call, server: URL): CutoverError {
  const { status, body } = answer;
  if (status < 400) {
    return status >= 300
      ? redirected(server, 'open a tunnel', answer)
      : new CutoverError(`${server.host} answered ${status} instead of opening a WebSocket`, { code: 'api', status });
  }
  const answered = parseStatus(body);
  if (answered === undefined) {
    // The node refuses without a Status. A 403 of its own is no missing right, and a 404 no missing kind.
    const text = shortened(body.toString('utf8').replace(/\s+/g, ' ').trim(), 300);
    const why = text === '' ? '' : `: ${text}`;
    return new CutoverError(`${server.host} answered ${status} instead of opening a WebSocket${why}`, {
      code: 'api',
      status,
    });
  }
  const error = apiError(status, body, description);
  // Without `create`, the API server names no right at all.
  const isUnnamed = status === 403 && /is forbidden:\s*$/.test(answered.message ?? '');
  if (!isUnnamed && !/^Missing rule: /.test(error.hint ?? '')) return error;
  const hint = `Missing rule: ${ruleText({ ...description, verbs: ['get', 'create'] })}, bound to the user of the kubeconfig.`;
  if (!isUnnamed) return error.amended({ hint });
  const object = describeRef(description.target as Parameters<typeof describeRef>[0]);
  return new CutoverError(`cannot open a tunnel to ${object}: create of pods/portforward is forbidden`, {
    ...{ code: 'forbidden', status, object, hint },
  });
}

/** The tunnel, which ends with the run. */
function untilAborted(tunnel: Duplex, signal: AbortSignal): Duplex {
  const end = (): void => void tunnel.destroy(cancelled());
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  tunnel.once('close', () => signal.removeEventListener('abort', end));
  // It can fail before the caller listens, and an error without a listener would end the process. `errored` keeps it.
  tunnel.on('error', () => undefined);
  return tunnel;
}
