import type { Step } from './table.js';
import type {
  Check,
  IdlePolicy,
  ImageOverride,
  Inputs,
  KustomizeTool,
  Lint,
  RecreatePolicy,
  Roles,
  CiRun,
} from './inputs.js';
import type { ImageCheck, RegistryLogin, RegistrySecret } from './parse/registry.js';
import type { PodShare } from './parse/overrides.js';
import type { PreStop } from './parse/policies.js';
import type { ActionName, StrategyName } from './actions.js';

/** Every input, parsed; which of them belong to the step is not decided here. */
export interface Values {
  readonly action: ActionName;
  readonly strategy: StrategyName;
  readonly manifests: readonly string[];
  readonly kustomize: KustomizeTool | undefined;
  readonly variables: Readonly<Record<string, string>>;
  readonly substitution: 'on' | 'strict-only' | 'off';
  readonly images: readonly ImageOverride[];
  readonly namespace: string | undefined;
  readonly createNamespace: boolean;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly release: string | undefined;
  readonly service: string | undefined;
  readonly testService: string | undefined;
  readonly roles: Roles;
  readonly switch: 'manual' | 'auto';
  readonly verify: readonly Check[] | undefined;
  readonly idlePolicy: IdlePolicy;
  readonly drainMs: number;
  readonly preStop: PreStop;
  readonly approval: string | undefined;
  readonly timeoutMs: number;
  readonly stableForMs: number;
  readonly rollbackOnFailure: boolean;
  readonly lint: Lint;
  readonly to: number | undefined;
  readonly revision: number | undefined;
  readonly historyLimit: number;
  readonly forceConflicts: boolean;
  readonly recreate: RecreatePolicy;
  readonly replicas: number | undefined;
  readonly maxSurge: PodShare | undefined;
  readonly maxUnavailable: PodShare | undefined;
  readonly imagePullSecrets: readonly string[] | undefined;
  readonly registrySecret: RegistrySecret | undefined;
  readonly imageCheck: ImageCheck | undefined;
  /** Of `registry-credentials`, else of the runner's docker login. */
  readonly registryLogins: readonly RegistryLogin[];
  readonly token: string | undefined;
  readonly run: CiRun;
  readonly environment: Readonly<Record<string, string>>;
}

/** The inputs of one step: what belongs to it, and nothing else. */
export function assemble(step: Step, values: Values): Inputs {
  switch (step) {
    case 'rolling':
      return { ...deploy(values), strategy: 'rolling' };
    case 'blue-green': {
      const { roles, switch: how, testService, idlePolicy, drainMs } = values;
      return {
        ...deploy(values),
        strategy: 'blue-green',
        roles,
        switch: how,
        idlePolicy,
        drainMs,
        ...given({ testService }),
      };
    }
    case 'promote':
      return { ...traffic(values), action: 'promote', ...given({ revision: values.revision }) };
    case 'rollback':
      return {
        ...traffic(values),
        action: 'rollback',
        stableForMs: values.stableForMs,
        ...given({ revision: values.to }),
      };
    case 'reject':
      return { ...common(values), action: 'reject', historyLimit: values.historyLimit };
    case 'status':
      return { ...common(values), action: 'status' };
  }
}

function common({ timeoutMs, run, environment, kubeconfig, context, namespace, release }: Values) {
  return { timeoutMs, run, environment, ...given({ kubeconfig, context, namespace, release }) };
}

function deploy(values: Values) {
  const { manifests, variables, substitution, images, stableForMs, rollbackOnFailure } = values;
  const { createNamespace, forceConflicts, recreate, historyLimit, service, preStop, verify } = values;
  const { imagePullSecrets, registrySecret, imageCheck, replicas, maxSurge, maxUnavailable } = values;
  const overrides = given({ replicas, maxSurge, maxUnavailable });
  return {
    ...common(values),
    action: values.action === 'plan' ? ('plan' as const) : ('deploy' as const),
    lint: values.lint,
    manifests,
    variables,
    substitution,
    images,
    preStopExplicit: preStop.explicit,
    verify: verify ?? [],
    stableForMs,
    rollbackOnFailure,
    createNamespace,
    forceConflicts,
    recreate,
    historyLimit,
    ...given({ kustomize: values.kustomize, preStopSeconds: preStop.seconds, service }),
    ...given({ imagePullSecrets, registrySecret, imageCheck }),
    ...(Object.keys(overrides).length > 0 && { overrides }),
  };
}

function traffic(values: Values) {
  const { idlePolicy, drainMs, rollbackOnFailure, historyLimit, verify, approval, token } = values;
  return {
    ...common(values),
    idlePolicy,
    drainMs,
    rollbackOnFailure,
    historyLimit,
    ...given({ verify, approval, token }),
  };
}

type Given<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

/** The object without its absent members: absent is a missing key, never a key that holds `undefined`. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
