import { createHash } from 'node:crypto';
import { arch } from 'node:os';
import { isDeepStrictEqual } from 'node:util';

/**
 * Tags the image with all test programs under every test image name: `node scripts/run.js e2e/images.ts IMAGES`.
 *
 * IMAGES is the value of CUTOVER_TEST_IMAGES, such as `127.0.0.1:5000/cutover`: a registry without TLS or login, and a path.
 * `IMAGES/base:latest` must exist (e2e/Dockerfile). Every tag has the same layers and a configuration whose variable IMAGE
 * selects the program, so that writing a tag through the registry's HTTP API takes a few hundred bytes.
 */
const tags: Readonly<Record<string, readonly string[]>> = {
  site: ['v1', 'v2', 'v3', 'v4', 'v9', '41', '42', '43', 'broken', 'never-ready', 'slow', 'http500'],
  tomcat: ['7', '8', '8-http500', '9', '9-broken', '9-never-ready', '9-slow', '9-http500', '9-wrong'],
  task: ['ok', 'fail', 'second', 'third', '7', '8', '9'],
};

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string };
}

interface Manifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

interface Configuration {
  readonly config?: { readonly Env?: readonly string[] };
}

const kinds = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

const [images = ''] = process.argv.slice(2);
const [registry, ...path] = images.split('/');
if (registry === undefined || path.length === 0) throw new Error('usage: e2e/images.ts REGISTRY/PATH');
const url = (repository: string, rest: string): string =>
  `http://${registry}/v2/${path.join('/')}/${repository}/${rest}`;

const base = await manifestOf('base', 'latest');
const layers = base.manifest.layers;
const configuration = (await (await ask(url('base', `blobs/${base.manifest.config.digest}`))).json()) as Configuration;

for (const [repository, names] of Object.entries(tags)) {
  for (const { digest } of layers) await mount(repository, digest);
  for (const tag of names) await write(repository, tag);
}
process.stdout.write(`${Object.values(tags).flat().length} images are in ${images}\n`);

/** The manifest for this machine's architecture. Resolves an image index. */
async function manifestOf(repository: string, reference: string): Promise<{ type: string; manifest: Manifest }> {
  const answer = await ask(url(repository, `manifests/${reference}`), { headers: { accept: kinds.join(', ') } });
  const type = answer.headers.get('content-type') ?? '';
  const body = (await answer.json()) as Manifest & { readonly manifests?: readonly Descriptor[] };
  if (!body.manifests) return { type, manifest: body };
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  const one = body.manifests.find(({ platform }) => platform?.architecture === architecture);
  if (!one) throw new Error(`${repository}:${reference} has no image for ${architecture}`);
  return manifestOf(repository, one.digest);
}

/** Mounts a layer of the base into another repository, without uploading it. */
async function mount(repository: string, digest: string): Promise<void> {
  if ((await fetch(url(repository, `blobs/${digest}`), { method: 'HEAD' })).ok) return;
  const query = new URLSearchParams({ mount: digest, from: `${path.join('/')}/base` });
  const { status } = await ask(url(repository, `blobs/uploads/?${query.toString()}`), { method: 'POST' });
  if (status !== 201) throw new Error(`${registry} did not mount ${digest} into ${repository}: ${status}`);
}

async function write(repository: string, tag: string): Promise<void> {
  const Env = [...(configuration.config?.Env ?? []), `IMAGE=${repository}:${tag}`];
  const text = JSON.stringify({ ...configuration, config: { ...configuration.config, Env } });
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const started = await ask(url(repository, 'blobs/uploads/'), { method: 'POST' });
  const upload = new URL(started.headers.get('location') ?? '', `http://${registry}`);
  upload.searchParams.set('digest', digest);
  await ask(upload.href, { method: 'PUT', body: text, headers: { 'content-type': 'application/octet-stream' } });
  const manifest = { ...base.manifest, config: { ...base.manifest.config, digest, size: Buffer.byteLength(text) } };
  await ask(url(repository, `manifests/${tag}`), {
    method: 'PUT',
    body: JSON.stringify(manifest),
    headers: { 'content-type': base.type },
  });
  const written = await manifestOf(repository, tag);
  if (!isDeepStrictEqual(written.manifest, manifest))
    throw new Error(`${repository}:${tag} differs from what was written`);
}

async function ask(where: string, how: RequestInit = {}): Promise<Response> {
  const answer = await fetch(where, how);
  if (!answer.ok) throw new Error(`${how.method ?? 'GET'} ${where}: ${answer.status} ${await answer.text()}`);
  return answer;
}
