import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { kustomizeTool } from '../../../src/inputs/parse/kustomize.js';
import { buildKustomization } from '../../../src/manifests/files/kustomize.js';
import { loadManifests } from '../../../src/manifests/files/load.js';
import { readManifests, renderManifests } from '../../../src/manifests/render.js';
import { describeUnless } from '../../support/describe-unless.js';
import { rejectionOf, request } from '../../support/rendering.js';

let root = '';
let workspace = '';
/** Folders of programs, by what is in them. */
let tools = { kustomize: '', kubectl: '', failing: '', silent: '' };

/** Notes how it was called, and prints what the test wants. */
const program = (script: string): string => `#!/bin/sh\nprintf '%s\\n' "$0" "$@" > "$CALLS"\n${script}\n`;
const built = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web-$<TAG>\ndata:\n  port: "8"\n';

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

function toolFolder(name: string, programs: Readonly<Record<string, string>>): string {
  const folder = join(root, 'some tools', name);
  write(folder, programs);
  Object.keys(programs).forEach(file => chmodSync(join(folder, file), 0o755));
  return folder;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'kustomize-'));
  workspace = join(root, 'work');
  const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n';
  write(workspace, {
    'base/kustomization.yaml': 'resources: [app.yml]\n',
    'base/app.yml': deployment,
    'prod/kustomization.yml':
      'resources: [../base]\nnamePrefix: prod-\nconfigMapGenerator: [{name: web, literals: [tag=$<TAG>]}]\n',
    'prod/patch.yml': 'not: a manifest\n',
    'broken/kustomization.yaml': 'resources: [nowhere.yml]\n',
    'top.yml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: top}\n',
  });
  const print = `cat <<'END'\n${built}END`;
  const fail = `echo '# Warning: old field' >&2\necho 'Error: no such file: nowhere.yml' >&2\nexit 3`;
  tools = {
    kustomize: toolFolder('kustomize', { kustomize: program(print) }),
    kubectl: toolFolder('kubectl', { kubectl: program(print) }),
    failing: toolFolder('failing', { kustomize: program(fail) }),
    silent: toolFolder('silent', { kustomize: program('exit 1') }),
  };
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const usual = ['/usr/bin', '/bin'];

/** A search on a runner whose PATH has these folders first, as the inputs would give it. */
function search(patterns: readonly string[], ...folders: string[]) {
  const environment = { PATH: [...folders, ...usual].join(delimiter), CALLS: join(root, 'calls') };
  const kustomize = kustomizeTool({ PATH: folders.join(delimiter) });
  return { patterns, workspace, environment, ...(kustomize !== undefined && { kustomize }) };
}

const calls = (): string[] => readFileSync(join(root, 'calls'), 'utf8').trim().split('\n');

