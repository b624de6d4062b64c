import type { Inputs } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { Finding } from '../plan/findings/finding.js';
import type { StageName, StepFacts } from './step.js';

/** The story of one run as it unfolds: which stages it went through, and how long each took. */
export interface Narrative {
  /** In the order in which they began; a stage that was entered twice counts once. */
  readonly stages: readonly { readonly name: StageName; readonly ms: number }[];
  /** What the user asked for; absent until the inputs were read. */
  readonly inputs: Inputs | undefined;
  /** Whether the step may have written something. */
  readonly wrote: boolean;
  /** What the post step would have to finish if the story ended here. */
  readonly unfinished: Set<StepFacts>;
  /** What in the manifests would drop requests; absent until it was asked. */
  readonly findings: readonly Finding[] | undefined;
  begins(inputs: Inputs): void;
  finds(findings: readonly Finding[]): void;
  /** From now on the step may write. */
  writes(): void;
  stage<T>(name: StageName, work: () => Promise<T>): Promise<T>;
}

export function tellIn(log: Log, now: () => number): Narrative {
  const times = new Map<StageName, number>();
  let inputs: Inputs | undefined;
  let wrote = false;
  let findings: readonly Finding[] | undefined;
  return {
    get stages() {
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
    finds(found) {
      findings = found;
    },
    writes() {
      wrote = true;
    },
    begins(given) {
      inputs = given;
    },
    async stage(name, work) {
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
