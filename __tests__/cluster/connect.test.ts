import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { certificates } from '../../sandbox/api/http/tls.js';
import { answer, connectTo, keptLog, kubeconfigFor, startServer, status } from '../support/cluster/scripted-server.js';
import type { Handler, TestServer } from '../support/cluster/scripted-server.js';

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop' } };
const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a' };
const ok: Handler = (_seen, response) => answer(response, 200, object);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let folder = '';
let server: TestServer;
let ca = '';
let client = { certificate: '', key: '' };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'connect-'));
  ({ ca, client } = await certificates());
  server = await startServer(ok, { tls: true });
});
afterEach(() => {
  server.handle(ok);
  server.seen.length = 0;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A program that a kubeconfig can name as its exec plugin. */
function plugin(name: string, script: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function config(user: unknown, cluster: object = { 'certificate-authority-data': base64(ca) }): string {
  return kubeconfigFor(server.url, { user, cluster });
}

describe('a connection', () => {
  it('authenticates with a client certificate', async () => {
    const user = { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) };
    const log = keptLog();
    const cluster = await connectTo(config(user), { log });
    expect(await cluster.get(ref)).toEqual(object);
    expect(server.seen[0]).toMatchObject({ client: 'sandbox-admin', path: '/api/v1/namespaces/shop/configmaps/a' });
    expect(cluster).toMatchObject({ server: server.url, namespace: 'shop' });
    expect(log.masked).toContain(base64(client.key));
  });

  it('reads certificates from files beside the kubeconfig', async () => {
    writeFileSync(join(folder, 'ca.pem'), ca);
    writeFileSync(join(folder, 'client.pem'), client.certificate);
    writeFileSync(join(folder, 'client.key'), client.key);
    const user = { 'client-certificate': 'client.pem', 'client-key': 'client.key' };
    writeFileSync(join(folder, 'config'), config(user, { 'certificate-authority': 'ca.pem' }));
    const cluster = await connectTo(join(folder, 'config'));
    await cluster.get(ref);
    expect(server.seen[0]?.client).toBe('sandbox-admin');
  });

  it.each([
    ['a token', { token: 'abc-123' }, 'Bearer abc-123'],
    ['a name and a password', { username: 'me', password: 'pass' }, `Basic ${base64('me:pass')}`],
  ])('authenticates with %s', async (_what, user, authorization) => {
    await (await connectTo(config(user))).get(ref);
    expect(server.seen[0]?.headers.authorization).toBe(authorization);
  });

  it('reads a token file, whose last newline is not part of the token', async () => {
    writeFileSync(join(folder, 'token'), 'from-a-file\n');
    const log = keptLog();
    await (await connectTo(config({ tokenFile: join(folder, 'token') }), { log })).get(ref);
    expect(server.seen[0]?.headers.authorization).toBe('Bearer from-a-file');
    expect(log.masked).toContain('from-a-file');
  });

  it('masks a password in the address of the server', async () => {
    const log = keptLog();
    const cluster = await connectTo(config({ token: 't' }).replaceAll('https://', 'https://bob:hunter2@'), { log });
    expect(log.masked).toContain('hunter2');
    expect(cluster.server).toBe(server.url);
    expect(log.lines.join('\n')).toContain(server.url);
    expect(log.lines.join('\n')).not.toMatch(/bob|hunter2/);
  });

  it('impersonates the user in the kubeconfig', async () => {
    await (await connectTo(config({ token: 't', as: 'deployer', 'as-groups': ['a', 'b'] }))).get(ref);
    expect(server.seen[0]?.headers).toMatchObject({ 'impersonate-user': 'deployer', 'impersonate-group': 'a, b' });
  });

  it('prefers the namespace of the input to that of the context', async () => {
    const cluster = await connectTo(config({}), { namespace: 'mine' });
    expect(cluster.namespace).toBe('mine');
  });

  it('skips TLS verification where the kubeconfig disables it, with a warning', async () => {
    const log = keptLog();
    const cluster = await connectTo(config({}, { 'insecure-skip-tls-verify': true }), { log });
    expect(await cluster.get(ref)).toEqual(object);
    expect(log.lines).toContainEqual(expect.stringContaining('warning: input kubeconfig disables TLS verification'));
  });

  it('verifies the certificate against tls-server-name', async () => {
    const authority = { 'certificate-authority-data': base64(ca) };
    const right = await connectTo(config({}, { ...authority, 'tls-server-name': 'localhost' }));
    expect(await right.get(ref)).toEqual(object);
    const wrong = await connectTo(config({}, { ...authority, 'tls-server-name': 'other.example' }));
    await expect(wrong.get(ref)).rejects.toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('tls-server-name'),
    });
  });

  it('does not trust a certificate of another authority', async () => {
    const cluster = await connectTo(config({}, {}));
    await expect(cluster.get(ref)).rejects.toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('certificate-authority-data'),
    });
  });
});

