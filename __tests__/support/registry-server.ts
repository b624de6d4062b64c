import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Behaviour of a test registry. */
export interface RegistryOptions {
  /** Images that it has, as `path:tag` or `path@digest`. Ignored with `upstream`. */
  readonly images?: readonly string[];
  /** Required authentication. Default: none. `bearer`: a token of its own token service at `/token`. */
  readonly auth?: 'basic' | 'bearer';
  /** The `username:password` that it accepts. Default: none. */
  readonly user?: string;
  /** Prefix of the paths that only this user may read; all other paths are public. Default: all are public. */
  readonly closed?: string;
  /** Answers to the first requests, one each. Default: none. */
  readonly answers?: readonly ((response: ServerResponse) => unknown)[];
  /** Milliseconds that each answer takes. Default 0. */
  readonly delayMs?: number;
  /** Another registry, as `http://127.0.0.1:5000`, that manifests and blobs come from. */
  readonly upstream?: string;
}

/** A registry with the v2 API on 127.0.0.1. */
export interface RegistryServer {
  /** `127.0.0.1:<port>`, the first part of image names. */
  readonly host: string;
  /** `METHOD path` of every request, followed by ` as user` for a login and ` with token` for a token. */
  readonly requests: readonly string[];
  /** The highest number of concurrent requests. */
  readonly mostAtOnce: () => number;
  /** Accepts only this `username:password` from now on. */
  readonly knows: (user: string) => void;
  close(): Promise<void>;
}

const nobody = 'anybody';

export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const { images = [], auth, closed, delayMs = 0, upstream } = options;
  let { user } = options;
  const answers = [...(options.answers ?? [])];
  const requests: string[] = [];
  let underWay = 0;
  let most = 0;

  const basicUser = (request: IncomingMessage): string | undefined => {
    const [, encoded] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  };
  const refuse = (response: ServerResponse, status: number, code: string): void => {
    const host = response.req.headers.host ?? '';
    const path = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(response.req.url ?? '')?.[1] ?? '';
    if (status === 401 && auth === 'basic') response.setHeader('www-authenticate', 'Basic realm="registry"');
    if (status === 401 && auth === 'bearer') {
      const scope = path === '' ? '' : `,scope="repository:${path}:pull"`;
      response.setHeader(
        'www-authenticate',
        `Bearer realm="http://${host}/token",service="registry, of the tests"${scope}`,
      );
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replace('_', ' ') }] }));
  };
  const grant = (request: IncomingMessage, response: ServerResponse): void => {
    const who = basicUser(request);
    if (who !== undefined && who !== user) {
      refuse(response, 401, 'UNAUTHORIZED');
      return;
    }
    const scope = new URL(request.url ?? '', 'http://registry').searchParams.get('scope') ?? '';
    const token = Buffer.from(JSON.stringify({ who: who ?? nobody, scope })).toString('base64url');
    response.end(JSON.stringify({ token, expires_in: 300 }));
  };
  const isAllowed = (request: IncomingMessage, path: string): boolean => {
    const isOpen = closed !== undefined && !path.startsWith(closed);
    if (auth === undefined) return true;
    if (auth === 'basic') return isOpen || basicUser(request) === user;
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token === '') return false;
    const { who, scope } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { who: string; scope: string };
    return scope === `repository:${path}:pull` && (closed === undefined || isOpen || who === user);
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = request.url ?? '';
    if (url.startsWith('/token')) {
      grant(request, response);
      return;
    }
    const [, path = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    if (!isAllowed(request, path)) {
      refuse(response, 401, 'UNAUTHORIZED');
      return;
    }
    if (path === '') return void response.end('{}');
    if (upstream !== undefined) return pass(request, response, `${upstream}${url}`);
    if (kind !== 'manifests' || !request.headers.accept?.includes('oci.image.index')) {
      refuse(response, 404, 'UNSUPPORTED');
      return;
    }
    const repositories = images.map(image => image.replace(/[:@].*$/, ''));
    if (!repositories.includes(path)) {
      refuse(response, 404, 'NAME_UNKNOWN');
      return;
    }
    if (![`${path}:${reference}`, `${path}@${reference}`].some(image => images.includes(image))) {
      refuse(response, 404, 'MANIFEST_UNKNOWN');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' });
    response.end('{"schemaVersion":2}');
  };

  const server = createServer((request, response) => {
    const who = basicUser(request);
    const as =
      who !== undefined ? ` as ${who.split(':')[0] ?? ''}` : request.headers.authorization ? ' with token' : '';
    requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}${as}`);
    underWay += 1;
    most = Math.max(most, underWay);
    response.on('close', () => (underWay -= 1));
    const answer = answers.shift();
    if (answer !== undefined) answer(response);
    else setTimeout(() => void serve(request, response), delayMs);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    mostAtOnce: () => most,
    knows: known => (user = known),
    close: () =>
      new Promise(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function pass(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
  const answer = await fetch(url, {
    method: request.method ?? 'GET',
    headers: { accept: request.headers.accept ?? '*/*' },
  });
  const kept = ['content-type', 'docker-content-digest', 'content-length'];
  const headers = kept.flatMap(name => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  response.writeHead(answer.status, Object.fromEntries(headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}
