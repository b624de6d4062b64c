import type { Inputs } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { Finding } from '../plan/lint/finding.js';
import type { PhaseName, PostState } from './context.js';

/** The story of one run as it unfolds: which stages it went through, and how long each took. */
export interface RunRecorder {
  /** In the order in which they began; a stage that was entered twice counts once. */
  readonly phases: readonly { readonly name: PhaseName; readonly ms: number }[];
  /** What the user asked for; absent until the inputs were read. */
  readonly inputs: Inputs | undefined;
  /** Whether the step may have written something. */
  readonly wrote: boolean;
  /** What the post step would have to finish if the story ended here. */
  readonly unfinished: Set<PostState>;
  /** What in the manifests would drop requests; absent until it was asked. */
  readonly findings: readonly Finding[] | undefined;
  recordInputs(inputs: Inputs): void;
  recordFindings(findings: readonly Finding[]): void;
  /** From now on the step may write. */
  recordWrite(): void;
  phase<T>(name: PhaseName, work: () => Promise<T>): Promise<T>;
}

export function createRecorder(log: Log, now: () => number): RunRecorder {
  const times = new Map<PhaseName, number>();
  let inputs: Inputs | undefined;
  let wrote = false;
  let findings: readonly Finding[] | undefined;
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
    unfinished: new Set(),
    recordFindings(found) {
      findings = found;
    },
    recordWrite() {
      wrote = true;
    },
    recordInputs(given) {
      inputs = given;
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
