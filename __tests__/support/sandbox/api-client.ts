import { load } from 'js-yaml';
import { Agent, request, type AgentOptions } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as Dispatcher, WebSocket } from 'undici';
import {
  isObject,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';

/** One request to an API server. */
export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A string is sent unchanged, any other value as JSON. */
  readonly body?: JsonValue;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body if it is a JSON object, else empty. */
  readonly json: JsonObject;
}

export interface Applying {
  readonly manager?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** A plain HTTPS client for an API server, so that tests see exactly what is sent and received. */
export class ApiClient {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #tls: AgentOptions;
  readonly #dispatcher: Dispatcher;
  readonly #headers: Readonly<Record<string, string>>;

  /** `kubeconfig` is YAML with embedded certificates or a token. */
  constructor(kubeconfig: string) {
    const config = load(kubeconfig) as JsonObject;
    const cluster = objectAt(objectsAt(config, 'clusters')[0], 'cluster');
    const user = objectAt(objectsAt(config, 'users')[0], 'user');
    const pem = (holder: JsonObject, name: string): Buffer | undefined => {
      const text = textAt(holder, name);
      return text === undefined ? undefined : Buffer.from(text, 'base64');
    };
    const ca = pem(cluster, 'certificate-authority-data');
    const cert = pem(user, 'client-certificate-data');
    const key = pem(user, 'client-key-data');
    this.#url = new URL(textAt(cluster, 'server') ?? '');
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
    this.#tls = tls;
    this.#agent = new Agent({ keepAlive: true, ...tls });
    this.#dispatcher = new Dispatcher({ connect: tls });
    const token = textAt(user, 'token');
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** Sends a request and returns the response without reading its body. */
  open({ method, path, query = {}, body, headers = {} }: Ask): Promise<IncomingMessage> {
    const search = new URLSearchParams(query).toString();
    const payload = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          // A node that refuses an upgrade ends the connection without a word.
          agent: headers.upgrade === undefined ? this.#agent : new Agent(this.#tls),
          method,
          path: search === '' ? path : `${path}?${search}`,
          headers: {
            'user-agent': 'tester/1',
            ...(payload === '' ? {} : { 'content-type': 'application/json' }),
            'content-length': Buffer.byteLength(payload),
            ...this.#headers,
            ...headers,
          },
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }

  async send(ask: Ask): Promise<Answer> {
    const incoming = await this.open(ask);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const isJson = incoming.headers['content-type']?.startsWith('application/json') === true && text !== '';
    const value: unknown = isJson ? JSON.parse(text) : {};
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: isObject(value) ? value : {} };
  }

  /**
   * A WebSocket of an implementation that is neither the sandbox's nor Cutover's, so that both cannot share one mistake. It is undici's own,
   * because Node's `WebSocket`, which is the same, takes no client certificates.
   */
  webSocket(path: string, protocol: string): WebSocket {
    const url = `wss://${this.#url.host}${path}`;
    return new WebSocket(url, {
      protocols: protocol,
      headers: { ...this.#headers },
      dispatcher: this.#dispatcher,
    });
  }

  get(path: string): Promise<Answer> {
    return this.send({ method: 'GET', path });
  }

  /** Server-side apply as Cutover does it. Default manager: `cutover`. */
  apply(
    path: string,
    body: JsonValue,
    { manager = 'cutover', force = false, dryRun = false }: Applying = {},
  ): Promise<Answer> {
    return this.send({
      method: 'PATCH',
      path,
      query: {
        fieldManager: manager,
        fieldValidation: 'Strict',
        ...(force ? { force: 'true' } : {}),
        ...(dryRun ? { dryRun: 'All' } : {}),
      },
      body,
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
  }

  close(): void {
    this.#agent.destroy();
    void this.#dispatcher.destroy();
  }
}
