import { describe, expect, it } from '@jest/globals';
import type { RegistrySecret } from '../../../src/inputs/parse/registry.js';
import { fieldAt } from '../../../src/kubernetes/fields.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { Resource } from '../../../src/manifests/resource.js';
import { secretValues } from '../../../src/manifests/secret-values.js';
import { problemsOf, render, renderBoth, type Overrides } from '../../support/rendering.js';

const registrySecret: RegistrySecret = {
  name: 'reg',
  logins: [
    { server: 'docker.io', username: 'bob', password: 's3cret one' },
    { server: 'ghcr.io', username: 'alice', password: 'pa:ss"word' },
  ],
};
const workload = (spec = '', meta = 'name: web'): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {${meta}}\n` +
  `spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: a:1}]${spec}}}}\n`;
const pullSecretsOf = ({ object }: Resource): unknown =>
  fieldAt(object, ['spec', 'template', 'spec', 'imagePullSecrets']);
const secretsIn = (text: string, overrides: Overrides = { registrySecret }): readonly KubeObject[] =>
  render(text, overrides)
    .resources.map(({ object }) => object)
    .filter(({ kind }) => kind === 'Secret');
const decoded = (value: string): string => Buffer.from(value, 'base64').toString('utf8');

describe('the Secret of registry-secret', () => {
  const [secret] = secretsIn(workload());
  const encoded = (secret!['data'] as Record<string, string>)['.dockerconfigjson']!;

  it('is an object of the release like any other', () => {
    expect({ ...secret, data: undefined }).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'reg',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'cutover' },
        annotations: { 'cutover/release': 'web' },
      },
      type: 'kubernetes.io/dockerconfigjson',
    });
  });

  it("users' bugs 39 and 40: each login is under its own server, and only Docker Hub's under that of Docker Hub", () => {
    const { auths } = JSON.parse(decoded(encoded)) as { auths: Record<string, { username: string; password: string }> };
    expect(Object.entries(auths).map(([server, { username, password }]) => [server, username, password])).toEqual([
      ['https://index.docker.io/v1/', 'bob', 's3cret one'],
      ['ghcr.io', 'alice', 'pa:ss"word'],
    ]);
  });

  it("users' bugs 99 and 103: data is base64 once, and so is the auth inside", () => {
    expect(encoded).toMatch(/^[A-Za-z0-9+/]+=*$/);
    const { auths } = JSON.parse(decoded(encoded)) as { auths: Record<string, { auth: string }> };
    expect(Object.values(auths).map(({ auth }) => decoded(auth))).toEqual(['bob:s3cret one', 'alice:pa:ss"word']);
  });

  it('is masked as a whole, plain and encoded', () => {
    const values = secretValues(render(workload(), { registrySecret }).resources);
    expect(values).toEqual([encoded, decoded(encoded)]);
  });

  it('is used by every workload, after what the manifest and image-pull-secrets name, each once', () => {
    const text = workload(', imagePullSecrets: [{name: own}, {name: reg}]');
    const { resources } = render(text, { registrySecret, imagePullSecrets: ['more', 'own'] });
    expect(pullSecretsOf(resources[0]!)).toEqual([{ name: 'own' }, { name: 'reg' }, { name: 'more' }]);
    expect(pullSecretsOf(render(workload(), { registrySecret, imagePullSecrets: ['b', 'a'] }).resources[0]!)).toEqual([
      { name: 'b' },
      { name: 'a' },
      { name: 'reg' },
    ]);
  });

  it('is created in every namespace with a workload, because pull secrets are namespaced', () => {
    const text = [workload('', 'name: a'), workload('', 'name: b, namespace: other')].join('---\n');
    expect(secretsIn(text).map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'other']);
    const alone = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    expect(secretsIn(alone).map(({ metadata }) => metadata.namespace)).toEqual(['shop']);
  });

  it('may not be among the manifests as well', () => {
    const text = `${workload()}---\napiVersion: v1\nkind: Secret\nmetadata: {name: reg}\n`;
    expect(problemsOf(() => render(text, { registrySecret }))).toEqual([
      'input registry-secret:1:1 Secret shop/reg is already defined at app.yml:6:1.',
    ]);
  });

  it('is shared by both roles', () => {
    const role = '{app: "$<TARGET_ROLE>"}';
    const text = [
      `apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: ${role}, ports: [{port: 80}]}\n`,
      workload().replaceAll('{app: web}', role).replace('name: web', 'name: web-$<TARGET_ROLE>'),
    ].join('---\n');
    const { shared, of } = renderBoth(text, { registrySecret }).resources;
    expect(shared.map(({ object }) => object.metadata.name)).toEqual(['reg']);
    expect(Object.values(of).map(own => pullSecretsOf(own[0]!))).toEqual([[{ name: 'reg' }], [{ name: 'reg' }]]);
  });

  it('is available as KUBERNETES_SECRET_NAME, which has no value without the input', () => {
    const text = workload(', imagePullSecrets: [{name: "${KUBERNETES_SECRET_NAME}"}]');
    const { resources } = render(text, { registrySecret, builtIns: { KUBERNETES_SECRET_NAME: 'reg' } });
    expect(pullSecretsOf(resources[0]!)).toEqual([{ name: 'reg' }]);
    expect(problemsOf(() => render(text))).toEqual([
      expect.stringMatching(/^app\.yml:4:\d+ KUBERNETES_SECRET_NAME has a value only with `registry-secret`\.$/),
    ]);
  });
});

describe('image-pull-secrets', () => {
  it.each([
    ['batch/v1', 'CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
    ['apps/v1', 'StatefulSet', ['spec', 'template', 'spec']],
    ['v1', 'Pod', ['spec']],
    ['serving.knative.dev/v1', 'Service', ['spec', 'template', 'spec']],
  ])('are added to %s %s', (apiVersion, kind, path) => {
    const nested = path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), {
      containers: [{ name: 'a', image: 'a' }],
    });
    const text = JSON.stringify({ apiVersion, kind, metadata: { name: 'a' }, ...(nested as object) });
    const [resource] = render(text, { imagePullSecrets: ['b'] }).resources;
    expect(fieldAt(resource!.object, [...path, 'imagePullSecrets'])).toEqual([{ name: 'b' }]);
  });

  it('without a workload are an error', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
    expect(problemsOf(() => render(text, { imagePullSecrets: ['a', 'b'] }))).toEqual([
      '`a, b` in the input `image-pull-secrets` would be added to nothing: the manifests have no workload.',
    ]);
  });
});
