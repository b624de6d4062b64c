import { readFileSync } from 'node:fs';

/** Measures processes until they end; only Linux reports their memory. */
export class ProcessMemory {
  readonly #following = new Set<NodeJS.Timeout>();
  #peakKiB = 0;

  /** The highest resident set of any followed process, in MiB. `undefined` if the system does not report it. */
  get peakMiB(): number | undefined {
    return this.#peakKiB === 0 ? undefined : this.#peakKiB / 1024;
  }

  /** The system records the peak of each process, so that only growth after the last sample is missed. */
  follow(pid: number): void {
    const timer = setInterval(() => {
      const peak = peakKiB(pid);
      if (peak === undefined) this.#end(timer);
      else this.#peakKiB = Math.max(this.#peakKiB, peak);
    }, 10);
    this.#following.add(timer);
  }

  stop(): void {
    for (const timer of this.#following) this.#end(timer);
  }

  #end(timer: NodeJS.Timeout): void {
    clearInterval(timer);
    this.#following.delete(timer);
  }
}

function peakKiB(pid: number): number | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return peak === undefined ? undefined : Number(peak);
  } catch {
    return undefined;
  }
}
