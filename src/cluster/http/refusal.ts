import { CutoverError } from '../../errors.js';
import type { ErrorCode, Problem } from '../../errors.js';
import { groupOf } from '../../kubernetes/kinds.js';
import { describeRef } from '../../kubernetes/object.js';
import type { KindRef, ObjectRef } from '../../kubernetes/object.js';

/** What was asked, as far as an error has to name it. */
export interface Asked {
  /** RBAC verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
  readonly verb: string;
  readonly target: ObjectRef | KindRef;
  /** Resource as RBAC names it, subresource included: `deployments`, `pods/log`. */
  readonly resource: string;
}

/** The API server's Status, as far as it is read. */
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

/** The Status in a body; `undefined` when it is something else, such as plain text. */
export function statusOf(body: Buffer): Status | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const status = typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
    return status ? (value as Status) : undefined;
  } catch {
    return undefined; // not JSON: an answer of something else than the API server's storage
  }
}

/** `PATCH Deployment shop/web`, the way messages name a request. */
export function describeAsked({ verb, target, resource }: Asked): string {
  const subresource = resource.includes('/') ? ` (${resource.slice(resource.indexOf('/') + 1)})` : '';
  return `${verb} ${describeTarget({ target })}${subresource}`;
}

function describeTarget({ target }: Pick<Asked, 'target'>): string {
  return 'name' in target ? describeRef(target) : `${target.kind}s in ${target.namespace ?? 'the cluster'}`;
}

/** The error that an answer of status 400 or above stands for. Values of Secrets never get into it. */
export function refusal(status: number, body: Buffer, asked: Asked): CutoverError {
  const answer = statusOf(body);
  const secret = asked.target.kind === 'Secret';
  // RBAC's own words name who, what and where, and nothing of what an object holds.
  const hidden = secret && !isRbac(answer);
  const said = hidden ? `the API server refused to ${describeAsked(asked)}` : firstLine(answer?.message ?? plain(body));
  const fail = (code: ErrorCode, message: string, more: { hint?: string; problems?: readonly Problem[] } = {}) =>
    new CutoverError(message, {
      code,
      status,
      ...('name' in asked.target && { object: describeRef(asked.target) }),
      ...more,
    });

  switch (status) {
    case 401:
      return fail('unauthorized', `the API server does not accept the credentials (401) to ${describeAsked(asked)}`, {
        hint: 'Check that the token, certificate or exec plugin of the kubeconfig is meant for this cluster and has not expired.',
      });
    case 403:
      return fail('forbidden', said || `forbidden to ${describeAsked(asked)}`, { hint: ruleFor(asked, answer) });
    case 404:
      return missing(asked, answer, fail);
    case 409:
      return clash(asked, answer, fail);
    case 410:
      return fail('expired', said || 'the resourceVersion is too old');
    case 400:
    case 413:
    case 422: {
      const problems = problemsOf(answer, secret);
      return fail('invalid', said || `the API server refuses ${describeAsked(asked)}`, { problems });
    }
    case 500:
      if (answer !== undefined && !answer.reason) {
        const problems = typedPatchProblems(answer.message ?? '', secret);
        const misfit = `${describeTarget(asked)} does not fit the schema of ${asked.target.apiVersion}`;
        return fail('invalid', problems.length > 0 ? misfit : said, { problems });
      }
  }
  const words = said === '' ? '' : `: ${said}`;
  return fail('api', `the API server answered ${status} to ${describeAsked(asked)}${words}`, {
    hint: 'Run this step again. If it says the same, look at the API server, and at what stands between it and this runner.',
  });
}

type Fail = (code: ErrorCode, message: string, more?: { hint?: string; problems?: readonly Problem[] }) => CutoverError;

