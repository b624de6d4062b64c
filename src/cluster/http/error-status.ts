import { CutoverError } from '../../errors.js';
import type { ErrorCode, Problem } from '../../errors.js';
import { shortened } from '../../log.js';
import { describeRef, groupOf } from '../../kubernetes/object.js';
import {
  describeRequest,
  describeTarget,
  isRefusedByBudget,
  isSchemaError,
  parseStatus,
  type ErrorFactory,
  type RequestDescription,
  type Status,
} from './api-status.js';
import { conflictError } from './conflict-error.js';

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
    case 429:
      if (isRefusedByBudget(answer)) {
        const causes = (answer?.details?.causes ?? []).map(({ message = '' }) => firstLine(message));
        return error('budget', [reason, ...causes].filter(text => text !== '').join(' '));
      }
      break;
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
    return { message: secret ? field : withoutGo(line.replace(/^\./, '')), field };
  });
}

/** A wrong type without the internals of Go that the API server prints, and with what to write instead. */
function withoutGo(line: string): string {
  const [, start = line, expected, value = ''] =
    /^(.*expected (\w+), got )&(?:value\.valueUnstructured)?\{(?:Value:)?(.*)\}$/s.exec(line) ?? [];
  const isScalar = /^(?:true|false|[-+\d.e]+)$/.test(value);
  if (expected === 'string' && isScalar) return `${start}${value}: put it in quotes`;
  if (expected === 'boolean') return `${start}${value}: write true or false, without quotes`;
  return `${start}${value}`;
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
  return `Missing rule: ${ruleText({ verbs: [verb], target, resource })}, bound to the user of the kubeconfig.`;
}

/** `{apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"]} in a Role in namespace shop`. */
export function ruleText({
  verbs,
  target,
  resource,
}: Omit<RequestDescription, 'verb'> & { readonly verbs: readonly string[] }): string {
  const allowed = verbs.map(verb => `"${verb}"`).join(', ');
  const rule = `{apiGroups: ["${groupOf(target.apiVersion)}"], resources: ["${resource}"], verbs: [${allowed}]}`;
  return `${rule} in ${target.namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${target.namespace}`}`;
}

function firstLine(text: string): string {
  // For an immutable field the API server quotes the whole value, such as a pod template with its environment.
  const short = text.replace(/Invalid value: [\w.]*[{[][\s\S]*[}\]]: /g, 'Invalid value: …: ');
  return (short.split('\n')[0] ?? '').trim();
}

function textOf(body: Buffer): string {
  const text = shortened(body.toString('utf8'), 300);
  return /^\s*</.test(text) ? '' : text;
}
