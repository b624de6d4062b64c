import type { Position } from './log.js';

/** What kind of thing went wrong. Retries and tests decide by this, never by the words of a message. */
export type ErrorCode =
  | 'input' // a wrong value or combination of inputs
  | 'manifest' // a manifest that cannot be read, rendered or classified
  | 'image' // a registry does not have an image, or cannot tell where that is asked for
  | 'kubeconfig' // no usable credentials or cluster address
  | 'unreachable' // no connection to the API server
  | 'unauthorized' // 401: the API server does not know who asks
  | 'forbidden' // 403: an RBAC rule is missing
  | 'not-found' // 404 with a Status: the object or its namespace does not exist
  | 'unknown-kind' // 404 without a Status: the API server does not serve this apiVersion or kind
  | 'conflict' // 409 FieldManagerConflict: another manager owns a field
  | 'moved' // 409: the object changed since it was read (stale resourceVersion or uid)
  | 'exists' // 409 AlreadyExists
  | 'invalid' // 400, 422, and 500 without a reason: the API server refuses the object
  | 'expired' // 410: the resourceVersion of a watch is too old
  | 'api' // any other answer of the API server
  | 'rejected-plan' // the dry run found problems; nothing was written
  | 'findings' // with `lint: error`: the manifests would drop requests; nothing was written
  | 'rollout' // the new pods did not become ready
  | 'timeout' // a wait ran into its deadline
  | 'verify' // a check did not pass
  | 'switch' // the switch could not be made or confirmed
  | 'roles' // the public Service selects no role, or both
  | 'changed' // something is not what was recorded or verified
  | 'nothing-staged' // promote or reject without a staged revision
  | 'no-revision' // rollback without a revision to go back to
  | 'record' // the release record cannot be read or is too big
  | 'locked' // another run holds the release
  | 'approval' // the approval is missing or cannot be proved
  | 'cancelled' // the run was cancelled
  | 'internal';

/** What {@link CutoverError} is made of. */
export interface ErrorDetails {
  readonly code: ErrorCode;
  /** The object it is about, as in `Deployment shop/web`. Absent: none in particular. */
  readonly object?: string;
  /** What to do about it, one or two sentences. */
  readonly hint?: string;
  /** When several things are wrong at once, one line each; all of them, not just the first. */
  readonly problems?: readonly Problem[];
  /** HTTP status where the API server or GitHub answered. */
  readonly status?: number;
  readonly cause?: unknown;
}

/** One line of a list of problems, with the manifest's place where there is one. */
export interface Problem {
  readonly message: string;
  readonly at?: Position;
  /** Path of the field as the API server names it, as in `spec.template.spec.containers[0].image`. */
  readonly field?: string;
  /** Who owns the field, where the problem is a conflict of managers. */
  readonly manager?: string;
}

/** The one error family: a sentence of cause, and what a reader at 2 a.m. needs beside it. */
export class CutoverError extends Error {
  override readonly name = 'CutoverError';
  readonly code: ErrorCode;
  readonly object?: string;
  readonly hint?: string;
  readonly problems: readonly Problem[];
  readonly status?: number;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    if (details.object !== undefined) this.object = details.object;
    if (details.hint !== undefined) this.hint = details.hint;
    if (details.status !== undefined) this.status = details.status;
    this.problems = details.problems ?? [];
  }

  /** The same error with another hint, or other problems. */
  amended(details: Pick<ErrorDetails, 'hint' | 'problems'>): CutoverError {
    const { code, object, hint, problems, status, cause } = this;
    return new CutoverError(this.message, {
      code,
      problems,
      cause,
      ...(object !== undefined && { object }),
      ...(hint !== undefined && { hint }),
      ...(status !== undefined && { status }),
      ...details,
    });
  }
}

/** Whatever was thrown, as one of the family; `internal` for what is not. */
export function asCutoverError(thrown: unknown): CutoverError {
  if (thrown instanceof CutoverError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CutoverError(message, {
    code: 'internal',
    hint: 'This is a defect of Cutover. Please report it with the log of a run that has debug logging enabled.',
    cause: thrown,
  });
}
