import { inputNames, type InputName } from './table.js';
import { suggestion } from './parse/nearest.js';

/** Former names of inputs, lower case. */
const renamed: Readonly<Record<string, InputName>> = {
  steady: 'stable-for',
  idle: 'idle-policy',
  history: 'history-limit',
  to: 'revision',
  imagepullsecrets: 'image-pull-secrets',
};

const useBlueGreen =
  'weighted traffic is not supported; use strategy: blue-green, which tests the new version before users reach it';
const recorded = 'commit, run and actor of every revision are in the release record; remove it';
const reachable =
  'run the job on a runner that reaches the API server, and pass the kubeconfig in "kubeconfig"; remove it';

/** Inputs of other deploy tools, lower case, and what to do about each. */
const foreign: Readonly<Record<string, string>> = {
  'route-method': 'traffic is switched by the selector of the public Service; remove it, and see "service"',
  'version-switch-buffer':
    'no fixed pause is needed: "stable-for" sets how long the new pods must stay ready; remove it',
  'traffic-split-method': useBlueGreen,
  'traffic-split-annotations': useBlueGreen,
  'baseline-and-canary-replicas': useBlueGreen,
  percentage: useBlueGreen,
  'annotate-resources': recorded,
  'annotate-namespace': recorded,
  annotations: 'write annotations into the manifests; remove it',
  'pull-images': 'no image is pulled to the runner; remove it',
  force:
    'use "force-conflicts" to take fields over from other managers, or "recreate" to name what may be deleted and recreated',
  'server-side': 'every apply is server-side; remove it',
  'private-cluster': reachable,
  'resource-group': reachable,
  'resource-type': reachable,
  name: reachable,
  'skip-tls-verify': 'set insecure-skip-tls-verify, or better the certificate authority, in the kubeconfig',
  'kubectl-version': 'no kubectl is used; remove it',
  args: 'no kubectl is used; remove it',
  arguments: 'no kubectl is used; remove it',
  configs: 'use "manifests"',
  'config-files': 'use "manifests"',
  'kube-config': 'use "kubeconfig"',
  kubeconfigid: 'use "kubeconfig" with a secret',
  'kubeconfig-id': 'use "kubeconfig" with a secret',
  enableconfigsubstitution: 'use "substitution"',
  secretname: 'use "registry-secret"',
  dockercredentials: 'use "registry-credentials"',
  deleteresource: 'this action does not delete objects; remove it',
  environment: 'use "approval" with the name of the environment',
};

/** The line for an input that does not exist, with what to use instead if that is known. */
export function describeUnknownInput(name: string): string {
  const unknown = `${name}: unknown input`;
  if (Object.hasOwn(renamed, name)) return `${unknown}; it is now "${renamed[name] ?? ''}"`;
  if (Object.hasOwn(foreign, name)) return `${unknown}; ${foreign[name] ?? ''}`;
  return `${unknown}${suggestion(name, inputNames)}`;
}
