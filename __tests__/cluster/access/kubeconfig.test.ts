import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readKubeconfig } from '../../../src/cluster/access/kubeconfig.js';
import type { KubeconfigContext } from '../../../src/cluster/access/kubeconfig.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  mkdirSync(join(folder, '.kube'));
  mkdirSync(join(folder, 'pod'));
  mkdirSync(join(folder, 'files'));
  writeFileSync(join(folder, '.kube', 'config'), config('home'));
  writeFileSync(join(folder, 'files', 'one'), config('one'));
  writeFileSync(join(folder, 'files', 'two'), config('two'));
  writeFileSync(join(folder, 'pod', 'token'), 'token\n');
  writeFileSync(join(folder, 'pod', 'namespace'), 'pods-own\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A kubeconfig whose every name is `name`. */
function config(name: string, user = ''): string {
  return `
apiVersion: v1
kind: Config
current-context: ${name}
contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}, namespace: ns-${name}}}]
clusters: [{name: ${name}, cluster: {server: https://${name}.example, certificate-authority: ca.pem}}]
users: [{name: ${name}, user: {${user}}}]
`;
}

function read(options: Partial<Parameters<typeof readKubeconfig>[0]>): KubeconfigContext {
  return readKubeconfig({ workspace: folder, environment: {}, ...options });
}

describe('a kubeconfig is found', () => {
  it.each([
    ['as content', () => ({ kubeconfig: config('text') }), 'text', 'input kubeconfig'],
    [
      'as base64 of content',
      () => ({ kubeconfig: Buffer.from(config('b')).toString('base64') }),
      'b',
      'input kubeconfig (base64)',
    ],
    [
      'as base64 broken into lines',
      () => ({ kubeconfig: Buffer.from(config('b')).toString('base64').replace(/.{76}/g, '$&\n') }),
      'b',
      'input kubeconfig (base64)',
    ],
    [
      'as JSON',
      () => ({
        kubeconfig: JSON.stringify({
          'current-context': 'j',
          contexts: [{ name: 'j', context: { cluster: 'j' } }],
          clusters: [{ name: 'j', cluster: { server: 'https://j.example' } }],
        }),
      }),
      'j',
      'input kubeconfig',
    ],
    ['by a path that starts from the workspace', () => ({ kubeconfig: 'files/one' }), 'one', join('files', 'one')],
    [
      'by KUBECONFIG',
      () => ({ environment: { KUBECONFIG: join(folder, 'files', 'two') } }),
      'two',
      join('files', 'two'),
    ],
    ['in the home folder', () => ({ environment: { HOME: folder } }), 'home', join('.kube', 'config')],
  ])('%s', (...[, options, context, source]) => {
    const entry = read(options());
    expect(entry).toMatchObject({ context, cluster: { server: `https://${context}.example` } });
    expect(entry.source.endsWith(source)).toBe(true);
  });

  it('in several files of KUBECONFIG, where the first takes precedence', () => {
    const environment = {
      KUBECONFIG: [join(folder, 'files', 'one'), join(folder, 'gone'), join(folder, 'files', 'two')].join(':'),
    };
    expect(read({ environment }).context).toBe('one');
    expect(read({ environment, context: 'two' }).namespace).toBe('ns-two');
  });

  it('inside a pod, without any other source', () => {
    const environment = {
      KUBERNETES_SERVICE_HOST: 'fd00::1',
      KUBERNETES_SERVICE_PORT: '443',
      HOME: join(folder, 'none'),
    };
    expect(read({ environment, serviceAccount: join(folder, 'pod') })).toMatchObject({
      context: 'in-cluster',
      namespace: 'pods-own',
      cluster: { server: 'https://[fd00::1]:443', 'certificate-authority': join(folder, 'pod', 'ca.crt') },
    });
  });

  it('with paths relative to its own folder, as in kubectl', () => {
    expect(read({ kubeconfig: 'files/one' }).cluster['certificate-authority']).toBe(join(folder, 'files', 'ca.pem'));
    const exec = read({ kubeconfig: config('x', 'exec: {command: ./bin/login}') }).user['exec'];
    expect(exec).toMatchObject({ command: join(folder, 'bin', 'login') });
    expect(read({ kubeconfig: config('x', 'exec: {command: aws}') }).user['exec']).toMatchObject({ command: 'aws' });
  });
});

describe('a kubeconfig is rejected', () => {
  const cluster = 'clusters: [{name: c, cluster: {server: "https://c.example"}}]';
  it.each([
    ['when the secret is empty', ' \n', 'input kubeconfig is empty'],
    ['when the path leads nowhere', './gone.yaml', 'input kubeconfig: no file'],
    [
      'when it is something else, which is not repeated',
      'c2VjcmV0LXRva2VuLXZhbHVl',
      'input kubeconfig is neither a kubeconfig, nor a base64-encoded one, nor the path of a file',
    ],
    [
      'when it is not YAML, without quoting it',
      'apiVersion: v1\nusers: [{token: "hush',
      'input kubeconfig is not YAML',
    ],
    ['when it is a list', '- apiVersion: v1', 'input kubeconfig is not a kubeconfig: it is not a YAML mapping'],
    ['when no context is current', `apiVersion: v1\n${cluster}`, 'input kubeconfig has no current-context'],
    [
      'when the context is missing',
      `current-context: b\ncontexts: [{name: a, context: {cluster: c}}]\n${cluster}`,
      'input kubeconfig has no context b',
    ],
    [
      'when the context’s cluster is missing',
      `current-context: a\ncontexts: [{name: a, context: {cluster: d}}]\n${cluster}`,
      'context a of input kubeconfig refers to the cluster d, which does not exist',
    ],
    [
      'when the server is no URL',
      'current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: c.example}}]',
      'the cluster of context a in input kubeconfig has no usable server address',
    ],
  ])('%s', (_title, kubeconfig, message) => {
    expect(() => read({ kubeconfig })).toThrow(message);
    expect(() => read({ kubeconfig })).not.toThrow(/hush|c2VjcmV0/);
  });

  it('with the available contexts', () => {
    expect(() => read({ kubeconfig: config('a'), context: 'b' })).toThrow(
      expect.objectContaining({ code: 'kubeconfig', hint: 'Its contexts: a.' }),
    );
  });

  it('with all attempts when there is none', () => {
    const environment = { KUBECONFIG: '/gone/config', HOME: '/gone' };
    expect(() => read({ environment })).toThrow(
      'no kubeconfig found (input kubeconfig: not set; KUBECONFIG: no file /gone/config; ~/.kube/config: no file /gone/.kube/config; in-cluster: this runner is not a pod with a service account)',
    );
  });
});
