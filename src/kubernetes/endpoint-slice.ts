import { isFields, listAt } from './fields.js';
import type { KubeObject } from './object.js';

export const endpointSliceKind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };

/** One endpoint of an EndpointSlice. */
export interface SliceEndpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  /** Absent: it is no pod. */
  readonly targetRef?: { readonly name?: string; readonly uid?: string };
}

/** The endpoints of a slice that are ready. An absent `ready` means unknown, which consumers must read as ready. */
export function readyEndpoints(slice: KubeObject): readonly SliceEndpoint[] {
  const endpoints = listAt(slice, ['endpoints']).filter((value): value is SliceEndpoint => isFields(value));
  return endpoints.filter(({ conditions }) => conditions?.ready !== false);
}
