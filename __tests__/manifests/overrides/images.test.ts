import { describe, expect, it } from '@jest/globals';
import type { ImageOverride } from '../../../src/inputs/inputs.js';
import { parseReference } from '../../../src/inputs/parse/image-reference.js';
import { imageFields } from '../../../src/manifests/overrides/image-fields.js';
import { imagesOf, problemsOf, render, renderBoth } from '../../support/rendering.js';

const byRepository = (repository: string, image: string): ImageOverride => ({ by: 'repository', repository, image });
const byContainer = (container: string, image: string): ImageOverride => ({ by: 'container', container, image });
const workload = (name: string, containers: string, more = ''): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\n` +
  `spec: {selector: {matchLabels: {app: ${name}}}, template: {metadata: {labels: {app: ${name}}}, spec: {containers: [${containers}]${more}}}}\n`;

describe('an image reference', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  it.each([
    ['nginx', { registry: 'docker.io', path: 'library/nginx' }],
    ['docker.io/library/nginx:1', { registry: 'docker.io', path: 'library/nginx', tag: '1' }],
    ['index.docker.io/acme/web', { registry: 'docker.io', path: 'acme/web' }],
    ['reg:5000/app:2', { registry: 'reg:5000', path: 'app', tag: '2' }],
    ['localhost/app', { registry: 'localhost', path: 'app' }],
    ['127.0.0.1:5000/a/b:x', { registry: '127.0.0.1:5000', path: 'a/b', tag: 'x' }],
    [`reg:5000/app:2@${digest}`, { registry: 'reg:5000', path: 'app', tag: '2', digest }],
    [`ghcr.io/a/b@${digest}`, { registry: 'ghcr.io', path: 'a/b', digest }],
    ['[::1]:5000/app:2', { registry: '[::1]:5000', path: 'app', tag: '2' }],
  ])('%s has the parts %j', (image, parts) => {
    const { written: _written, ...found } = parseReference(image)!;
    expect(found).toEqual(parts);
  });

  it.each([
    'Team/app:1',
    'app:',
    'app:-1',
    'a//b:1',
    'app@sha256:12',
    'app 1',
    '',
    `app:${'x'.repeat(129)}`,
    'reg:5000/',
  ])('is not %j', image => {
    expect(parseReference(image)).toBeUndefined();
  });
});

describe('the input images', () => {
  it('peer bug 3(a): a port in the registry is no tag, so other images of that registry stay', () => {
    const text = workload('web', '{name: app, image: "reg:5000/app:1"}, {name: side, image: "reg:5000/sidecar:1"}');
    const { resources } = render(text, { images: [byRepository('reg:5000/app', 'reg:5000/app:2')] });
    expect(imagesOf(resources)).toEqual(['reg:5000/app:2', 'reg:5000/sidecar:1']);
  });

  it('peer bug 3(b): an entry that matches nothing is an error, and names the nearest repository', () => {
    const text = workload('web', '{name: app, image: "ghcr.io/acme/website:1"}');
    expect(
      problemsOf(() => render(text, { images: [byRepository('ghcr.io/acme/wesite', 'ghcr.io/acme/wesite:2')] })),
    ).toEqual([
      '`ghcr.io/acme/wesite:2` in the input `images` matches no image; the manifests have ghcr.io/acme/website:1. ' +
        'Did you mean ghcr.io/acme/website?',
    ]);
  });

  it('an entry of another registry gets a suggestion with the same last part', () => {
    const text = workload('web', '{name: app, image: "registry.internal.example:5000/shop/site:1"}');
    const [problem] = problemsOf(() => render(text, { images: [byRepository('ghcr.io/site', 'ghcr.io/site:2')] }));
    expect(problem).toMatch(/Did you mean registry\.internal\.example:5000\/shop\/site\?$/);
  });

  it('a misspelt container name gets a suggestion', () => {
    const text = workload('web', '{name: webserver, image: "a:1"}');
    const [problem] = problemsOf(() => render(text, { images: [byContainer('webservr', 'a:2')] }));
    expect(problem).toMatch(/matches no container; .* Did you mean webserver\?$/);
  });

  it.each([
    ['nginx', 'docker.io/library/nginx:1'],
    ['docker.io/library/nginx', 'nginx'],
    ['reg:5000/nginx', `reg:5000/nginx:1@sha256:${'a'.repeat(64)}`],
  ])('%s replaces %s, tag and digest included', (repository, image) => {
    const { resources } = render(workload('web', `{name: app, image: "${image}"}`), {
      images: [byRepository(repository, `${repository}:2`)],
    });
    expect(imagesOf(resources)).toEqual([`${repository}:2`]);
  });

  it('logs every old and new image, with the object and the container', () => {
    const text = workload('web', '{name: app, image: "a:1"}', ', initContainers: [{name: init, image: "a"}]');
    expect(render(text, { images: [byRepository('a', 'a:2')] }).notes).toEqual([
      'Deployment web, container init: image a → a:2',
      'Deployment web, container app: image a:1 → a:2',
    ]);
    expect(render(text, { images: [byContainer('app', 'a:1')] }).notes).toEqual([]);
  });

  it('a container name that several workloads have is set in all of them, and logged', () => {
    const text = [workload('web', '{name: app, image: "a:1"}'), workload('worker', '{name: app, image: "b:1"}')].join(
      '---\n',
    );
    const { resources, notes } = render(text, { images: [byContainer('app', 'c:2')] });
    expect(imagesOf(resources)).toEqual(['c:2']);
    expect(notes.at(-1)).toBe(
      '`app=c:2` sets the image of this container in each of Deployment web, Deployment worker',
    );
  });

  it('sets the image of a container where the manifest has none', () => {
    const { resources, notes } = render(workload('web', '{name: app}'), { images: [byContainer('app', 'c:2')] });
    expect([imagesOf(resources), notes]).toEqual([['c:2'], ['Deployment web, container app: image none → c:2']]);
  });

  it('sets the images of both roles', () => {
    const text = [
      'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web-$<TARGET_ROLE>}, ports: [{port: 80}]}\n',
      workload('web-$<TARGET_ROLE>', '{name: app, image: "a:1"}'),
    ].join('---\n');
    const { resources, notes } = renderBoth(text, { images: [byRepository('a', 'a:2')] });
    expect(Object.values(resources.of).map(imagesOf)).toEqual([['a:2'], ['a:2']]);
    expect(notes).toHaveLength(2);
  });

  const template = 'template: {spec: {containers: [{name: a, image: x}]}}';
  it.each([
    ['argoproj.io/v1alpha1', 'Rollout', `spec: {${template}}`],
    ['serving.knative.dev/v1', 'Service', `spec: {${template}}`],
    ['apps.openshift.io/v1', 'DeploymentConfig', `spec: {${template}}`],
    ['batch/v1', 'CronJob', `spec: {jobTemplate: {spec: {${template}}}}`],
    ['keda.sh/v1alpha1', 'ScaledJob', `spec: {jobTargetRef: {${template}}}`],
    ['jobset.x-k8s.io/v1alpha2', 'JobSet', `spec: {replicatedJobs: [{name: j, template: {spec: {${template}}}}]}`],
    ['ray.io/v1', 'RayCluster', `spec: {headGroupSpec: {${template}}, workerGroupSpecs: [{${template}}]}`],
    ['kubeflow.org/v1', 'PyTorchJob', `spec: {pytorchReplicaSpecs: {Master: {${template}}, Worker: {${template}}}}`],
    ['monitoring.coreos.com/v1', 'Prometheus', 'spec: {image: x}'],
    ['postgresql.cnpg.io/v1', 'Cluster', 'spec: {imageName: x}'],
    ['tekton.dev/v1', 'Task', 'spec: {steps: [{name: a, image: x}]}'],
    ['argoproj.io/v1alpha1', 'CronWorkflow', 'spec: {workflowSpec: {templates: [{name: t, container: {image: x}}]}}'],
  ])('sets every image of %s %s', (apiVersion, kind, rest) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n${rest}\n`;
    const { resources } = render(text, { images: [byRepository('x', 'x:2')] });
    expect(imagesOf(resources)).toEqual(['x:2']);
    expect(JSON.stringify(resources[0]!.object)).not.toContain('"x"');
  });

  it('does not change fields named image in unknown kinds', () => {
    const text = 'apiVersion: example.com/v1\nkind: Poster\nmetadata: {name: a}\nspec: {image: x}\n';
    const { resources } = render(text);
    expect(imageFields(resources[0]!.object)).toEqual([]);
  });
});
