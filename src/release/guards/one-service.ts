import { isFields, type Fields } from '../../kubernetes/fields.js';
import { refKey } from '../../kubernetes/object.js';
import type { Guard } from './guard.js';
import { serviceRef } from './objects.js';

/**
 * Records of the version that knew one public Service only. They are read in their present shape; what is not as that version
 * wrote it is left as it is, so that its guard refuses it.
 */
export function upgraded<T>(upgrade: (value: Fields) => Fields, guard: Guard<T>): Guard<T> {
  return (value, path) => guard(isFields(value) ? upgrade(value) : value, path);
}

/** A revision with `publicService`, or of a rolling release, with `publicServices`. */
export function revisionOfOneService(revision: Fields): Fields {
  const { publicService, ...rest } = revision;
  if (rest['publicServices'] !== undefined) return revision;
  return { ...rest, publicServices: publicService === undefined ? [] : [publicService] };
}

/** A state with `publicService`, with `publicServices`. */
export function stateOfOneService(state: Fields): Fields {
  const { publicService, ...rest } = state;
  if (publicService === undefined || rest['publicServices'] !== undefined) return state;
  const { roles, staged, operation, adopted } = rest;
  return {
    ...rest,
    ...(adopted !== undefined && { adopted: [adopted] }),
    publicServices: [publicService],
    ...(isFields(roles) && { roles: mapValues(roles, roleOfOneService) }),
    ...(isFields(staged) && { staged: stagedOfOneService(staged, publicService) }),
    ...(isFields(operation) && { operation: operationOfOneService(operation) }),
  };
}

function roleOfOneService(role: unknown): unknown {
  return isFields(role) && isFields(role['podLabels']) ? { ...role, podLabels: [role['podLabels']] } : role;
}

function stagedOfOneService({ publicServiceUid, ...staged }: Fields, publicService: unknown): Fields {
  const { previous } = staged;
  return {
    ...staged,
    ...(previous !== undefined && { previous: roleOfOneService(previous) }),
    ...(publicServiceUid !== undefined && {
      publicServiceUids: { [refKey(serviceRef(publicService, ['publicService']))]: publicServiceUid },
    }),
  };
}

function operationOfOneService({ previousService, deployment, ...operation }: Fields): Fields {
  if (operation['kind'] === 'adopt' && isFields(deployment)) {
    const { template, imageIds, ...adopt } = operation;
    return { ...adopt, deployments: [{ ...deployment, template, imageIds }] };
  }
  return previousService === undefined
    ? operation
    : { ...operation, services: [{ before: previousService, sent: true }] };
}

function mapValues(fields: Fields, change: (value: unknown) => unknown): Fields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, change(value)]));
}
