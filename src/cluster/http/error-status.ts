import { CutoverError } from '../../errors.js';
import type { ErrorCode, Problem } from '../../errors.js';
import { describeRef, groupOf } from '../../kubernetes/object.js';
import type { KindRef, ObjectRef } from '../../kubernetes/object.js';

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

/** `patch Deployment shop/web`: a request in messages. */
export function describeRequest({ verb, target, resource }: RequestDescription): string {
  const subresource = resource.includes('/') ? ` (${resource.slice(resource.indexOf('/') + 1)})` : '';
  return `${verb} ${describeTarget({ target })}${subresource}`;
}

function describeTarget({ target }: Pick<RequestDescription, 'target'>): string {
  return 'name' in target ? describeRef(target) : `${target.kind}s in ${target.namespace ?? 'the cluster'}`;
}

/** The error for an answer with status 400 or above. It never contains values of Secrets. */
export function apiError(status: number, body: Buffer, request: RequestDescription): CutoverError {
  const answer = parseStatus(body);
  const secret = request.target.kind === 'Secret';
  // An RBAC message contains user, resource and namespace, but no content of an object.
  const isHidden = secret && !isRbac(answer);
  const reason = isHidden
    ? `the API server rejected the request to ${describeRequest(request)}`
    : firstLine(answer?.message ?? textOf(body));
  const error = (code: ErrorCode, message: string, more: { hint?: string; problems?: readonly Problem[] } = {}) =>
    new CutoverError(message, {
      code,
      status,
      ...('name' in request.target && { object: describeRef(request.target) }),
      ...more,
    });

  switch (status) {
    case 401:
      return error(
        'unauthorized',
        `the API server does not accept the credentials (401) to ${describeRequest(request)}`,
        {
          hint: 'Check that the token, certificate or exec plugin of the kubeconfig is meant for this cluster and has not expired.',
        },
      );
    case 403:
      return error('forbidden', reason || `forbidden to ${describeRequest(request)}`, {
        hint: forbiddenHint(request, answer),
      });
    case 404:
      return notFoundError(request, answer, error);
    case 409:
      return conflictError(request, answer, error);
    case 410:
      return error('expired', reason || 'the resourceVersion is too old');
    case 400:
    case 413:
    case 422: {
      const problems = problemsOf(answer, secret);
      return error('invalid', reason || `the API server rejects the request to ${describeRequest(request)}`, {
        problems,
      });
    }
    case 500:
      if (answer !== undefined && isSchemaError(answer)) {
        const problems = typedPatchProblems(answer.message ?? '', secret);
        const schemaError = `${describeTarget(request)} does not match the schema of ${request.target.apiVersion}`;
        return error('invalid', problems.length > 0 ? schemaError : reason, { problems });
      }
  }
  const details = reason === '' ? '' : `: ${reason}`;
  return error('api', `the API server answered ${status} to ${describeRequest(request)}${details}`, {
    hint: 'Run this step again. If the error persists, check the API server and the proxies between it and this runner.',
  });
}

type ErrorFactory = (
  code: ErrorCode,
  message: string,
  more?: { hint?: string; problems?: readonly Problem[] },
) => CutoverError;

function notFoundError(request: RequestDescription, answer: Status | undefined, error: ErrorFactory): CutoverError {
  const { target } = request;
  if (answer?.details?.kind === 'namespaces' && target.kind !== 'Namespace') {
    const namespace = answer.details.name ?? target.namespace ?? '';
    return error('not-found', `namespace ${namespace} does not exist`, {
      hint: `Create the namespace ${namespace}, or set \`create-namespace: true\`.`,
    });
  }
  if (answer?.details?.name !== undefined) {
    return error('not-found', `${'name' in target ? describeRef(target) : answer.details.name} does not exist`);
  }
  return error('unknown-kind', `the API server does not serve ${target.kind} of ${target.apiVersion}`, {
    hint: 'Check apiVersion and kind, or apply the CustomResourceDefinition first.',
  });
}

/** Managers that are parts of Kubernetes: it does harm to take fields over from them. */
const controlPlane: ReadonlySet<string> = new Set([
  'cloud-controller-manager',
  'clusterrole-aggregation-controller',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
]);

/**
 * Whether a 409 is about a quota that several API servers changed at the same time. The request was not carried out. The
 * object of the request did not change, unless it is that quota.
 */
export function isQuotaRace(answer: Status | undefined, { resource }: Pick<RequestDescription, 'resource'>): boolean {
  const { code, details: { kind = '' } = {} } = answer ?? {};
  return code === 409 && /^(?:cluster)?resourcequotas$/.test(kind) && kind !== resource;
}

