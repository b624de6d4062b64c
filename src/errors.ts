import type { Position } from './log.js';

/** The type of an error. Retries and tests depend on it, never on the text of a message. */
export type ErrorCode =
  | 'input' // an invalid value or combination of inputs
  | 'manifest' // a manifest that cannot be read, rendered or classified
  | 'image' // an image does not exist, or the check demands certainty and the registry cannot tell
  | 'kubeconfig' // no usable credentials or cluster address
  | 'unreachable' // no connection to the API server
  | 'unauthorized' // 401: the API server does not accept the credentials
  | 'forbidden' // 403: an RBAC rule is missing
  | 'not-found' // 404 with a Status: the object or its namespace does not exist
  | 'unknown-kind' // 404 without a Status: the API server does not serve this apiVersion or kind
  | 'conflict' // 409 FieldManagerConflict: another manager owns a field
  | 'moved' // 409: the object changed since it was read (stale resourceVersion or uid)
  | 'exists' // 409 AlreadyExists
  | 'invalid' // 400, 413, 422, and 500 for a schema error: the API server rejects the object
  | 'expired' // 410: the resourceVersion of a watch is too old
  | 'budget' // 429 of an eviction: a disruption budget does not allow it now
  | 'api' // any other answer of the API server
  | 'rejected-plan' // the dry run found problems; nothing was written
  | 'findings' // with `lint: error`: violations of lint rules; nothing was written
  | 'rollout' // the new pods did not become ready
  | 'timeout' // a wait exceeded its deadline
  | 'verify' // a check did not pass
  | 'switch' // the traffic switch failed or could not be confirmed
  | 'roles' // the public Service selects no role, or both
  | 'changed' // the live state differs from what was recorded or verified
  | 'nothing-staged' // promote or reject without a staged revision
  | 'no-revision' // rollback without a target revision
  | 'record' // the release record cannot be read or is too big
  | 'record-unknown' // the API server did not tell whether a write of the record was done
  | 'locked' // another run holds the release
  | 'approval' // the approval is missing or cannot be proved
  | 'cancelled' // the run was cancelled
  | 'internal';

/** Properties of a {@link CutoverError}. */
export interface ErrorDetails {
  readonly code: ErrorCode;
  /** The object of the error, as in `Deployment shop/web`. Absent: no specific object. */
  readonly object?: string;
  /** The remedy, one or two sentences. Absent: the message is sufficient. */
  readonly hint?: string;
  /** All problems, one line each, when there are several. Default: none. */
  readonly problems?: readonly Problem[];
  /** HTTP status of the answer of the API server or GitHub. Absent: no answer. */
  readonly status?: number;
  readonly cause?: unknown;
}

/** One line of a list of problems. `at`: position in a manifest; absent: none. */
export interface Problem {
  readonly message: string;
  readonly at?: Position;
  /** Path of the field in the format of the API server: `spec.template.spec.containers[0].image`. Absent: no field. */
  readonly field?: string;
  /** Owner of the field, for a conflict of field managers. */
  readonly manager?: string;
}

/** The only error class: the message has the cause, the other properties object and remedy. */
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

/** A thrown value as a {@link CutoverError}; with code `internal` if it is not one. */
export function asCutoverError(thrown: unknown): CutoverError {
  if (thrown instanceof CutoverError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CutoverError(message, {
    code: 'internal',
    hint: 'This is a bug in Cutover. Please report it with the log of a run with debug logging enabled.',
    cause: thrown,
  });
}

/** An error message as the end of a sentence: more sentences may follow it. */
export function withFullStop(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** Texts one after the other, each as a sentence; absent ones are left out. */
export function sentences(...texts: readonly (string | undefined)[]): string {
  return texts.flatMap(text => (text === undefined || text === '' ? [] : [withFullStop(text)])).join(' ');
}
