import type { WorkloadOverrides } from './parse/overrides.js';
import type { ImageCheck, RegistrySecret } from './parse/registry.js';

/** The two names of a blue/green release, in the order in which the first release picks them. */
export type Roles = readonly [string, string];

/** How the http checks of `verify` name what is expected of an answer. All that are given must hold. */
export interface Expectation {
  /** Accepted status codes: a number, or a class as `2xx`. Default: `['2xx']`. */
  readonly status: readonly (number | '1xx' | '2xx' | '3xx' | '4xx' | '5xx')[];
  /** Text that the body must hold. */
  readonly contains?: string;
  /** Regular expression that the body must match. */
  readonly matches?: string;
  /** Dotted path into a JSON body (`status.db`, `items.0.name`) and the value it must have. */
  readonly json?: { readonly path: string; readonly equals: unknown };
  /** Header names (lower case) and the values they must have. */
  readonly header?: Readonly<Record<string, string>>;
}

/** When a check runs: against the staged side before the switch, the public side after it, or both. */
export type CheckStage = 'staged' | 'public' | 'both';

interface CheckTiming {
  readonly on: CheckStage;
  /** Milliseconds during which a failing check is tried again. Default 0: the first answer counts. */
  readonly retryMs: number;
  /** Milliseconds between tries. Default 5 000. */
  readonly intervalMs: number;
}

/** GET of a path behind the Service under test, or of an absolute URL. */
export interface HttpCheck extends CheckTiming {
  readonly kind: 'http';
  /** A path (`/healthz`) or an absolute http(s) URL. */
  readonly target: string;
  readonly method: 'GET' | 'HEAD';
  readonly expect: Expectation;
  /** `every`: each new pod answers, and the Service does (default). `any`: the Service's answer is enough. */
  readonly pods: 'every' | 'any';
}

/** A command; exit status 0 is a pass. `CUTOVER_URL` points at the endpoint under test. */
export interface RunCheck extends CheckTiming {
  readonly kind: 'run';
  readonly command: string;
}

export type Check = HttpCheck | RunCheck;

/** `repo/name:tag` or `repo/name@sha256:…` for every container of that repository, or `container=image`. */
export type ImageOverride =
  | { readonly by: 'repository'; readonly repository: string; readonly image: string }
  | { readonly by: 'container'; readonly container: string; readonly image: string };

/** What becomes of the old role after the switch. */
export type IdlePolicy = { readonly policy: 'keep' } | { readonly policy: 'scale-down'; readonly replicas: number };

/** The workflow run this step belongs to, from the runner's environment. */
export interface CiRun {
  /** `owner/name`. */
  readonly repository: string;
  readonly sha: string;
  readonly refName: string;
  readonly runId: string;
  readonly runNumber: string;
  readonly runAttempt: string;
  readonly job: string;
  readonly actor: string;
  readonly eventName: string;
  /** The run's page, for messages and the record. */
  readonly url: string;
  /** Base of GitHub's REST API. */
  readonly apiUrl: string;
  /** Folder that relative paths start from. */
  readonly workspace: string;
}

/** Which objects may be deleted and made again when the API server refuses to change them. */
export interface RecreatePolicy {
  /** Every Job: it is there to run once. */
  readonly jobs: boolean;
  /** These objects; kinds are compared without regard to case. */
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
}

/** What every action needs. */
interface Common {
  /** Content, base64 of it, or a path. Absent: `KUBECONFIG`, `~/.kube/config`, in-cluster. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Absent: the kubeconfig context's, else `default`. */
  readonly namespace?: string;
  /** Absent: derived from the manifests, or from the namespace's only record. */
  readonly release?: string;
  readonly timeoutMs: number;
  readonly run: CiRun;
  /** The runner's environment without the step's own `INPUT_*`, for `$<NAME>` and the `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A program on the runner that builds kustomizations. */
export interface KustomizeTool {
  readonly name: 'kustomize' | 'kubectl';
  /** Absolute path of the program. */
  readonly file: string;
}

/** Everything between the manifests' text and the objects that are sent. */
export interface RenderInputs {
  /** Patterns in the order given. */
  readonly manifests: readonly string[];
  /** Builds the folders among them that have a kustomization. Absent: the runner has none. */
  readonly kustomize?: KustomizeTool;
  readonly variables: Readonly<Record<string, string>>;
  readonly substitution: 'on' | 'strict-only' | 'off';
  readonly images: readonly ImageOverride[];
  /** Seconds of the native preStop sleep for pods that have none. `undefined`: off. */
  readonly preStopSeconds?: number;
  /** True when the number above was asked for; false when it is the default of `auto`. */
  readonly preStopExplicit: boolean;
  /** Absent: none. */
  readonly overrides?: WorkloadOverrides;
  /** Names of Secrets that every workload pulls its images with. Absent: those of the manifests alone. */
  readonly imagePullSecrets?: readonly string[];
  /** Absent: none is made. */
  readonly registrySecret?: RegistrySecret;
}

/** What findings about manifests that drop requests do: stop the step, be told, or nothing. */
export type Lint = 'error' | 'warn' | 'off';

interface DeployCommon extends Common, RenderInputs {
  /** `plan`: only foretold. */
  readonly action: 'deploy' | 'plan';
  readonly lint: Lint;
  /** Absent: no registry is asked. */
  readonly imageCheck?: ImageCheck;
  readonly verify: readonly Check[];
  /** How long ready must last, with no restart. */
  readonly stableForMs: number;
  readonly rollbackOnFailure: boolean;
  readonly createNamespace: boolean;
  readonly forceConflicts: boolean;
  readonly recreate: RecreatePolicy;
  /** Revisions kept in the record. */
  readonly historyLimit: number;
  /** Name of the public Service, where it is ambiguous. */
  readonly service?: string;
}

export interface DeployRolling extends DeployCommon {
  readonly strategy: 'rolling';
}

export interface DeployBlueGreen extends DeployCommon {
  readonly strategy: 'blue-green';
  readonly roles: Roles;
  readonly switch: 'manual' | 'auto';
  /** Name pattern of the test Services, with `*` for the role. */
  readonly testService?: string;
  readonly idlePolicy: IdlePolicy;
  readonly drainMs: number;
}

/** What the actions that move traffic share. */
interface Traffic extends Common {
  /** Checks to run instead of those recorded with the revision. Absent: the recorded ones. */
  readonly verify?: readonly Check[];
  readonly idlePolicy: IdlePolicy;
  readonly drainMs: number;
  readonly rollbackOnFailure: boolean;
  readonly historyLimit: number;
  /** GitHub environment whose approval must be proved. Absent: no proof is asked for. */
  readonly approval?: string;
  readonly token?: string;
}

export interface Promote extends Traffic {
  readonly action: 'promote';
  /** Promote only this staged revision. */
  readonly revision?: number;
}

export interface Rollback extends Traffic {
  readonly action: 'rollback';
  /** How long ready must last, with no restart. */
  readonly stableForMs: number;
  /** Revision to go back to (rolling). Absent: the one before. */
  readonly revision?: number;
}

export interface Reject extends Common {
  readonly action: 'reject';
  readonly historyLimit: number;
}

export interface Status extends Common {
  readonly action: 'status';
}

/** Everything that a user said, checked and final. */
export type Inputs = Readonly<DeployRolling | DeployBlueGreen | Promote | Reject | Rollback | Status>;
