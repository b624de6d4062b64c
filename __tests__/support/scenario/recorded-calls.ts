import type { Sandbox } from '../../../sandbox/sandbox.js';

/** One request to the API server, with its places in the order of all arrivals and answers. */
export interface RecordedCall {
  /** As `PATCH Deployment web-a (dry run)`. */
  readonly call: string;
  readonly arrived: number;
  /** Absent: not answered yet. A watch counts as answered when it ends, so that nothing follows a running one. */
  readonly answered?: number;
}

/**
 * Records every request of a cluster until `stop`, and answers them in waves: a wave is held back until no request has arrived
 * for `quietMs`. Without that, an answer takes less time than sending requests side by side, and those would look as if they
 * followed each other.
 */
export function recordCalls(
  sandbox: Pick<Sandbox, 'calls' | 'fault'>,
  { quietMs }: { readonly quietMs: number },
): { readonly calls: () => readonly RecordedCall[]; readonly stop: () => void } {
  const recorded = new Map<object, RecordedCall>();
  let order = 0;
  const ends = [
    sandbox.calls.listen(seen => {
      const { verb, kind, name, dryRun } = seen;
      const call = [verb, kind, name, ...(dryRun ? ['(dry run)'] : [])].filter(Boolean).join(' ');
      recorded.set(seen, { call, arrived: (order += 1) });
    }),
    sandbox.calls.listenToAnswers(seen => {
      const arrived = recorded.get(seen);
      if (arrived !== undefined) recorded.set(seen, { ...arrived, answered: (order += 1) });
    }),
    holdWaves(sandbox, quietMs),
  ];
  return {
    calls: () => [...recorded.values()],
    stop: () => {
      for (const end of ends) end();
    },
  };
}

function holdWaves({ fault }: Pick<Sandbox, 'fault'>, quietMs: number): () => void {
  const held: (() => void)[] = [];
  const release = (): void => {
    for (const answer of held.splice(0)) answer();
  };
  let timer: NodeJS.Timeout | undefined;
  const hold = (): Promise<void> =>
    new Promise(resolve => {
      held.push(resolve);
      clearTimeout(timer);
      timer = setTimeout(release, quietMs);
    });
  const end = fault({}, { do: 'overtake', by: hold });
  return () => {
    end();
    clearTimeout(timer);
    release();
  };
}

/**
 * The longest chain of calls, in which each arrived after the one before it was answered: its length is the depth, the number
 * of round trips that follow each other.
 */
export function longestChain(calls: readonly RecordedCall[]): readonly RecordedCall[] {
  interface Link {
    readonly call: RecordedCall;
    readonly before: Link | undefined;
    readonly depth: number;
  }
  const links = new Map<RecordedCall, Link>();
  const moments = calls.flatMap(call => [
    { at: call.arrived, call, isAnswer: false },
    ...(call.answered === undefined ? [] : [{ at: call.answered, call, isAnswer: true }]),
  ]);
  moments.sort((one, other) => one.at - other.at);
  let deepest: Link | undefined;
  for (const { call, isAnswer } of moments) {
    const link = links.get(call) ?? { call, before: deepest, depth: (deepest?.depth ?? 0) + 1 };
    links.set(call, link);
    if (isAnswer && link.depth > (deepest?.depth ?? 0)) deepest = link;
  }
  let last: Link | undefined;
  for (const link of links.values()) if (link.depth > (last?.depth ?? 0)) last = link;
  const chain: RecordedCall[] = [];
  for (let link = last; link !== undefined; link = link.before) chain.unshift(link.call);
  return chain;
}
