import type { IncomingMessage, ServerResponse } from 'node:http';
import { callName } from '../../faults.js';
import type { Calls, Faults } from '../../faults.js';
import type { AnsweredCall, Fault, SeenCall } from '../../sandbox.js';
import { readBody } from './body.js';
import { deleteCollection, deleteObject } from '../writes/deletes.js';
import { evictPod } from '../writes/eviction.js';
import { timeoutMs } from './deadline.js';
import { discovery } from './discovery.js';
import { cutAnswer, delayAnswer, hold, pause, sendStatus } from '../faults/effects.js';
import { whoAsks } from '../access/identity.js';
import { isObject, type JsonObject } from '../schema/json.js';
import { sendLog } from './logs.js';
import { checkAccept, checkBody, unreadableBody } from './negotiation.js';
import { openapi } from '../schema/openapi.js';
import { portForward } from '../streaming/port-forward.js';
import { proxy } from './proxy.js';
import type { Access, Authorizer, User } from '../access/rbac.js';
import { getObject, listObjects } from '../writes/reads.js';
import type { Registry } from '../store/registry.js';
import { sendError, sendNotServed, sendReply } from './reply.js';
import { accessOf, isDryRun, isLongRunning, proxyTarget, resourceRequest, servesGroupOf, verbOf } from './request.js';
import type { ResourceRequest } from './request.js';
import { review } from '../access/reviews.js';
import type { Runtime } from '../store/runtime.js';
import type { ServiceAccountTokens } from '../access/service-account-tokens.js';
import { expired, noSuchResource } from './status.js';
import { wantsTable } from './table.js';
import { watchObjects } from '../store/watch.js';
import { write } from '../writes/writes.js';

/** What the router needs to answer requests. */
export interface RouterOptions {
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly authorizer: Authorizer;
  readonly tokens: ServiceAccountTokens;
  readonly calls: Calls;
  readonly faults: Faults;
  readonly onCall?: (call: AnsweredCall) => void;
}

/** One request in progress. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly user: User;
  readonly access: Access;
  readonly body: Buffer;
  /** What the client sent after a request for an upgrade. Absent: it asked for none. */
  readonly head?: Buffer;
}