describe('an exec plugin', () => {
  const credential = (token: string): string =>
    JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } });
  const exec = (command: string, more: object = {}): unknown => ({
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never', ...more },
  });

  it('runs once, with the runner’s environment and KUBERNETES_EXEC_INFO', async () => {
    const runs = join(folder, 'runs');
    const command = plugin('good', `echo "$STAGE $KUBERNETES_EXEC_INFO" >> ${runs}\necho '${credential('plugged')}'`);
    const log = keptLog();
    const cluster = await connectTo(config(exec(command)), { environment: { STAGE: 'test' }, log });
    await Promise.all([cluster.get(ref), cluster.get(ref), cluster.get(ref)]);
    expect(server.seen.map(seen => seen.headers.authorization)).toEqual(Array(3).fill('Bearer plugged'));
    const lines = readFileSync(runs, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toBe(
      'test {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}',
    );
    expect(log.masked).toContain('plugged');
  });

  it.each(['content', 'path'])('has its secrets masked before it runs, from a kubeconfig by %s', async how => {
    const env = [{ name: 'VAULT_TOKEN', value: 'hvs.of-env' }];
    const command = plugin('refused', 'echo "refused for $VAULT_TOKEN" >&2; exit 1');
    const text = config(exec(command, { env, args: ['--client-secret=of-args'] }));
    const file = join(folder, 'with-secrets');
    writeFileSync(file, text);
    const log = keptLog();
    await expect(connectTo(how === 'path' ? file : text, { log })).rejects.toThrow('refused for hvs.of-env');
    expect(log.masked).toEqual(expect.arrayContaining(['hvs.of-env', 'of-args']));
  });

  it('sees no input and no state of the step, but all other variables', async () => {
    const seen = join(folder, 'environment');
    const command = plugin('curious', `env > ${seen}\necho '${credential('plugged')}'`);
    const own = { INPUT_TOKEN: 'hush', 'INPUT_REGISTRY-CREDENTIALS': 'hush', STATE_run: 'hush', TEST_OTHER: 'kept' };
    const { env } = process;
    process.env = { ...env, ...own };
    try {
      await (await connectTo(config(exec(command)), { environment: { ...own, STAGE: 'test' } })).get(ref);
    } finally {
      process.env = env;
    }
    const text = readFileSync(seen, 'utf8');
    expect(text).not.toMatch(/hush|^(INPUT|STATE)_/m);
    expect(text).toContain('TEST_OTHER=kept\n');
    expect(text).toContain('STAGE=test\n');
  });

  it('runs again, once, when its token is no longer accepted', async () => {
    const runs = join(folder, 'again');
    const command = plugin(
      'renewing',
      `echo x >> ${runs}\nN=$(wc -l < ${runs})\necho "{\\"status\\":{\\"token\\":\\"token-$(echo $N)\\"}}"`,
    );
    server.handle((seen, response) =>
      seen.headers.authorization === 'Bearer token-1'
        ? answer(response, 401, status(401, { reason: 'Unauthorized' }))
        : answer(response, 200, object),
    );
    const cluster = await connectTo(config(exec(command)));
    await Promise.all([cluster.get(ref), cluster.get(ref)]);
    expect(readFileSync(runs, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('runs again each time that its token expires', async () => {
    const runs = join(folder, 'expirations');
    const command = plugin(
      'expiring',
      `echo x >> ${runs}\nN=$(wc -l < ${runs})\necho "{\\"status\\":{\\"token\\":\\"token-$(echo $N)\\"}}"`,
    );
    let valid = 1;
    server.handle((seen, response) =>
      seen.headers.authorization === `Bearer token-${valid}`
        ? answer(response, 200, object)
        : answer(response, 401, status(401, { reason: 'Unauthorized' })),
    );
    const cluster = await connectTo(config(exec(command)));
    for (; valid <= 3; valid += 1) await expect(cluster.get(ref)).resolves.toMatchObject({ kind: 'ConfigMap' });
    expect(readFileSync(runs, 'utf8').trim().split('\n')).toHaveLength(3);
  });

  it('does not run again after a second 401', async () => {
    server.handle((_seen, response) => answer(response, 401, status(401, { reason: 'Unauthorized' })));
    const cluster = await connectTo(config({ token: 'stale' }));
    await expect(cluster.get(ref)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'the API server does not accept the credentials (401) to get ConfigMap shop/a',
    });
    expect(server.seen).toHaveLength(2);
  });

  it('that is not installed is named, with its install hint', async () => {
    const user = exec('no-such-plugin', { installHint: 'See the manual.' });
    await expect(connectTo(config(user), { environment: { PATH: '/usr/bin:/bin' } })).rejects.toMatchObject({
      code: 'kubeconfig',
      message: 'the exec plugin no-such-plugin of context test cannot be started on this runner (ENOENT)',
      hint: expect.stringContaining('See the manual.'),
    });
  });

  it('that fails is quoted, without possible secrets', async () => {
    const secret = 'eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMyJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl';
    const command = plugin('bad', `echo "cannot log in with ${secret}" >&2\nexit 1`);
    await expect(connectTo(config(exec(command)))).rejects.toThrow(
      `the exec plugin ${command} of context test failed: cannot log in with ***`,
    );
  });

  it('that prints invalid output is not quoted', async () => {
    const command = plugin('chatty', 'echo "hush: not JSON"');
    const failed = connectTo(config(exec(command)));
    await expect(failed).rejects.toMatchObject({ code: 'kubeconfig', hint: expect.stringContaining('ExecCredential') });
    await expect(failed).rejects.not.toThrow('hush');
  });
});

describe('a token that ends', () => {
  it('is read again from its file, once, when it is no longer accepted', async () => {
    const tokenFile = join(folder, 'rotated');
    writeFileSync(tokenFile, 'old\n');
    server.handle((seen, response) =>
      seen.headers.authorization === 'Bearer new'
        ? answer(response, 200, object)
        : answer(response, 401, status(401, { reason: 'Unauthorized' })),
    );
    const cluster = await connectTo(config({ tokenFile }));
    writeFileSync(tokenFile, 'new\n');
    await expect(cluster.get(ref)).resolves.toMatchObject({ kind: 'ConfigMap' });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('is known of the connection, and never in the log', async () => {
    const token = `e30.${Buffer.from('{"exp":1800000000}').toString('base64url')}.c2ln`;
    const log = keptLog();
    const { credentialExpiry } = await connectTo(config({ token }), { log });
    expect(credentialExpiry).toEqual({ what: 'token', source: 'input kubeconfig', atMs: 1_800_000_000_000 });
    expect(log.masked).toContain(token);
  });
});

describe('a file in a kubeconfig', () => {
  it('is reported by its path when it does not exist', async () => {
    await expect(connectTo(config({}, { 'certificate-authority': '/gone/ca.pem' }))).rejects.toMatchObject({
      code: 'kubeconfig',
      message: 'input kubeconfig refers to the file /gone/ca.pem, which cannot be read (ENOENT)',
    });
  });

  it('is rejected when it is not a certificate', async () => {
    const user = { 'client-certificate-data': base64('no PEM'), 'client-key-data': base64('neither') };
    await expect(connectTo(config(user))).rejects.toMatchObject({
      code: 'kubeconfig',
      message: 'a certificate or key of context test in input kubeconfig is not valid PEM',
    });
  });
});

describe('a proxy', () => {
  it.each([
    ['of the kubeconfig', (url: string) => ({ cluster: { 'proxy-url': url }, environment: {} })],
    ['of the environment', (url: string) => ({ cluster: {}, environment: { HTTPS_PROXY: url } })],
  ])('%s carries the connection to the API server', async (_what, use) => {
    const tunnels: string[] = [];
    const { port } = new URL(server.url);
    const proxy = http.createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      // The name only exists behind the proxy.
      const upstream = net.connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
    });
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { cluster, environment } = use(url);
    const authority = { 'certificate-authority-data': base64(ca), 'tls-server-name': 'localhost' };
    const abort = new AbortController();
    const kubeconfig = kubeconfigFor('https://api.internal:6443', { cluster: { ...authority, ...cluster } });
    const connected = await connectTo(kubeconfig, { environment, signal: abort.signal });
    expect(await connected.get(ref)).toEqual(object);
    expect(await connected.get(ref)).toEqual(object);
    expect(tunnels).toEqual(['api.internal:6443']);
    proxy.close();
    await server.close();
    server = await startServer(ok, { tls: true });
  });
});
