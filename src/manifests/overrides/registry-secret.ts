import { basicCredentials } from '../../inputs/parse/registry.js';
import type { RegistryLogin, RegistrySecret } from '../../inputs/parse/registry.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { podSpecPaths } from './image-fields.js';
import type { Resource } from '../resource.js';

/** The key of a server's login in `.dockerconfigjson`. */
function authKey(server: string): string {
  return server === 'docker.io' ? 'https://index.docker.io/v1/' : server;
}

/** The Secret as `kubectl create secret docker-registry` creates it, in this namespace. */
function registrySecretObject({ name, logins }: RegistrySecret, namespace: string): KubeObject {
  const entry = ({ server, username, password }: RegistryLogin) =>
    [authKey(server), { username, password, auth: basicCredentials({ username, password }) }] as const;
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
 * The Secret in every namespace with a workload (a pod can only use pull secrets of its own namespace), or in `namespace`
 * where there is no workload. Messages give the input as its position.
 */
export function registrySecrets(
  secret: RegistrySecret,
  { resources, namespace }: { readonly resources: readonly Resource[]; readonly namespace: string },
): readonly Resource[] {
  const at = { file: 'input registry-secret', line: 1, column: 1 };
  const workloadNamespaces = resources
    .filter(({ object }) => podSpecPaths(object).length > 0)
    .map(({ object }) => object.metadata.namespace ?? namespace);
  const namespaces = workloadNamespaces.length > 0 ? new Set(workloadNamespaces) : [namespace];
  return [...namespaces].map(namespaceName => ({
    object: registrySecretObject(secret, namespaceName),
    at,
    positionOf: () => at,
  }));
}
