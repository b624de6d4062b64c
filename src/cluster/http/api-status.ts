import type { CutoverError, ErrorCode, Problem } from '../../errors.js';
import { describeRef, type KindRef, type ObjectRef } from '../../kubernetes/object.js';

/** A request as errors describe it. */
export interface RequestDescription {
  /** RBAC verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
  readonly verb: string;
  readonly target: ObjectRef | KindRef;
  /** Resource in RBAC rules, with subresource: `deployments`, `pods/log`. */
  readonly resource: string;
}

/** The Status object of an error answer; only the fields that are used. */
export interface Status {
  readonly kind: 'Status';
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** The Status in a body; `undefined` for any other body, such as plain text. */
export function parseStatus(body: Buffer): Status | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const status = typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
    return status ? (value as Status) : undefined;
  } catch {
    return undefined; // not JSON: not an answer of the Kubernetes API
  }
}

/**
 * Whether a 500 rejects the object for good. A server-side apply reports an object that does not fit the schema without a
 * reason; but so does the API server report failures of etcd and of conversion webhooks, which pass.
 */
export function isSchemaError({ reason, message = '' }: Pick<Status, 'reason' | 'message'>): boolean {
  return !reason && /^failed to (?:create typed patch|convert new) object \((?!.*conversion webhook)/s.test(message);
}

/** Whether a 429 refuses an eviction because of a disruption budget, and not to limit the rate of requests. */
export function isRefusedByBudget(answer: Status | undefined): boolean {
  return answer?.code === 429 && (answer.details?.causes ?? []).some(({ reason }) => reason === 'DisruptionBudget');
}

/** `patch Deployment shop/web`: a request in messages. */
export function describeRequest({ verb, target, resource }: RequestDescription): string {
  const subresource = resource.includes('/') ? ` (${resource.slice(resource.indexOf('/') + 1)})` : '';
  return `${verb} ${describeTarget({ target })}${subresource}`;
}

/** `Deployment shop/web`, or `Deployments in shop`. */
export function describeTarget({ target }: Pick<RequestDescription, 'target'>): string {
  return 'name' in target ? describeRef(target) : `${target.kind}s in ${target.namespace ?? 'the cluster'}`;
}

/** Makes the error for one answer. */
export type ErrorFactory = (
  code: ErrorCode,
  message: string,
  more?: { hint?: string; problems?: readonly Problem[] },
) => CutoverError;
