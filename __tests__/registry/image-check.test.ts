import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { parseReference } from '../../src/inputs/parse/image-reference.js';
import type { ImageCheck, RegistryLogin } from '../../src/inputs/parse/registry.js';
import type { Resource } from '../../src/manifests/resource.js';
import { openHttp } from '../../src/registry/http.js';
import { checkImages } from '../../src/registry/image-check.js';
import { askRegistry } from '../../src/registry/registry.js';
import { render } from '../support/rendering.js';
import { listLog } from '../support/log.js';
import { startRegistry, type RegistryOptions, type RegistryServer } from '../support/registry-server.js';

const servers: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map(server => server.close())));

async function registry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const server = await startRegistry(options);
  servers.push(server);
  return server;
}

const workload = (images: readonly string[], more = ''): readonly Resource[] =>
  render(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n' +
      '  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n' +
      images.map((image, index) => `      - name: c${index}\n        image: ${image}\n${more}`).join(''),
  ).resources;

interface CheckResult {
  readonly error: CutoverError | undefined;
  readonly lines: readonly string[];
}

async function check(resources: readonly Resource[], options: Partial<ImageCheck> = {}): Promise<CheckResult> {
  const log = listLog();
  const { signal } = new AbortController();
  try {
    await checkImages({
      check: { demand: 'plausible', logins: [], ...options },
      resources,
      environment: {},
      signal,
      log,
    });
    return { error: undefined, lines: log.lines };
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    return { error, lines: log.lines };
  }
}

const messages = ({ error }: CheckResult): readonly string[] => (error?.problems ?? []).map(({ message }) => message);
const bob = (server: RegistryServer, password = 's3cret'): RegistryLogin[] => [
  { server: server.host, username: 'bob', password },
];

describe('an image that contains a value of the environment', () => {
  it('is told to no registry, and not shown', async () => {
    const server = await registry();
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: "${server.host}/a/b:$<TOKEN>"}]}\n`;
    const { resources } = render(text, { environment: { TOKEN: 'canary' } });
    const { lines } = await check(resources);
    expect(server.requests).toEqual([]);
    expect(lines.join('\n')).toContain('it contains a value of the environment');
    expect(lines.join('\n')).not.toContain('canary');
  });
});

describe('images that exist', () => {
  it('are requested once each, by tag or digest, for any number of uses', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const server = await registry({ images: ['shop/web:1', 'shop/web:latest', `side@${digest}`] });
    const { host } = server;
    const result = await check(
      workload([`${host}/shop/web:1`, `${host}/shop/web`, `${host}/side:9@${digest}`, `${host}/shop/web:1`]),
    );
    expect(result).toEqual({ error: undefined, lines: ['3 images are in the registry'] });
    expect([...server.requests].sort()).toEqual([
      `HEAD /v2/shop/web/manifests/1`,
      `HEAD /v2/shop/web/manifests/latest`,
      `HEAD /v2/side/manifests/${digest}`,
    ]);
  });

  it('are found with an anonymous token, one for each repository', async () => {
    const server = await registry({ images: ['web:1', 'web:2', 'web:3'], auth: 'bearer', closed: 'private' });
    const result = await check(workload(['web:1', 'web:2', 'web:3'].map(image => `${server.host}/${image}`)));
    expect(result).toEqual({ error: undefined, lines: ['3 images are in the registry'] });
    expect(server.requests.filter(request => request.includes('/token'))).toEqual(['GET /token']);
  });

  it.each(['basic', 'bearer'] as const)('are found with the login of their registry (%s)', async auth => {
    const server = await registry({ images: ['private/web:1'], auth, user: 'bob:s3cret', closed: 'private' });
    const other = await registry({ images: ['web:1'] });
    const logins = bob(server);
    const result = await check(workload([`${server.host}/private/web:1`, `${other.host}/web:1`]), {
      logins,
      demand: 'certain',
    });
    expect(result.error).toBeUndefined();
    expect(server.requests.some(request => request.endsWith(' as bob'))).toBe(true);
    // Its login is shown to no other registry.
    expect(other.requests).toEqual(['HEAD /v2/web/manifests/1']);
  });

  it('are found when the registry limits the request rate', async () => {
    const busy = (response: ServerResponse): unknown => response.writeHead(429, { 'retry-after': '0' }).end();
    const server = await registry({ images: ['web:1'], answers: [busy, busy] });
    expect((await check(workload([`${server.host}/web:1`]), { demand: 'certain' })).error).toBeUndefined();
    expect(server.requests).toHaveLength(3);
  });

  it('are found behind a redirect, which does not receive the login', async () => {
    const target = await registry({ images: ['web:1'] });
    const server = await registry({
      auth: 'basic',
      user: 'bob:s3cret',
      answers: [
        response => response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(),
        response => response.writeHead(307, { location: `http://${target.host}/v2/web/manifests/1` }).end(),
      ],
    });
    const result = await check(workload([`${server.host}/web:1`]), { logins: bob(server), demand: 'certain' });
    expect(result.error).toBeUndefined();
    expect(server.requests.at(-1)).toBe('HEAD /v2/web/manifests/1 as bob');
    expect(target.requests).toEqual(['HEAD /v2/web/manifests/1']);
  });

  it('are requested at most ten at a time', async () => {
    const images = Array.from({ length: 40 }, (_, index) => `web:${index}`);
    const server = await registry({ images, delayMs: 5 });
    const result = await check(workload(images.map(image => `${server.host}/${image}`)), { demand: 'certain' });
    expect(result).toEqual({ error: undefined, lines: ['40 images are in the registry'] });
    expect(server.mostAtOnce()).toBe(10);
  });

  it('with pull policy Never are not requested', async () => {
    const server = await registry();
    const result = await check(workload([`${server.host}/web:1`], '        imagePullPolicy: Never\n'), {
      demand: 'certain',
    });
    expect([result, server.requests]).toEqual([{ error: undefined, lines: [] }, []]);
  });
});

