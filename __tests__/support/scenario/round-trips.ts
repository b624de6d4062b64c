import type { Sandbox, SeenCall } from '../../../sandbox/sandbox.js';

/** The requests of one round trip, as `PATCH Deployment web-a (dry run)`, in the order of their arrival. */
export type RoundTrip = readonly string[];

export interface RecordedRoundTrips {
  /** How many there are is the depth: the most requests that follow each other. */
  readonly roundTrips: () => readonly RoundTrip[];
  /** Answers what is held back, and holds back nothing more. */
  readonly stop: () => void;
}

/**
 * Holds back every request to a cluster until none has arrived for `quietMs`, and then answers all of them: what was sent side
 * by side is one round trip, and a request that needs the answer to another one is in a later round trip. On a busy machine,
 * requests that were sent side by side can be further apart than `quietMs`; then they count as more round trips, never as fewer.
 */
export function recordRoundTrips(
  sandbox: Pick<Sandbox, 'fault'>,
  { quietMs }: { readonly quietMs: number },
): RecordedRoundTrips {
  const roundTrips: RoundTrip[] = [];
  let arrived: { readonly call: string; readonly answer: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const answerAll = (): void => {
    const answered = arrived;
    arrived = [];
    if (answered.length > 0) roundTrips.push(answered.map(({ call }) => call));
    for (const { answer } of answered) answer();
  };
  const hold = ({ verb, kind, name, dryRun }: SeenCall): Promise<void> =>
    new Promise(resolve => {
      const call = [verb, kind, name, ...(dryRun ? ['(dry run)'] : [])].filter(Boolean).join(' ');
      arrived.push({ call, answer: resolve });
      clearTimeout(timer);
      timer = setTimeout(answerAll, quietMs);
    });
  const end = sandbox.fault({}, { do: 'overtake', by: hold });
  return {
    roundTrips: () => roundTrips,
    stop: () => {
      end();
      clearTimeout(timer);
      answerAll();
    },
  };
}