/** Passes every request through counting, faults, authentication and authorization to its handler. */
export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** `head`: what the client sent after a request for an upgrade; absent for every other request. */
  async handle(incoming: IncomingMessage, response: ServerResponse, head?: Buffer): Promise<void> {
    const { calls, faults, registry, authorizer, tokens, onCall } = this.#options;
    const arrivedAt = performance.now();
    try {
      const url = new URL(incoming.url ?? '/', 'https://127.0.0.1');
      const body = await readAll(incoming);
      const request = resourceRequest(incoming.method ?? 'GET', url, registry.kinds);
      const call = callOf(incoming, url, request);
      response.once('close', () => {
        calls.answered(call, response.headersSent ? response.statusCode : 0);
        onCall?.({ call: callName(call), name: call.name, arrivedAt, answeredAt: performance.now() });
      });
      const hits = faults.take(call, body.toString('utf8'));
      calls.add(call, hits);
      for (const fault of hits) {
        if (fault.do === 'delay' && fault.after !== true) await pause(fault.ms, response);
        if (fault.do === 'overtake') await fault.by(call);
      }
      if (hits.some(fault => fault.do === 'reset' && fault.when === 'before')) {
        incoming.socket.destroy();
        return;
      }
      const limitMs = isLongRunning(request) ? Infinity : timeoutMs(incoming.method ?? 'GET', url.searchParams);
      const user = whoAsks(incoming, tokens);
      const access = accessOf(incoming.method ?? 'GET', url);
      const status = hits.find(fault => fault.do === 'status');
      if (status !== undefined) {
        sendStatus(response, status, { user, access });
        return;
      }
      authorizer.authorize(user, access);
      const hit = { call, response, timeoutMs: limitMs };
      for (const fault of hits) {
        if (fault.do === 'hold' && fault.when !== 'after' && !(await hold(fault, hit))) return;
        if ((fault.do === 'hold' && fault.when === 'after') || (fault.do === 'delay' && fault.after === true)) {
          delayAnswer(fault, hit);
        }
      }
      if (hits.some(fault => fault.do === 'reset') && call.verb !== 'PORTFORWARD') cutAnswer(response, call);
      const exchange = { incoming, response, url, user, access, body, ...(head !== undefined && { head }) };
      if (request === undefined) this.#answerPath(exchange);
      else this.#answerResource(exchange, request, { call, hits });
    } catch (error) {
      sendError(response, error);
    }
  }

  #answerPath({ incoming, response, url, user, body }: Exchange): void {
    const { registry, authorizer } = this.#options;
    const path = url.pathname;
    if (path === '/healthz' || path === '/readyz' || path === '/livez') {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('ok');
      return;
    }
    if (incoming.method === 'POST') {
      const reply = review(path, question(incoming, body), { user, authorizer });
      if (reply === undefined) sendNotServed(response);
      else sendReply(response, reply);
      return;
    }
    const found = discovery(path, registry.kinds, incoming.headers.accept ?? '');
    const document = found?.body ?? openapi(path, registry.kinds);
    if (document === undefined && servesGroupOf(path, registry.kinds)) throw noSuchResource();
    if (document === undefined) sendNotServed(response);
    else
      sendReply(response, {
        status: 200,
        body: document,
        headers: { 'content-type': found?.contentType ?? 'application/json' },
      });
  }

  #answerResource(exchange: Exchange, request: ResourceRequest, hit: { call: SeenCall; hits: readonly Fault[] }): void {
    const { registry, runtime, faults, authorizer } = this.#options;
    const { incoming, response, user, access, body } = exchange;
    const table = wantsTable(incoming.headers.accept);
    const isTarget = request.kind.group === '' && ['Pod', 'Service'].includes(request.kind.kind);
    if (request.subresource === 'proxy' && isTarget) {
      proxy(registry, runtime, { request, incoming, response, body });
      return;
    }
    if (request.subresource === 'portforward' && request.kind.kind === 'Pod') {
      // Since 1.35 a WebSocket needs both rights: its GET alone would be a read.
      authorizer.authorizeUpgrade(user, access);
      const { head } = exchange;
      const isCut = hit.hits.some(fault => fault.do === 'reset');
      portForward(registry, runtime, { request, incoming, response, isCut, ...(head !== undefined && { head }) });
      return;
    }
    if (request.subresource === 'log' && request.kind.kind === 'Pod') {
      sendLog(registry, runtime, { request, response });
      return;
    }
    if (request.subresource === 'token' && request.kind.kind === 'ServiceAccount' && request.method === 'POST') {
      sendReply(response, this.#options.tokens.issue(request, question(incoming, body)));
      return;
    }
    checkAccept(incoming.headers.accept);
    switch (verbOf(request)) {
      case 'watch': {
        if (hit.hits.some(fault => fault.do === 'gone')) throw expired('too old resource version (injected)');
        const endEarly = hit.hits.some(fault => fault.do === 'end-watch' || fault.do === 'reset');
        watchObjects(registry, faults, { request, call: hit.call, table, incoming, response, endEarly });
        return;
      }
      case 'list':
        sendReply(response, listObjects(registry, request, { table }));
        return;
      case 'get':
        sendReply(response, getObject(registry, request, { table }));
        return;
      case 'delete':
        sendReply(response, deleteObject(registry, request, body));
        return;
      case 'deletecollection':
        sendReply(response, deleteCollection(registry, request, body));
        return;
      default: {
        const contentType = (incoming.headers['content-type'] ?? 'application/json').split(';')[0] ?? '';
        const program = (incoming.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
        checkBody(request.method, contentType, body);
        const yaml = contentType.includes('yaml');
        const unreadable = unreadableBody(request.method, request.kind.kind);
        const parsed = readBody(body, { yaml, unreadable });
        if (request.subresource === 'eviction' && request.kind.kind === 'Pod' && request.method === 'POST') {
          sendReply(response, evictPod(registry, request, parsed));
          return;
        }
        const mayCreate = (): void => authorizer.authorize(user, { ...access, verb: 'create' });
        sendReply(response, write(registry, { request, body: parsed, contentType, program, mayCreate }));
      }
    }
  }
}

function callOf(incoming: IncomingMessage, url: URL, request: ResourceRequest | undefined): SeenCall {
  const method = incoming.method ?? 'GET';
  const userAgent = incoming.headers['user-agent'] ?? '';
  if (request === undefined)
    return { verb: method, kind: url.pathname, namespace: '', name: '', dryRun: false, userAgent };
  const { kind, subresource } = request;
  const name = subresource === 'proxy' ? proxyTarget(request.name).name : request.name;
  const call = (verb: string, suffix = ''): SeenCall => ({
    verb,
    kind: kind.kind + suffix,
    namespace: request.namespace,
    name,
    dryRun: isDryRun(url.searchParams),
    userAgent,
  });
  if (subresource === 'proxy') return call('PROXY');
  if (subresource === 'log') return call('LOG');
  if (subresource === 'portforward') return call('PORTFORWARD');
  const verb = verbOf(request);
  const shown = verb === 'list' || verb === 'watch' ? verb.toUpperCase() : method;
  return call(shown, subresource === '' ? '' : `/${subresource}`);
}

/** kubectl sends some requests in protobuf; the answers do not depend on their content. */
function question(incoming: IncomingMessage, body: Buffer): JsonObject {
  if (incoming.headers['content-type']?.includes('protobuf') === true) return {};
  const sent = readBody(body, { yaml: false }).value;
  return isObject(sent) ? sent : {};
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
