import type { CutoverError } from '../../errors.js';
import { describeRef } from '../../kubernetes/object.js';
import type { ErrorFactory, RequestDescription, Status } from './api-status.js';

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
export function conflictError(
  request: RequestDescription,
  answer: Status | undefined,
  error: ErrorFactory,
): CutoverError {
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
        : 'Remove the field from the manifest, stop the other manager from setting it, or take it over with `action: deploy` and `force-conflicts: true`.',
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
