import type { Action, StrategyName } from './actions.js';
import type { CiJob, CiRun, DeployInputs, IdlePolicy, Inputs, KustomizeTool, RegistryLogin } from './inputs.js';
import { runNames } from './ci-run.js';
import { takes } from './table.js';
import { fieldsOf, type Values } from './values.js';

/** The parsed inputs, and what was read of the runner. */
export interface Sources {
  readonly values: Values;
  readonly run: CiRun;
  readonly job: CiJob;
  /** Without the inputs of the step. */
  readonly environment: Readonly<Record<string, string>>;
  /** `undefined`: the runner has none. */
  readonly kustomize: KustomizeTool | undefined;
  /** Of `registry-credentials`, else of the docker login of the runner. */
  readonly registryLogins: readonly RegistryLogin[];
  /** Whether the input `strategy` is set. */
  readonly isStrategySet: boolean;
}

/** The inputs of one action: those that it takes, and nothing else. */
export function assemble(action: Action, sources: Sources): Inputs {
  const { values, run, environment } = sources;
  const common = { run, environment, commandVariables: commandVariables(sources) };
  switch (action) {
    case 'promote':
      return { ...common, ...fieldsOf(action, values), ...switchFields(sources), action };
    case 'rollback':
      return { ...common, ...fieldsOf(action, values), ...switchFields(sources), action };
    case 'reject':
      return { ...common, ...fieldsOf(action, values), action };
    case 'status':
      return { ...common, ...fieldsOf(action, values), action };
    default:
      return deployInputs(action, sources);
  }
}

function deployInputs(strategy: StrategyName, sources: Sources): DeployInputs {
  const { values, run, environment, isStrategySet } = sources;
  const inputs = {
    run,
    environment,
    commandVariables: commandVariables(sources),
    ...fieldsOf(strategy, values),
    ...deployFields(sources),
    strategy,
    ...(!isStrategySet && { strategyOmitted: true }),
    ...(takes(strategy, 'idle-policy') && { idlePolicy: idlePolicyOf(values) }),
  };
  // The table decides at run time which inputs the strategy takes, and the types follow from the same table.
  return inputs as DeployInputs;
}

function commandVariables({ run, values }: Sources): Readonly<Record<string, string>> {
  return { ...runNames(run), ...values.variables };
}

function deployFields({ values, kustomize, registryLogins: logins }: Sources) {
  const { variables, verify = [], replicas, 'pre-stop': preStop, 'image-check': demand } = values;
  const secretName = values['registry-secret'];
  const overrides = defined({
    replicas,
    maxSurge: values['max-surge'],
    maxUnavailable: values['max-unavailable'],
  });
  return {
    action: values.action === 'plan' ? ('plan' as const) : ('deploy' as const),
    variables,
    verify,
    preStopExplicit: preStop.explicit,
    ...defined({
      kustomize,
      preStopSeconds: preStop.seconds,
      registrySecret: secretName === undefined ? undefined : { name: secretName, logins },
      imageCheck: demand === 'off' ? undefined : { demand, logins },
      overrides: Object.keys(overrides).length === 0 ? undefined : overrides,
    }),
  };
}

function switchFields({ values, job }: Sources) {
  const { verify, token } = values;
  return { job, idlePolicy: idlePolicyOf(values), ...defined({ verify, token }) };
}

function idlePolicyOf(values: Values): IdlePolicy {
  const policy = values['idle-policy'];
  return policy === 'scale-down' ? { policy, replicas: values['idle-replicas'] } : { policy };
}

type Defined<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

/** The object without its members that are `undefined`: what is absent is a missing key. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
