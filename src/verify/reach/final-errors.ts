import type { ErrorCode } from '../../errors.js';

/** Errors of one way to a pod after which no other way helps. */
export const finalErrors: ReadonlySet<ErrorCode> = new Set(['cancelled', 'unauthorized', 'kubeconfig', 'internal']);