function missing(asked: Asked, answer: Status | undefined, fail: Fail): CutoverError {
  const { target } = asked;
  if (answer?.details?.kind === 'namespaces' && target.kind !== 'Namespace') {
    const namespace = answer.details.name ?? target.namespace ?? '';
    return fail('not-found', `namespace ${namespace} does not exist`, {
      hint: `Create it, or set create-namespace: true.`,
    });
  }
  if (answer?.details?.name !== undefined) {
    return fail('not-found', `${'name' in target ? describeRef(target) : answer.details.name} does not exist`);
  }
  return fail('unknown-kind', `the API server does not serve ${target.kind} of ${target.apiVersion}`, {
    hint: 'Check apiVersion and kind, or apply the CustomResourceDefinition first.',
  });
}

/** Three different things are answered 409; only one of them says which fields are meant. */
function clash(asked: Asked, answer: Status | undefined, fail: Fail): CutoverError {
  const object = 'name' in asked.target ? describeRef(asked.target) : asked.target.kind;
  if (answer?.reason === 'AlreadyExists') return fail('exists', `${object} exists already`);
  const owned = (answer?.details?.causes ?? []).filter(cause => cause.reason === 'FieldManagerConflict');
  if (owned.length === 0) {
    return fail('moved', `${object} changed since it was read`, {
      hint: 'Somebody else wrote it at the same time. Run this step again: it reads it afresh.',
    });
  }
  const problems = owned.map(cause => {
    const field = (cause.field ?? '').replace(/^\./, '');
    const manager = /"([^"]+)"/.exec(cause.message ?? '')?.[1] ?? 'another manager';
    return { message: `${field}: ${cause.message ?? 'owned by another manager'}`, field, manager };
  });
  const managers = new Set(problems.map(({ manager }) => manager));
  return fail(
    'conflict',
    `${[...managers].join(' and ')} own${managers.size > 1 ? '' : 's'} ${list(problems)} of ${object}`,
    {
      hint: 'Leave the field out of the manifest, let the other manager go, or set force-conflicts: true to take it over.',
      problems,
    },
  );
}

function list(problems: readonly { readonly field: string }[]): string {
  const fields = problems.map(problem => problem.field);
  return fields.length <= 3
    ? fields.join(', ')
    : `${fields.slice(0, 3).join(', ')} and ${fields.length - 3} more fields`;
}

/** The causes of a 422, field by field. */
function problemsOf(answer: Status | undefined, secret: boolean): readonly Problem[] {
  return (answer?.details?.causes ?? []).map(({ field = '', message = '', reason = '' }) => ({
    message: `${field === '' ? '' : `${field}: `}${secret ? withoutValue(message, reason) : firstLine(message)}`,
    field,
  }));
}

/** Of what is said about a field of a Secret, the words that hold nothing of it. */
function withoutValue(message: string, reason: string): string {
  return /field is immutable(?: when `immutable` is set)?$/.exec(message)?.[0] ?? reason;
}

/**
 * A 500 without a reason says what does not fit the schema: `…Kind=Deployment): <path>: <text>`, or one such pair a
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

/** RBAC's own words: which rule would allow it. */
function ruleFor({ verb, target, resource }: Asked, answer: Status | undefined): string {
  if (answer?.details?.causes?.some(cause => cause.reason === 'NamespaceTerminating')) {
    return `Namespace ${target.namespace ?? ''} is being deleted. Wait until it is gone, then create it again.`;
  }
  if (answer?.message !== undefined && !isRbac(answer)) {
    return 'This is a rule of the cluster (a quota, a policy or an admission webhook), not a missing permission.';
  }
  const rule = `{apiGroups: ["${groupOf(target.apiVersion)}"], resources: ["${resource}"], verbs: ["${verb}"]}`;
  const place = target.namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${target.namespace}`;
  return `Missing rule: ${rule} in ${place}, bound to whom the kubeconfig stands for.`;
}

function firstLine(text: string): string {
  // Of an immutable field the API server quotes the whole value: a pod template, say, environment and all.
  const short = text.replace(/Invalid value: [\w.]*[{[][\s\S]*[}\]]: /g, 'Invalid value: …: ');
  return (short.split('\n')[0] ?? '').trim();
}

function plain(body: Buffer): string {
  const text = body.subarray(0, 300).toString('utf8');
  return /^\s*</.test(text) ? '' : text;
}