describe('an image that its registry does not have', () => {
  it("is an error with workload, line and the registry's answer", async () => {
    const server = await registry({ images: ['web:1'] });
    const result = await check(workload([`${server.host}/web:2`, `${server.host}/wbe:1`, `${server.host}/web:1`]));
    expect(result.error).toMatchObject({ code: 'image', message: '2 images do not exist or cannot be checked' });
    expect(messages(result)).toEqual([
      `Deployment shop/web, container c0: image ${server.host}/web:2 does not exist; ${server.host}: it answered 404 MANIFEST_UNKNOWN: manifest unknown`,
      `Deployment shop/web, container c1: image ${server.host}/wbe:1 does not exist; ${server.host}: it answered 404 NAME_UNKNOWN: name unknown`,
    ]);
    expect(result.error?.problems.map(({ at }) => at)).toMatchObject([
      { file: 'app.yml', line: 11 },
      { file: 'app.yml', line: 13 },
    ]);
  });

  it('is distinguished from a 404 of another web server', async () => {
    const web = createServer((_, response) => response.writeHead(404).end('<h1>Not here</h1>'));
    await new Promise<void>(done => web.listen(0, '127.0.0.1', done));
    servers.push({ close: () => new Promise(done => web.close(() => done())) });
    const host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    expect(await check(workload([`${host}/web:1`]))).toEqual({
      error: undefined,
      lines: [expect.stringContaining(`Cannot tell whether ${host}/web:1 exists; ${host}: it answered 404`)],
    });
  });
});

describe('a registry that cannot tell', () => {
  const unsure: readonly (readonly [string, RegistryOptions, string | undefined, RegExp])[] = [
    ['wants a login', { auth: 'basic', user: 'bob:s3cret' }, undefined, /it requires a login/],
    [
      'knows another password',
      { auth: 'basic', user: 'bob:s3cret' },
      'wr0ng',
      /the login has no permission to read it/,
    ],
    [
      'gives the login no token',
      { auth: 'bearer', user: 'bob:s3cret' },
      'wr0ng',
      /issues no token for the login \(401\)/,
    ],
    [
      'hides what is private',
      { auth: 'bearer', user: 'bob:s3cret', closed: 'w' },
      undefined,
      /it answered 401; it requires a login/,
    ],
    ['fails', { answers: [response => response.writeHead(503).end()] }, undefined, /it answered 503/],
    [
      'asks for a login of another kind',
      { answers: [response => response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end()] },
      undefined,
      /an unsupported type of login/,
    ],
    [
      'redirects for ever',
      {
        answers: Array.from({ length: 9 }, () => response => response.writeHead(302, { location: '/v2/again' }).end()),
      },
      undefined,
      /more than 5 redirects/,
    ],
    [
      'breaks the connection',
      { answers: [response => response.destroy()] },
      undefined,
      /cannot be reached \(ECONNRESET\)/,
    ],
  ];

  it.each(unsure.map(([what, options, password, said]) => ({ what, options, password, said })))(
    'since it $what is warned of, and is an error where certainty is demanded',
    async ({ options, password, said }) => {
      for (const demand of ['plausible', 'certain'] as const) {
        const server = await registry({ images: ['web:1'], ...options });
        const logins = password === undefined ? [] : bob(server, password);
        const result = await check(workload([`${server.host}/web:1`]), { demand, logins });
        const text = demand === 'certain' ? messages(result) : result.lines;
        expect(text).toEqual([expect.stringMatching(said)]);
        expect(result.error?.code).toBe(demand === 'certain' ? 'image' : undefined);
        expect(JSON.stringify([result.lines, messages(result)])).not.toMatch(/s3cret|wr0ng/);
      }
    },
  );

  it('because it cannot be reached causes one warning for any number of images', async () => {
    const server = await startRegistry();
    await server.close();
    const result = await check(workload(['web:1', 'web:2', 'side:1'].map(image => `${server.host}/${image}`)));
    const list = ['web:1', 'web:2', 'side:1'].map(image => `${server.host}/${image}`).join(', ');
    expect(result).toEqual({
      error: undefined,
      lines: [`Cannot tell whether ${list} exist; ${server.host}: it cannot be reached (ECONNREFUSED)`],
    });
  });

  it('because it does not answer causes a timeout, and only one request', async () => {
    const server = await registry({ answers: [() => undefined] });
    const http = openHttp({});
    const references = ['web:1', 'web:2'].map(image => parseReference(`${server.host}/${image}`)!);
    const { signal } = new AbortController();
    const verdicts = await askRegistry(references, { ...http, signal, log: listLog(), timeoutMs: 50 });
    http.close();
    const silent = { kind: 'unknown', reason: 'no answer within 0.05 s' };
    expect([verdicts, server.requests.length]).toEqual([[silent, silent], 1]);
  });

  it('does not hide that an image of another registry does not exist', async () => {
    const [gone, server] = [await startRegistry(), await registry()];
    await gone.close();
    const result = await check(workload([`${gone.host}/web:1`, `${server.host}/web:1`]));
    expect([result.error?.problems.length, result.lines.length]).toEqual([1, 1]);
  });
});
