import type { Fault, SeenCall } from '../../../sandbox/sandbox.js';
import type { Named } from '../kube.js';
import type { TestNamespace } from '../scenario/test-namespace.js';

/**
 * One request of a deploy. Names that differ from run to run are written as `<version>`, `<earlier>` (that of another deploy),
 * `<revision>`, `<active>`, `<idle>`, `<pod>`.
 */
export interface Target extends SeenCall {
  /** How many requests like it come before. */
  readonly skip: number;
}

/** Something that happens to one request of a deploy. */
export interface MatrixFault {
  readonly title: string;
  /** Which requests it can happen to. */
  readonly appliesTo: (target: Target) => boolean;
  readonly make: (ns: TestNamespace) => Fault;
  /** Whether a deploy has to succeed all the same. */
  readonly survivable: (target: Target) => boolean;
  /** What the message of a failure has to say of its cause. */
  readonly cause: RegExp;
  /** Whether the API server was asked for fresh credentials. */
  readonly renews?: true;
  /** Which share of the requests it happens to when faults of one kind take turns. Default: all. */
  readonly turns?: { readonly every: number; readonly at: number };
  /** What has to be said, when the step is run again, of what the fault has left. */
  readonly again?: Readonly<Record<string, string>>;
  /** How many rows of it are played side by side. Default 1. */
  readonly workers?: number;
}

const always = (): boolean => true;
const never = (): boolean => false;
/** Nobody may repeat a POST that may have been carried out. */
const notPost = ({ verb }: Target): boolean => verb !== 'POST';
const isWatch = ({ verb }: Target): boolean => verb === 'WATCH';
const writes = ({ verb, dryRun }: Target): boolean => ['PATCH', 'PUT', 'DELETE'].includes(verb) && !dryRun;
/** The release's own record and lock have one writer by right. */
const isApplication = ({ verb, name }: Target): boolean => verb === 'PATCH' && !name.startsWith('cutover-');

const status = (code: number, reason: string, headers?: Readonly<Record<string, string>>) => (): Fault => ({
  do: 'status',
  status: code,
  reason,
  ...(headers && { headers }),
});

/** Everything that the matrix lets happen. */
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
    title: 'another writer who touches the object just before',
    appliesTo: writes,
    make: ns => overtaken(ns, { metadata: { annotations: { somebody: 'was here' } } }),
    survivable: ({ kind }) => kind !== 'Service',
    cause: /changed since/,
  },
  {
    title: 'another writer who sets the same field just before',
    appliesTo: target => isApplication(target) && !target.dryRun,
    make: ns => overtaken(ns, { metadata: { labels: { version: 'of-somebody' } } }),
    survivable: never,
    cause: /own|changed since/,
    again: { 'force-conflicts': 'true' },
  },
];

/** Somebody patches the object of the request first, if it is there. */
function overtaken({ cluster: { kube } }: TestNamespace, change: object): Fault {
  const by = async ({ kind, namespace, name }: SeenCall): Promise<void> => {
    const named = { kind: kind as Named['kind'], namespace, name };
    if ((await kube.get(named)) !== undefined) await kube.patch(named, change);
  };
  return { do: 'overtake', by };
}
