const strategyInstead =
  'a share of the traffic for the new version is not offered; use strategy: blue-green, which tests it before any user sees it';
const recorded = 'commit, run and actor of every revision are kept in the release record; remove it';
const reachable =
  'run the job on a runner that reaches the API server, and give its kubeconfig in "kubeconfig"; remove it';

/** Names that other deploy tools use for their inputs, lower case, and what to do about each here. */
const advice: Readonly<Record<string, string>> = {
  'route-method': 'traffic always moves by the selector of the public Service; remove it, and see "service"',
  'version-switch-buffer': 'no fixed pause is needed: "steady" says how long the new pods must stay ready; remove it',
  'traffic-split-method': strategyInstead,
  'traffic-split-annotations': strategyInstead,
  'baseline-and-canary-replicas': strategyInstead,
  percentage: strategyInstead,
  'annotate-resources': recorded,
  'annotate-namespace': recorded,
  annotations: 'write annotations into the manifests; remove it',
  'pull-images': 'no image is pulled to the runner; remove it',
  force: 'use "force-conflicts" to take fields over from other managers; objects are never deleted to be made again',
  'server-side': 'every apply is server-side; remove it',
  'private-cluster': reachable,
  'resource-group': reachable,
  'resource-type': reachable,
  name: reachable,
  'skip-tls-verify':
    'set it in the kubeconfig (insecure-skip-tls-verify), or better give the certificate authority there',
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
  deleteresource: 'objects are not deleted by this action; remove it',
  environment: 'use "approval" with the name of the environment',
};

/** What to use instead of an input of another tool. `undefined`: the name is not one of theirs. */
export function foreignAdvice(name: string): string | undefined {
  return Object.hasOwn(advice, name) ? advice[name] : undefined;
}
