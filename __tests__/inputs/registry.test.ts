import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readDockerLogin } from '../../src/inputs/parse/docker-login.js';
import type { Inputs } from '../../src/inputs/inputs.js';
import { readInputs } from '../../src/inputs/read.js';
import { registryCredentials } from '../../src/inputs/parse/registry.js';
import { Refusal } from '../../src/inputs/refusal.js';
import { asRunner, github, maskingLog, problems, read } from '../support/step-inputs.js';

const folders: string[] = [];
afterAll(() => folders.forEach(folder => rmSync(folder, { recursive: true })));

/** A folder with docker's `config.json`. */
function dockerConfig(config: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'cutover-docker-'));
  folders.push(folder);
  writeFileSync(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return folder;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secretOf = (inputs: Inputs) => ('registrySecret' in inputs ? inputs.registrySecret : undefined);
const reasonsOf = (text: string): readonly string[] => {
  try {
    registryCredentials(text);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reasons;
    throw thrown;
  }
  throw new Error('the credentials were accepted');
};

describe('registry-credentials', () => {
  it.each([
    ['ghcr.io bob s3cret', { server: 'ghcr.io', username: 'bob', password: 's3cret' }],
    [
      'registry:5000 bob a pass phrase # of words',
      { server: 'registry:5000', username: 'bob', password: 'a pass phrase # of words' },
    ],
    ['https://GHCR.io/v2/ bob s3cret', { server: 'ghcr.io', username: 'bob', password: 's3cret' }],
    ['https://index.docker.io/v1/ bob s3cret', { server: 'docker.io', username: 'bob', password: 's3cret' }],
    ['docker.io\tbob  s3cret', { server: 'docker.io', username: 'bob', password: 's3cret' }],
    ['localhost:5000 bob s3cret', { server: 'localhost:5000', username: 'bob', password: 's3cret' }],
    ['[::1]:5000 bob s3cret', { server: '[::1]:5000', username: 'bob', password: 's3cret' }],
  ])('%j is a login', (line, login) => {
    expect(registryCredentials(`\n${line}\n`)).toEqual([login]);
  });

  it("users' bugs 39 and 40: a login without a server is refused, and never goes to Docker Hub", () => {
    expect(reasonsOf('bob s3cret')).toEqual(['line 1 is not "server username password"']);
    expect(reasonsOf('bob s3cret more')).toEqual([
      'line 1 does not begin with a registry such as ghcr.io, docker.io or registry:5000',
    ]);
    expect(reasonsOf('url: https://ghcr.io bob s3cret')).toHaveLength(1);
  });

  it('has each server once, under any of its names, and reports all lines without quoting one', () => {
    const text = 'docker.io bob s3cret\nhttps://index.docker.io/v1/ bob s3cret\ns3cret';
    const reasons = reasonsOf(text);
    expect(reasons).toEqual(['line 2 repeats a server', 'line 3 is not "server username password"']);
    expect(problems({ manifests: 'k8s', 'registry-secret': 'x', 'registry-credentials': text }).join()).not.toContain(
      's3cret',
    );
  });

  it('is masked in every form, even when the inputs are refused', () => {
    const masked: string[] = [];
    const inputs = { 'registry-credentials': 'ghcr.io bob hunter"2\nhalf-a-line', timeout: 'soon' };
    expect(() => readInputs({ environment: { ...github, ...asRunner(inputs) }, log: maskingLog(masked) })).toThrow();
    expect(masked).toEqual(expect.arrayContaining(['hunter"2', 'hunter\\"2', base64('bob:hunter"2'), 'half-a-line']));
  });
});

describe("the runner's docker login", () => {
  const from = (config: unknown) => readDockerLogin({ DOCKER_CONFIG: dockerConfig(config) });

  it("gives the logins that it holds, Docker Hub's under one name, each server once", () => {
    const auths = {
      'https://index.docker.io/v1/': { auth: base64('bob:pass:word') },
      'https://index.docker.io/v1/access-token': { auth: base64('bob:token') },
      'ghcr.io': { username: 'alice', password: 's3cret' },
      'https://ghcr.io': { auth: base64('other:other') },
    };
    expect(from({ auths })).toMatchObject({
      logins: [
        { server: 'docker.io', username: 'bob', password: 'pass:word' },
        { server: 'ghcr.io', username: 'alice', password: 's3cret' },
      ],
      unreadable: [],
    });
  });

  it.each([
    [
      'a store',
      { auths: { 'ghcr.io': {} }, credsStore: 'desktop' },
      /ghcr\.io: .* docker-credential-desktop, which cannot be read/,
    ],
    ['a store without any entry', { credsStore: 'pass' }, /docker-credential-pass/],
    ['a helper', { credHelpers: { 'gcr.io': 'gcloud' } }, /gcr\.io: .* docker-credential-gcloud/],
    [
      'an identity token',
      { auths: { 'a.azurecr.io': { auth: base64('0:'), identitytoken: 't0ken' } } },
      /a\.azurecr\.io: its login is an identity token/,
    ],
    [
      'an entry that is no base64 of a login',
      { auths: { 'ghcr.io': { auth: '!!!' } } },
      /ghcr\.io: its "auth" is not base64/,
    ],
    ['no login', { auths: {} }, /config\.json: it has no login/],
    ['text that is no JSON', '{"auths": s3cret', /config\.json is not JSON/],
    ['a list', [], /is not a JSON object/],
  ])('is reported with the reason if it cannot be read from %s', (_, config, reason) => {
    const { logins, unreadable } = from(config);
    expect(logins).toEqual([]);
    expect(unreadable).toHaveLength(1);
    expect(unreadable[0]).toMatch(reason);
    expect(unreadable[0]).not.toMatch(/s3cret|t0ken/);
  });

  it('is read from the home folder, and may be missing', () => {
    expect(readDockerLogin({ HOME: '/nowhere' })).toEqual({
      file: '/nowhere/.docker/config.json',
      logins: [],
      unreadable: ['/nowhere/.docker/config.json cannot be read (ENOENT)'],
    });
  });
});

describe('registry-secret', () => {
  const ghcr = { auths: { 'ghcr.io': { auth: base64('bob:s3cret') } } };

  it('uses the credentials that are set', () => {
    const inputs = read({ manifests: 'k8s', 'registry-secret': 'reg', 'registry-credentials': 'ghcr.io bob s3cret' });
    expect(secretOf(inputs)).toEqual({
      name: 'reg',
      logins: [{ server: 'ghcr.io', username: 'bob', password: 's3cret' }],
    });
  });

  it("uses the runner's docker login if none are set, and masks it", () => {
    const masked: string[] = [];
    const environment = {
      ...github,
      DOCKER_CONFIG: dockerConfig(ghcr),
      ...asRunner({ manifests: 'k8s', 'registry-secret': 'reg' }),
    };
    expect(secretOf(readInputs({ environment, log: maskingLog(masked) }))).toMatchObject({
      logins: [{ password: 's3cret' }],
    });
    expect(masked).toEqual(expect.arrayContaining(['s3cret', base64('bob:s3cret')]));
  });

  it('is refused without credentials, with the reason why they cannot be read', () => {
    const environment = { ...github, DOCKER_CONFIG: dockerConfig({ auths: { 'ghcr.io': {} }, credsStore: 'desktop' }) };
    expect(problems({ manifests: 'k8s', 'registry-secret': 'reg' }, environment)).toEqual([
      'registry-secret: received "reg", but there are no credentials for it: "registry-credentials" is not set, and the docker login ' +
        'of the runner cannot be used: ghcr.io: its credentials are in the helper docker-credential-desktop, which cannot be read here',
    ]);
  });

  it('must be a valid name of a Secret', () => {
    expect(
      problems({ manifests: 'k8s', 'registry-secret': 'My_Secret', 'registry-credentials': 'ghcr.io b p' }),
    ).toEqual([
      'registry-secret: received "My_Secret", accepted: a name of lower-case letters, digits, dashes and dots, at most 253 characters',
    ]);
  });
});

describe('image-pull-secrets', () => {
  it('are names of Secrets, each once, in the order written', () => {
    expect(read({ manifests: 'k8s', 'image-pull-secrets': 'b, a.example\nb' })).toMatchObject({
      imagePullSecrets: ['b', 'a.example'],
    });
  });

  it('are refused if they are not valid names', () => {
    const [line] = problems({ manifests: 'k8s', 'image-pull-secrets': 'a, B' });
    expect(line).toMatch(/^image-pull-secrets: received "a, B", accepted: a name of lower-case letters/);
  });
});
