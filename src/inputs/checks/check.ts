/** What an http check of `verify` expects of a response. All of the fields that are set must hold. */
export interface Expectation {
  /** Accepted status codes: a number, or a class such as `2xx`. Default: `['2xx']`. */
  readonly status: readonly (number | '1xx' | '2xx' | '3xx' | '4xx' | '5xx')[];
  /** Text that the body must contain. */
  readonly contains?: string;
  /** Regular expression that the body must match. */
  readonly matches?: string;
  /** Dotted path into a JSON body (`status.db`, `items.0.name`) and the value that it must have. */
  readonly json?: { readonly path: string; readonly equals: unknown };
  /** Header names (lower case) and the values that they must have. */
  readonly header?: Readonly<Record<string, string>>;
}

/** When a check runs: against the staged side before the switch, the public side after it, or both. */
export type CheckStage = 'staged' | 'public' | 'both';

interface CheckTiming {
  readonly when: CheckStage;
  /** Milliseconds during which a failing check is retried. Default 0: the first response counts. */
  readonly retryMs: number;
  /** Milliseconds between attempts. Default 5 000. */
  readonly intervalMs: number;
}

/** Request for a path behind the Service under test, or for an absolute URL. */
export interface HttpCheck extends CheckTiming {
  readonly kind: 'http';
  /** A path (`/healthz`) or an absolute http(s) URL. */
  readonly target: string;
  readonly method: 'GET' | 'HEAD';
  readonly expect: Expectation;
  /** `every`: each new pod and the Service must respond as expected (default). `any`: the response of the Service is enough. */
  readonly pods: 'every' | 'any';
}

/** A command; exit status 0 passes. `CUTOVER_URL` points at the endpoint under test. */
export interface RunCheck extends CheckTiming {
  readonly kind: 'run';
  readonly command: string;
}

export type Check = HttpCheck | RunCheck;
