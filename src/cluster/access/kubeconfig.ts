import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { load } from 'js-yaml';
import { CutoverError } from '../../errors.js';
import { isFields } from '../../kubernetes/fields.js';
import type { Fields } from '../../kubernetes/fields.js';
import { findKubeconfig } from './kubeconfig-source.js';
import type { KubeconfigText, SourceOptions } from './kubeconfig-source.js';

/** One way in: a cluster and a user, as the kubeconfig has them, with file names made absolute. */
export interface Entry {
  /** Where it was found, for messages. */
  readonly source: string;
  readonly context: string;
  /** Absent: the context names none. */
  readonly namespace?: string;
  readonly cluster: Fields & { readonly server: string };
  readonly user: Fields;
}

interface Named {
  readonly name: string;
  readonly fields: Fields;
}

interface Config {
  readonly source: string;
  readonly current: string | undefined;
  readonly clusters: readonly Named[];
  readonly contexts: readonly Named[];
  readonly users: readonly Named[];
}

/** Finds, reads, merges and checks; `context` absent means the current one. Throws `kubeconfig`. */
export function readKubeconfig(options: SourceOptions & { readonly context?: string | undefined }): Entry {
  const found = findKubeconfig(options);
  if (found.from === 'in-cluster') return inCluster(found.server, found.folder);
  return pick(merge(found.documents.map(parse)), options.context);
}

function inCluster(server: string, folder: string): Entry {
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

function parse({ text, folder, name }: KubeconfigText): Config {
  let value: unknown;
  try {
    value = load(text);
  } catch (thrown) {
    // The parser's own message quotes the text around the error, which may be a key.
    const reason = thrown instanceof Error && 'reason' in thrown ? `: ${String(thrown.reason)}` : '';
    throw fault(`${name} is not YAML${reason}`);
  }
  if (!isFields(value)) throw fault(`${name} is not a kubeconfig: it holds no mapping`);
  const current = value['current-context'];
  return {
    source: name,
    current: typeof current === 'string' && current !== '' ? current : undefined,
    clusters: named(value['clusters'], 'cluster').map(one => withPaths(one, folder)),
    contexts: named(value['contexts'], 'context'),
    users: named(value['users'], 'user').map(one => withPaths(one, folder)),
  };
}

/** Several files are one: for each name the first file that has it wins. */
function merge(configs: readonly Config[]): Config {
  const first = (lists: readonly (readonly Named[])[]): readonly Named[] => {
    const byName = new Map<string, Named>();
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

function pick(config: Config, wanted: string | undefined): Entry {
  const { source } = config;
  const names = config.contexts.map(one => one.name);
  const known = names.length === 0 ? 'It has no contexts.' : `Its contexts: ${names.join(', ')}.`;
  const name = wanted ?? config.current;
  if (name === undefined) throw fault(`${source} has no current-context`, `${known} Name one with input context.`);
  const context = config.contexts.find(one => one.name === name)?.fields;
  if (context === undefined) throw fault(`${source} has no context ${name}`, known);

  const part = (list: readonly Named[], key: 'cluster' | 'user'): Fields => {
    const reference = context[key];
    if (typeof reference !== 'string' || reference === '') {
      if (key === 'user') return {};
      throw fault(`context ${name} of ${source} names no ${key}`);
    }
    const found = list.find(one => one.name === reference)?.fields;
    if (found === undefined) {
      throw fault(`context ${name} of ${source} names the ${key} ${reference}, which is not in it`);
    }
    return found;
  };
  const cluster = part(config.clusters, 'cluster');
  const user = part(config.users, 'user');
  const server = cluster['server'];
  if (typeof server !== 'string' || !URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw fault(
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

function named(value: unknown, key: string): readonly Named[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter(isFields)
    .filter(one => typeof one['name'] === 'string')
    .map(one => ({ name: String(one['name']), fields: isFields(one[key]) ? one[key] : {} }));
}

/** File names in a kubeconfig start from its own folder, as kubectl reads them. */
const fileKeys = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile', 'token-file'];

function withPaths({ name, fields }: Named, folder: string): Named {
  const entries = Object.entries(fields).map(([key, value]) => {
    const file = fileKeys.includes(key) && typeof value === 'string' && value !== '' && !isAbsolute(value);
    return [key, file ? join(folder, value) : value] as const;
  });
  const exec = fields['exec'];
  const command = isFields(exec) ? exec['command'] : undefined;
  // A bare name is looked up in PATH; one with a slash starts from the kubeconfig's folder.
  const relative = typeof command === 'string' && command.includes('/') && !isAbsolute(command);
  const changed = relative && isFields(exec) ? { exec: { ...exec, command: join(folder, command) } } : {};
  return { name, fields: { ...Object.fromEntries(entries), ...changed } };
}

function fault(
  message: string,
  hint = 'A kubeconfig is YAML with clusters, users, contexts and current-context.',
): CutoverError {
  return new CutoverError(message, { code: 'kubeconfig', hint });
}