/** A 409 has one of four causes: the object exists, it changed, other managers own fields, or a quota changed. */
function conflictError(request: RequestDescription, answer: Status | undefined, error: ErrorFactory): CutoverError {
  const object = 'name' in request.target ? describeRef(request.target) : request.target.kind;
  if (answer?.reason === 'AlreadyExists') return error('exists', `${object} already exists`);
  if (isQuotaRace(answer, request)) {
    return error(
      'api',
      `${object} could not be counted in quota ${answer?.details?.name ?? ''}, which changes at the moment`,
      {
        hint: 'Others create objects in this namespace at the same time. Run this step again.',
      },
    );
  }
  const conflicts = (answer?.details?.causes ?? []).filter(cause => cause.reason === 'FieldManagerConflict');
  if (conflicts.length === 0) {
    return error('moved', `${object} changed since it was read`, {
      hint: 'Another client wrote it at the same time. Run this step again: it reads the latest version.',
    });
  }
  const problems = conflicts.map(cause => {
    const field = (cause.field ?? '').replace(/^\./, '');
    const manager = /"([^"]+)"/.exec(cause.message ?? '')?.[1] ?? 'another manager';
    return { message: `${field}: ${cause.message ?? 'owned by another manager'}`, field, manager };
  });
  const managers = new Set(problems.map(({ manager }) => manager));
  return error(
    'conflict',
    `${[...managers].join(' and ')} own${managers.size > 1 ? '' : 's'} ${fieldList(problems)} of ${object}`,
    {
      hint: [...managers].some(manager => controlPlane.has(manager))
        ? 'Remove the field from the manifest: Kubernetes itself sets it, and needs its own value.'
        : 'Remove the field from the manifest, stop the other manager from setting it, or set force-conflicts: true to take it over.',
      problems,
    },
  );
}

function fieldList(problems: readonly { readonly field: string }[]): string {
  const fields = problems.map(problem => problem.field);
  return fields.length <= 3
    ? fields.join(', ')
    : `${fields.slice(0, 3).join(', ')} and ${fields.length - 3} more fields`;
}

/** The causes of a 422, one problem per field. */
function problemsOf(answer: Status | undefined, secret: boolean): readonly Problem[] {
  return (answer?.details?.causes ?? []).map(({ field = '', message = '', reason = '' }) => ({
    message: `${field === '' ? '' : `${field}: `}${secret ? withoutValue(message, reason) : firstLine(message)}`,
    field,
  }));
}

/** The part of a message about a field of a Secret that contains no value. */
function withoutValue(message: string, reason: string): string {
  return /field is immutable(?: when `immutable` is set)?$/.exec(message)?.[0] ?? reason;
}

/**
 * The problems in the message of a schema error: `…Kind=Deployment): <path>: <text>`, or one such pair per
 * line after `errors:`.
 */
function typedPatchProblems(message: string, secret: boolean): readonly Problem[] {
  const start = message.indexOf('): ');
  if (start === -1) return [];
  const lines = message
    .slice(start + 3)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && line !== 'errors:');
  return lines.map(line => {
    const field = line.slice(0, Math.max(line.indexOf(': '), 0)).replace(/^\./, '');
    return { message: secret ? field : line.replace(/^\./, ''), field };
  });
}

function isRbac(answer: Status | undefined): boolean {
  return /^\S+(?: "[^"]*")? is forbidden: User "[^"]*" cannot \w+ resource "/.test(answer?.message ?? '');
}

/** The RBAC rule that would allow the request, or the reason why no rule would. */
function forbiddenHint({ verb, target, resource }: RequestDescription, answer: Status | undefined): string {
  if (answer?.details?.causes?.some(cause => cause.reason === 'NamespaceTerminating')) {
    return `Namespace ${target.namespace ?? ''} is being deleted. Wait until it is gone, then create it again.`;
  }
  if (answer?.message !== undefined && !isRbac(answer)) {
    return 'A quota, a policy or an admission webhook of the cluster forbids this; it is not a missing permission.';
  }
  const rule = `{apiGroups: ["${groupOf(target.apiVersion)}"], resources: ["${resource}"], verbs: ["${verb}"]}`;
  const role = target.namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${target.namespace}`;
  return `Missing rule: ${rule} in ${role}, bound to the user of the kubeconfig.`;
}

function firstLine(text: string): string {
  // For an immutable field the API server quotes the whole value, such as a pod template with its environment.
  const short = text.replace(/Invalid value: [\w.]*[{[][\s\S]*[}\]]: /g, 'Invalid value: …: ');
  return (short.split('\n')[0] ?? '').trim();
}

function textOf(body: Buffer): string {
  const text = body.subarray(0, 300).toString('utf8');
  return /^\s*</.test(text) ? '' : text;
}
