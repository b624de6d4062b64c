import { basicCredentials } from '../../inputs/parse/registry.js';
import type { RegistryLogin, RegistrySecret } from '../../inputs/parse/registry.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { podSpecPaths } from './image-fields.js';
import type { Resource } from '../resource.js';

/** The key under which docker keeps a server's login, and by which nodes find it. */
function keyOf(server: string): string {
  return server === 'docker.io' ? 'https://index.docker.io/v1/' : server;
}

/** The Secret as `kubectl create secret docker-registry` would make it, in this namespace. */
export function registrySecretObject({ name, logins }: RegistrySecret, namespace: string): KubeObject {
  const entry = ({ server, username, password }: RegistryLogin) =>
    [keyOf(server), { username, password, auth: basicCredentials({ username, password }) }] as const;
  const content = JSON.stringify({ auths: Object.fromEntries(logins.map(entry)) });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(content).toString('base64') },
  };
}

/**
 * The Secret in every namespace that has a workload of these (nodes pull with Secrets of the pod's own namespace only), in
 * `namespace` where there is none. Messages name the input as its place.
 */
export function registrySecrets(
  secret: RegistrySecret,
  { resources, namespace }: { readonly resources: readonly Resource[]; readonly namespace: string },
): readonly Resource[] {
  const at = { file: 'input registry-secret', line: 1, column: 1 };
  const used = resources
    .filter(({ object }) => podSpecPaths(object).length > 0)
    .map(({ object }) => object.metadata.namespace ?? namespace);
  const namespaces = used.length > 0 ? new Set(used) : [namespace];
  return [...namespaces].map(each => ({ object: registrySecretObject(secret, each), at, place: () => at }));
}
