import type { Inputs } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { Finding } from '../plan/lint/finding.js';
import type { PhaseName } from './context.js';
import type { PostState } from './post-state.js';
import type { TrafficCounts } from './traffic-counts.js';

/** How long a phase of the run took. */
export interface PhaseTime {
  readonly name: PhaseName;
  readonly ms: number;
}

/** Collects, during a run, its phases with their times and what the post step must finish. */
export interface RunRecorder {
  /** In the order in which they began; a phase that was entered twice counts once. */
  readonly phases: readonly PhaseTime[];
  /** Absent until the inputs were read. */
  readonly inputs: Inputs | undefined;
  /** Whether the step may have written something. */
  readonly wrote: boolean;
  /** What the post step would have to finish if the run ended now. */
  readonly unfinished: Set<PostState>;
  /** What in the manifests would drop requests; absent until the lint rules ran. */
  readonly findings: readonly Finding[] | undefined;
  /** The requests that were sent while users were moved, one entry each time that they were. */
  readonly traffic: readonly TrafficCounts[];
  recordInputs(inputs: Inputs): void;
  recordFindings(findings: readonly Finding[]): void;
  recordTraffic(counts: TrafficCounts): void;
  /** From now on the step may have written something. */
  recordWrite(): void;
  phase<T>(name: PhaseName, work: () => Promise<T>): Promise<T>;
}

/** `now` gives the time in milliseconds. */
export function createRecorder(log: Log, now: () => number): RunRecorder {
  const times = new Map<PhaseName, number>();
  let inputs: Inputs | undefined;
  let wrote = false;
  let findings: readonly Finding[] | undefined;
  const traffic: TrafficCounts[] = [];
  return {
    get phases() {
      return [...times].map(([name, ms]) => ({ name, ms }));
    },
    get inputs() {
      return inputs;
    },
    get wrote() {
      return wrote;
    },
    get findings() {
      return findings;
    },
    traffic,
    unfinished: new Set(),
    recordFindings(found) {
      findings = found;
    },
    recordTraffic(counts) {
      traffic.push(counts);
    },
    recordWrite() {
      wrote = true;
    },
    recordInputs(read) {
      inputs = read;
    },
    async phase(name, work) {
      const began = now();
      times.set(name, times.get(name) ?? 0);
      try {
        return await log.group(name, work);
      } finally {
        times.set(name, (times.get(name) ?? 0) + now() - began);
      }
    },
  };
}