describe('a folder with a kustomization', () => {
  it('is built by the kustomize on the PATH, though kubectl comes first there', async () => {
    const files = await loadManifests(search(['prod'], tools.kubectl, tools.kustomize));
    expect(files).toEqual([{ file: 'prod (built by kustomize)', text: built }]);
    expect(calls()).toEqual([join(tools.kustomize, 'kustomize'), 'build', join(workspace, 'prod')]);
  });

  it('is built by kubectl where there is no kustomize', async () => {
    const files = await loadManifests(search(['prod'], tools.kubectl));
    expect(files).toEqual([{ file: 'prod (built by kubectl)', text: built }]);
    expect(calls()).toEqual([join(tools.kubectl, 'kubectl'), 'kustomize', join(workspace, 'prod')]);
  });

  it('is rendered like a file: placeholders are replaced, and positions refer to the output', async () => {
    const manifests = await readManifests(search(['top.yml', 'prod'], tools.kustomize));
    expect(manifests.files).toEqual(['top.yml', 'prod (built by kustomize)']);
    const { resources } = renderManifests({ ...request('', { variables: { TAG: '8' } }), manifests });
    expect(resources.map(({ object }) => object.metadata.name)).toEqual(['top', 'web-8']);
    expect(resources[1]!.positionOf(['data', 'port'])).toEqual({
      file: 'prod (built by kustomize)',
      line: 6,
      column: 3,
    });
  });

  it('runs with the given environment only', async () => {
    const folder = toolFolder('env', { kustomize: program('env') });
    process.env['INPUT_KUBECONFIG'] = 'secret';
    const [file] = await loadManifests(search(['prod'], folder));
    delete process.env['INPUT_KUBECONFIG'];
    expect(file!.text).toContain('CALLS=');
    expect(file!.text).not.toContain('INPUT_KUBECONFIG');
  });

  it('that cannot be built is reported with the error of the tool', async () => {
    const error = await rejectionOf(loadManifests(search(['top.yml', 'broken'], tools.failing)));
    expect(error).toMatchObject({
      code: 'manifest',
      message: 'broken cannot be built: `kustomize build` ended with exit code 3: no such file: nowhere.yml',
      hint: undefined,
    });
  });

  it('whose tool prints nothing is reported with its exit code', async () => {
    const error = await rejectionOf(loadManifests(search(['broken'], tools.silent)));
    expect(error.message).toBe('broken cannot be built: `kustomize build` ended with exit code 1: no error output');
  });

  it('is a problem with a remedy where the runner has no tool', async () => {
    const error = await rejectionOf(loadManifests(search(['prod', 'base'])));
    expect(error.problems.map(({ message }) => message)).toEqual([
      'prod has a kustomization, but neither kustomize nor kubectl is on the PATH: install one in an earlier step, or build it in an earlier step (`kustomize build prod > manifests.yml`) and deploy the result instead.',
      'base has a kustomization, but neither kustomize nor kubectl is on the PATH: install one in an earlier step, or build it in an earlier step (`kustomize build base > manifests.yml`) and deploy the result instead.',
    ]);
  });

  it('has its name in quotes in the command of the remedy', async () => {
    const told = await buildKustomization({ folder: '/w', name: 'k8s; touch x' }, { environment: {} });
    expect(told).toEqual({ message: expect.stringContaining("(`kustomize build 'k8s; touch x' > manifests.yml`)") });
  });

  it('is not built when another pattern is wrong', async () => {
    rmSync(join(root, 'calls'), { force: true });
    const error = await rejectionOf(loadManifests(search(['nope.yml', 'prod'], tools.kustomize)));
    expect(error.problems).toEqual([{ message: '`nope.yml` in the input `manifests` matches no file.' }]);
    expect(calls).toThrow();
  });
});

const real = kustomizeTool({ PATH: process.env['PATH'] ?? '' });
const missing = real === undefined ? 'neither kustomize nor kubectl is on the PATH' : undefined;

describeUnless(missing, 'the tool of this machine', () => {
  const searched = (...patterns: string[]) => ({ patterns, workspace, environment: {}, kustomize: real! });

  it('builds base and overlay, which are then rendered', async () => {
    const manifests = await readManifests(searched('prod'));
    const { resources } = renderManifests({ ...request('', { variables: { TAG: '8' } }), manifests });
    const found = resources.map(({ object }) => [object.kind, object.metadata.name, object['data']]);
    expect(found).toEqual([
      ['ConfigMap', expect.stringMatching(/^prod-web-[a-z0-9]+$/), { tag: '8' }],
      ['Deployment', 'prod-web', undefined],
    ]);
    expect(resources[0]!.at.file).toBe(`prod (built by ${real!.name})`);
  });

  it('reports which file is missing', async () => {
    const error = await rejectionOf(loadManifests(searched('broken')));
    expect(error.message).toMatch(
      /^broken cannot be built: `\S+ (build|kustomize)` ended with exit code 1: .*nowhere\.yml/s,
    );
  });
});
