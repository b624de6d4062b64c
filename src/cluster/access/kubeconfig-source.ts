import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { CutoverError } from '../../errors.js';

/** Where credentials come from, before anything is made of them. */
export type KubeconfigSource =
  | {
      readonly from: 'text';
      /** One or more kubeconfigs; the first that names a thing wins. */
      readonly documents: readonly KubeconfigText[];
    }
  | { readonly from: 'in-cluster'; readonly server: string; readonly folder: string };

/** A kubeconfig that nobody has parsed yet. */
export interface KubeconfigText {
  readonly text: string;
  /** Folder that file names in it start from. */
  readonly folder: string;
  /** How messages call it: `input kubeconfig` or the file's name. */
  readonly name: string;
}

export interface SourceOptions {
  /** Input `kubeconfig`: content, base64 of it, or a path. */
  readonly kubeconfig?: string | undefined;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where Kubernetes puts a pod's service account. Default: where it always does. */
  readonly serviceAccount?: string | undefined;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Input, else `KUBECONFIG`, else `~/.kube/config`, else the pod's own service account; throws `kubeconfig`. */
export function findKubeconfig(options: SourceOptions): KubeconfigSource {
  const { kubeconfig, workspace, environment } = options;
  if (kubeconfig !== undefined) return { from: 'text', documents: [fromInput(kubeconfig, workspace)] };

  const tried: string[] = ['input kubeconfig: not set'];
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter(name => name !== '');
  const files = listed.map(name => resolve(workspace, name));
  const there = files.filter(isFile);
  if (there.length > 0) return { from: 'text', documents: there.map(read) };
  tried.push(files.length === 0 ? 'KUBECONFIG: not set' : `KUBECONFIG: no file ${files.join(', ')}`);

  const home = environment['HOME'] ?? environment['USERPROFILE'];
  const usual = home === undefined ? undefined : join(home, '.kube', 'config');
  if (usual !== undefined && isFile(usual)) return { from: 'text', documents: [read(usual)] };
  tried.push(usual === undefined ? '~/.kube/config: HOME is not set' : `~/.kube/config: no file ${usual}`);

  const folder = options.serviceAccount ?? serviceAccountFolder;
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host !== undefined && host !== '' && isFile(join(folder, 'token'))) {
    return { from: 'in-cluster', server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, folder };
  }
  tried.push('in-cluster: this runner is not a pod with a service account');
  throw new CutoverError(`no kubeconfig found (${tried.join('; ')})`, {
    code: 'kubeconfig',
    hint: 'Set input kubeconfig to the content of a kubeconfig (a secret), base64 of it, or a path.',
  });
}

function fromInput(value: string, workspace: string): KubeconfigText {
  const name = 'input kubeconfig';
  const trimmed = value.trim();
  if (trimmed === '') {
    throw new CutoverError(`${name} is empty`, {
      code: 'kubeconfig',
      hint: 'A secret that does not exist, or that this workflow may not read, arrives as an empty text.',
    });
  }
  const path = resolve(workspace, trimmed);
  if (!trimmed.includes('\n') && trimmed.length < 4096 && isFile(path)) return read(path);
  if (looksLikeConfig(trimmed)) return { text: value, folder: workspace, name };
  const decoded = /^[A-Za-z0-9+/=_\s-]+$/.test(trimmed) ? Buffer.from(trimmed, 'base64').toString('utf8') : '';
  if (looksLikeConfig(decoded)) return { text: decoded, folder: workspace, name: `${name} (base64)` };
  // Only what can be nothing but a path is repeated: the value may be a secret.
  const asPath = /^[./~][\w./~ -]{0,200}$/.test(trimmed) || /^[\w-]{1,60}\.(ya?ml|conf|config|json)$/.test(trimmed);
  throw new CutoverError(
    asPath ? `${name}: no file ${path}` : `${name} is neither a kubeconfig, nor base64 of one, nor the path of a file`,
    {
      code: 'kubeconfig',
      hint: 'A kubeconfig is YAML with clusters, users and contexts. Paths are relative to the workspace.',
    },
  );
}

/** YAML or JSON with at least one of the keys that every kubeconfig has. */
function looksLikeConfig(text: string): boolean {
  return /(^|[\s{,"'])(clusters|contexts|current-context|apiVersion)["']?\s*:/.test(text);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function read(path: string): KubeconfigText {
  try {
    return { text: readFileSync(path, 'utf8'), folder: dirname(path), name: path };
  } catch (cause) {
    throw new CutoverError(`${path} cannot be read`, {
      code: 'kubeconfig',
      hint: 'Check who may read the file.',
      cause,
    });
  }
}
