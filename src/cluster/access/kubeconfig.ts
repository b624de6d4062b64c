import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { load, YAMLException } from 'js-yaml';
import { CutoverError } from '../../errors.js';
import { yamlReason } from '../../inputs/yaml-reason.js';
import { fieldsAt, isFields } from '../../kubernetes/fields.js';
import type { Fields } from '../../kubernetes/fields.js';
import { findKubeconfig } from './kubeconfig-source.js';
import type { KubeconfigText, KubeconfigSearch } from './kubeconfig-source.js';

/** A context of a kubeconfig: its cluster and user, with absolute paths. */
export interface KubeconfigContext {
  /** Name of the kubeconfig in messages. */
  readonly source: string;
  readonly context: string;
  /** Absent: the context has none. */
  readonly namespace?: string;
  readonly cluster: Fields & { readonly server: string };
  readonly user: Fields;
}

interface NamedEntry {
  readonly name: string;
  readonly fields: Fields;
}

interface ParsedKubeconfig {
  readonly source: string;
  readonly current: string | undefined;
  readonly clusters: readonly NamedEntry[];
  readonly contexts: readonly NamedEntry[];
  readonly users: readonly NamedEntry[];
}

/** Finds, reads, merges and checks the kubeconfig. `context` absent: its current-context. Throws `kubeconfig`. */
export function readKubeconfig(
  options: KubeconfigSearch & { readonly context?: string | undefined },
): KubeconfigContext {
  const source = findKubeconfig(options);
  if (source.from === 'in-cluster') return inCluster(source.server, source.folder);
  return selectContext(merge(source.documents.map(parse)), options.context);
}

function inCluster(server: string, folder: string): KubeconfigContext {
  const file = join(folder, 'namespace');
  const namespace = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  return {
    source: 'the pod’s service account',
    context: 'in-cluster',
    ...(namespace && { namespace }),
    cluster: { server, 'certificate-authority': join(folder, 'ca.crt') },
    user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } } },
  };
}

function parse({ text, folder, name }: KubeconfigText): ParsedKubeconfig {
  let value: unknown;
  try {
    value = load(text);
  } catch (thrown) {
    const reason = thrown instanceof YAMLException ? `: ${yamlReason(thrown)}` : '';
    throw kubeconfigError(`${name} is not YAML${reason}`);
  }
  if (!isFields(value)) throw kubeconfigError(`${name} is not a kubeconfig: it is not a YAML mapping`);
  const current = value['current-context'];
  return {
    source: name,
    current: typeof current === 'string' && current !== '' ? current : undefined,
    clusters: namedEntries(value['clusters'], 'cluster').map(one => withAbsolutePaths(one, folder)),
    contexts: namedEntries(value['contexts'], 'context'),
    users: namedEntries(value['users'], 'user').map(one => withAbsolutePaths(one, folder)),
  };
}

/** Merges several files: of entries with the same name, the first one takes precedence. */
function merge(configs: readonly ParsedKubeconfig[]): ParsedKubeconfig {
  const first = (lists: readonly (readonly NamedEntry[])[]): readonly NamedEntry[] => {
    const byName = new Map<string, NamedEntry>();
    for (const one of lists.flat()) if (!byName.has(one.name)) byName.set(one.name, one);
    return [...byName.values()];
  };
  return {
    source: configs.map(config => config.source).join(', '),
    current: configs.find(config => config.current !== undefined)?.current,
    clusters: first(configs.map(config => config.clusters)),
    contexts: first(configs.map(config => config.contexts)),
    users: first(configs.map(config => config.users)),
  };
}

function selectContext(config: ParsedKubeconfig, contextName: string | undefined): KubeconfigContext {
  const { source } = config;
  const names = config.contexts.map(one => one.name);
  const available = names.length === 0 ? 'It has no contexts.' : `Its contexts: ${names.join(', ')}.`;
  const name = contextName ?? config.current;
  if (name === undefined)
    throw kubeconfigError(`${source} has no current-context`, `${available} Set input context to one of them.`);
  const context = config.contexts.find(one => one.name === name)?.fields;
  if (context === undefined) throw kubeconfigError(`${source} has no context ${name}`, available);

  const entryFor = (list: readonly NamedEntry[], key: 'cluster' | 'user'): Fields => {
    const reference = context[key];
    if (typeof reference !== 'string' || reference === '') {
      if (key === 'user') return {};
      throw kubeconfigError(`context ${name} of ${source} has no ${key}`);
    }
    const entry = list.find(one => one.name === reference)?.fields;
    if (entry === undefined) {
      throw kubeconfigError(`context ${name} of ${source} refers to the ${key} ${reference}, which does not exist`);
    }
    return entry;
  };
  const cluster = entryFor(config.clusters, 'cluster');
  const user = entryFor(config.users, 'user');
  const server = cluster['server'];
  if (typeof server !== 'string' || !URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw kubeconfigError(
      `the cluster of context ${name} in ${source} has no usable server address`,
      'It must be an https:// URL.',
    );
  }
  const namespace = context['namespace'];
  return {
    source,
    context: name,
    ...(typeof namespace === 'string' && namespace !== '' && { namespace }),
    cluster: { ...cluster, server },
    user,
  };
}

function namedEntries(value: unknown, key: string): readonly NamedEntry[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter(isFields)
    .filter(one => typeof one['name'] === 'string')
    .map(one => ({ name: String(one['name']), fields: fieldsAt(one, [key]) }));
}

/** Keys with paths; relative ones start from the folder of the kubeconfig, as in kubectl. */
const fileKeys = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile', 'token-file'];

function withAbsolutePaths({ name, fields }: NamedEntry, folder: string): NamedEntry {
  const entries = Object.entries(fields).map(([key, value]) => {
    const file = fileKeys.includes(key) && typeof value === 'string' && value !== '' && !isAbsolute(value);
    return [key, file ? join(folder, value) : value] as const;
  });
  const exec = fields['exec'];
  const command = isFields(exec) ? exec['command'] : undefined;
  // A command without a slash is looked up in PATH; a relative path starts from the folder of the kubeconfig.
  const relative = typeof command === 'string' && command.includes('/') && !isAbsolute(command);
  const changed = relative && isFields(exec) ? { exec: { ...exec, command: join(folder, command) } } : {};
  return { name, fields: { ...Object.fromEntries(entries), ...changed } };
}

function kubeconfigError(
  message: string,
  hint = 'A kubeconfig is YAML with clusters, users, contexts and current-context.',
): CutoverError {
  return new CutoverError(message, { code: 'kubeconfig', hint });
}
