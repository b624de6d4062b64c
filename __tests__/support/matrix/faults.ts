import type { Fault, SeenCall } from '../../../sandbox/sandbox.js';
import type { Named } from '../kube.js';
import type { TestNamespace } from '../scenario/test-namespace.js';

/**
 * One request of a deploy. Names that differ from run to run have placeholders: `<version>`, `<earlier>` (the version of
 * another deploy), `<revision>`, `<active>`, `<idle>`, `<pod>`.
 */
export interface Target extends SeenCall {
  /** How many equal requests come before it. */
  readonly skip: number;
}

/** A fault that one request of a deploy meets. */
export interface MatrixFault {
  readonly title: string;
  /** Whether a request can meet it. */
  readonly appliesTo: (target: Target) => boolean;
  readonly make: (ns: TestNamespace) => Fault;
  /** Whether the deploy must succeed despite it. */
  readonly survivable: (target: Target) => boolean;
  /** What the message of a failed deploy must say about the cause. */
  readonly cause: RegExp;
  /** Whether the client must ask for fresh credentials. Absent: it must not. */
  readonly renews?: true;
  /** Which share of the requests meets it: faults with the same effect share the requests. Default: all. */
  readonly turns?: { readonly every: number; readonly at: number };
  /** Inputs that a second run needs because of what the fault left. Default: none. */
  readonly again?: Readonly<Record<string, string>>;
  /** How many of its rows run at the same time. Default 1. */
  readonly workers?: number;
}

const always = (): boolean => true;
const never = (): boolean => false;
/** A client must not repeat a POST that the API server may have carried out. */
const notPost = ({ verb }: Target): boolean => verb !== 'POST';
const isWatch = ({ verb }: Target): boolean => verb === 'WATCH';
const writes = ({ verb, dryRun }: Target): boolean => ['PATCH', 'PUT', 'DELETE'].includes(verb) && !dryRun;
/** The record and the lock of the release have no other writer. */
const isApplication = ({ verb, name }: Target): boolean => verb === 'PATCH' && !name.startsWith('cutover-');

const status = (code: number, reason: string, headers?: Readonly<Record<string, string>>) => (): Fault => ({
  do: 'status',
  status: code,
  reason,
  ...(headers && { headers }),
});

/** All faults of the matrix. */
export const matrixFaults: readonly MatrixFault[] = [
  {
    title: '429 with Retry-After',
    appliesTo: always,
    make: status(429, 'TooManyRequests', { 'retry-after': '1' }),
    survivable: always,
    turns: { every: 3, at: 0 },
    cause: /429/,
  },
  {
    title: '500 InternalError',
    appliesTo: always,
    make: status(500, 'InternalError'),
    survivable: notPost,
    turns: { every: 3, at: 1 },
    cause: /500/,
  },
  {
    title: '503',
    appliesTo: always,
    make: status(503, 'ServiceUnavailable'),
    survivable: notPost,
    turns: { every: 3, at: 2 },
    cause: /503/,
  },
  {
    title: 'a connection that is reset before the work is done',
    appliesTo: always,
    make: () => ({ do: 'reset', when: 'before' }),
    survivable: notPost,
    turns: { every: 3, at: 0 },
    cause: /no answer/,
  },
  {
    title: 'a connection that is reset after the work is done',
    appliesTo: always,
    make: () => ({ do: 'reset', when: 'after' }),
    survivable: always,
    cause: /no answer/,
  },
  {
    title: 'a stall of 10 s',
    appliesTo: always,
    make: () => ({ do: 'delay', ms: 10_000 }),
    survivable: always,
    turns: { every: 3, at: 1 },
    cause: /no answer/,
    workers: 6,
  },
  {
    title: 'a watch that ends',
    appliesTo: isWatch,
    make: () => ({ do: 'end-watch' }),
    survivable: always,
    cause: /watch/,
  },
  { title: '410', appliesTo: isWatch, make: () => ({ do: 'gone' }), survivable: always, cause: /old/ },
  {
    title: '401 once',
    appliesTo: always,
    make: status(401, 'Unauthorized'),
    survivable: always,
    turns: { every: 3, at: 2 },
    cause: /401/,
    renews: true,
  },
  { title: '403', appliesTo: always, make: status(403, 'Forbidden'), survivable: never, cause: /forbidden/i },
  {
    title: 'a write by another manager just before',
    appliesTo: writes,
    make: ns => overtaken(ns, { metadata: { annotations: { 'other-manager': 'was here' } } }),
    survivable: ({ kind }) => kind !== 'Service',
    cause: /changed since/,
  },
  {
    title: 'a write to the same field by another manager just before',
    appliesTo: target => isApplication(target) && !target.dryRun,
    make: ns => overtaken(ns, { metadata: { labels: { version: 'other-manager' } } }),
    survivable: never,
    cause: /own|changed since/,
    again: { 'force-conflicts': 'true' },
  },
];

/** Another manager patches the object of the request first, if it exists. */
function overtaken({ cluster: { kube } }: TestNamespace, change: object): Fault {
  const by = async ({ kind, namespace, name }: SeenCall): Promise<void> => {
    const named = { kind: kind as Named['kind'], namespace, name };
    if ((await kube.get(named)) !== undefined) await kube.patch(named, change);
  };
  return { do: 'overtake', by };
}
