import type { StrategyName } from './actions.js';
import type { Check } from './checks/kinds.js';
import type { CiJob, CiRun } from './ci-run.js';
import type { KustomizeTool } from './parse/kustomize.js';
import type { WorkloadOverrides } from './parse/overrides.js';
import type { IdlePolicy } from './parse/policies.js';
import type { ImageCheck, RegistrySecret } from './parse/registry.js';
import type { Fields, TakenBy } from './values.js';

export type { Check } from './checks/kinds.js';
export type { CiJob, CiRun, IdTokenRequest } from './ci-run.js';
export type { ImageOverride } from './parse/images.js';
export type { KustomizeTool } from './parse/kustomize.js';
export type { Roles } from './parse/lists.js';
export type { IdlePolicy } from './parse/policies.js';
export type { RecreatePolicy } from './parse/recreate.js';
export type { RegistryLogin } from './parse/registry.js';
export type { SyntheticTraffic } from './parse/synthetic-traffic.js';

/** What every action has beside its inputs. `Fields` holds the inputs, see `table.ts`. */
interface Runner {
  readonly run: CiRun;
  /** The runner's environment without what is withheld (`own-environment.ts`), for `$<NAME>` and the `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the run and `variables`, which `run` checks get as environment variables. Absent: none. */
  readonly commandVariables?: Readonly<Record<string, string>>;
}

/** Everything between the text of the manifests and the objects that are sent. */
export interface RenderInputs extends Pick<
  Fields<'rolling'>,
  'manifests' | 'substitution' | 'images' | 'imagePullSecrets'
> {
  /** Builds the folders among the manifests that have a kustomization. Absent: the runner has none. */
  readonly kustomize?: KustomizeTool;
  readonly variables: Readonly<Record<string, string>>;
  /** Seconds of the native preStop sleep for pods without a preStop hook. Absent: off. */
  readonly preStopSeconds?: number;
  /** True when the user set the number above; false when it is the default of `auto`. */
  readonly preStopExplicit: boolean;
  /** Absent: none. */
  readonly overrides?: WorkloadOverrides;
  /** Absent: none is created. */
  readonly registrySecret?: RegistrySecret;
}

interface Deploy extends Runner, RenderInputs {
  /** `plan`: only shown. */
  readonly action: 'deploy' | 'plan';
  /** The input `strategy` is omitted, so it has its default. Absent: the user set it. */
  readonly strategyOmitted?: true;
  /** Absent: no registry is asked. */
  readonly imageCheck?: ImageCheck;
  readonly verify: readonly Check[];
}

/** What findings about manifests that drop requests do: stop the step, be logged, or nothing. */
export type Lint = Fields<'rolling'>['lint'];

/** A deploy, or the plan of one, with the inputs that its strategy takes. */
type DeployOf<S extends StrategyName> = Fields<S> &
  Deploy & { readonly strategy: S } & (S extends TakenBy<'idle-policy'> ? { readonly idlePolicy: IdlePolicy } : object);

/** The inputs of `deploy` and `plan` with one of these strategies. Default: any. */
export type DeployInputs<S extends StrategyName = StrategyName> = { readonly [Name in S]: DeployOf<Name> }[S];

/** What the actions that switch traffic share. */
interface Switching extends Runner {
  /** Checks to run instead of those recorded with the revision. Absent: the recorded ones. */
  readonly verify?: readonly Check[];
  readonly idlePolicy: IdlePolicy;
  /** For GitHub's API. Absent: empty. */
  readonly token?: string;
  readonly job: CiJob;
}

export interface Promote extends Fields<'promote'>, Switching {
  readonly action: 'promote';
}

export interface Rollback extends Fields<'rollback'>, Switching {
  readonly action: 'rollback';
}

export interface Reject extends Fields<'reject'>, Runner {
  readonly action: 'reject';
}

export interface Status extends Fields<'status'>, Runner {
  readonly action: 'status';
}

/** The inputs of a step, checked and final. */
export type Inputs = Readonly<DeployInputs | Promote | Reject | Rollback | Status>;
