import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { CutoverError } from '../../errors.js';

/** Source of the credentials, not yet parsed. */
export type KubeconfigSource =
  | {
      readonly from: 'text';
      /** One or more kubeconfigs; of entries with the same name, the first takes precedence. */
      readonly documents: readonly KubeconfigText[];
    }
  | { readonly from: 'in-cluster'; readonly server: string; readonly folder: string };

/** A kubeconfig, not yet parsed. */
export interface KubeconfigText {
  readonly text: string;
  /** Folder that relative paths in it start from. */
  readonly folder: string;
  /** Name in messages: `input kubeconfig` or the path of the file. */
  readonly name: string;
}

export interface KubeconfigSearch {
  /** Input `kubeconfig`: content, base64-encoded content, or a path. Absent: the input is not set. */
  readonly kubeconfig?: string | undefined;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder of the pod's service account. Default: the path that Kubernetes uses. */
  readonly serviceAccount?: string | undefined;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Input, else `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod. Throws `kubeconfig` with all attempts. */
export function findKubeconfig(options: KubeconfigSearch): KubeconfigSource {
  const { kubeconfig, workspace, environment } = options;
  if (kubeconfig !== undefined) return { from: 'text', documents: [fromInput(kubeconfig, workspace)] };

  const attempts: string[] = ['input kubeconfig: not set'];
  const paths = (environment['KUBECONFIG'] ?? '').split(delimiter).filter(name => name !== '');
  const files = paths.map(name => resolve(workspace, name));
  const existingFiles = files.filter(isFile);
  if (existingFiles.length > 0) return { from: 'text', documents: existingFiles.map(read) };
  attempts.push(files.length === 0 ? 'KUBECONFIG: not set' : `KUBECONFIG: no file ${files.join(', ')}`);

  const home = environment['HOME'] ?? environment['USERPROFILE'];
  const defaultPath = home === undefined ? undefined : join(home, '.kube', 'config');
  if (defaultPath !== undefined && isFile(defaultPath)) return { from: 'text', documents: [read(defaultPath)] };
  attempts.push(
    defaultPath === undefined ? '~/.kube/config: HOME is not set' : `~/.kube/config: no file ${defaultPath}`,
  );

  const folder = options.serviceAccount ?? serviceAccountFolder;
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host !== undefined && host !== '' && isFile(join(folder, 'token'))) {
    return { from: 'in-cluster', server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, folder };
  }
  attempts.push('in-cluster: this runner is not a pod with a service account');
  throw new CutoverError(`no kubeconfig found (${attempts.join('; ')})`, {
    code: 'kubeconfig',
    hint: 'Set input kubeconfig to the content of a kubeconfig (a secret), to base64-encoded content, or to a path.',
  });
}

function fromInput(value: string, workspace: string): KubeconfigText {
  const name = 'input kubeconfig';
  const trimmed = value.trim();
  if (trimmed === '') {
    throw new CutoverError(`${name} is empty`, {
      code: 'kubeconfig',
      hint: 'A secret that does not exist, or that this workflow cannot access, has an empty value.',
    });
  }
  const path = resolve(workspace, trimmed);
  if (!trimmed.includes('\n') && trimmed.length < 4096 && isFile(path)) return read(path);
  if (looksLikeConfig(trimmed)) return { text: value, folder: workspace, name };
  const decoded = /^[A-Za-z0-9+/=_\s-]+$/.test(trimmed) ? Buffer.from(trimmed, 'base64').toString('utf8') : '';
  if (looksLikeConfig(decoded)) return { text: decoded, folder: workspace, name: `${name} (base64)` };
  // The value may be a secret, so the message repeats it only where it is clearly a path.
  const asPath = /^[./~][\w./~ -]{0,200}$/.test(trimmed) || /^[\w-]{1,60}\.(ya?ml|conf|config|json)$/.test(trimmed);
  throw new CutoverError(
    asPath
      ? `${name}: no file ${path}`
      : `${name} is neither a kubeconfig, nor a base64-encoded one, nor the path of a file`,
    {
      code: 'kubeconfig',
      hint: 'A kubeconfig is YAML with clusters, users and contexts. Paths are relative to the workspace.',
    },
  );
}

/** Whether the text is YAML or JSON with at least one key of a kubeconfig. */
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
      hint: 'Check the permissions of the file.',
      cause,
    });
  }
}
