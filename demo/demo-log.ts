import type { StepResult } from '../__tests__/support/runner/runner.js';
import type { Traffic, TrafficCounts } from '../__tests__/support/traffic/traffic.js';

/** Prints one line of the demo. */
export type Print = (line: string) => void;

/** The result of the demo. */
export interface Ending {
  readonly requests: number;
  readonly lost: number;
  readonly passed: number;
  readonly failed: readonly string[];
}

/** Prints the demo, counts its checks and adds up the requests of its streams. */
export class DemoLog {
  readonly #print: Print;
  readonly #streams: Traffic[] = [];
  readonly #failed: string[] = [];
  readonly #summaries: string[] = [];
  #passed = 0;
  #sections = 0;

  constructor(print: Print) {
    this.#print = print;
  }

  section(title: string): void {
    this.#sections += 1;
    this.#summaries.push(`# ${this.#sections}. ${title}\n`);
    this.#print('');
    this.#print(`${this.#sections}. ${title}`);
  }

  line(line: string): void {
    this.#print(`   ${line}`);
  }

  /** Checks a fact; `seen` is printed if it does not hold. */
  check(fact: string, holds: boolean, seen?: unknown): void {
    if (holds) {
      this.#passed += 1;
      this.#print(`   ✓ ${fact}`);
      return;
    }
    const found = seen === undefined ? '' : ` (seen: ${typeof seen === 'string' ? seen : JSON.stringify(seen)})`;
    this.#failed.push(`${fact}${found}`);
    this.#print(`   ✗ ${fact}${found}`);
  }

  /** Records a finished step: keeps its job summary, and prints its log if its end is not the expected one. */
  step(title: string, result: StepResult, expected: { readonly succeeds: boolean }): void {
    this.#summaries.push(`## ${title}\n\n${result.summary}\n`);
    const succeeded = result.exitCode === 0 && result.postExitCode === 0;
    const seconds = (result.tookMs / 1000).toFixed(1);
    this.check(
      `${title}: the step ${expected.succeeds ? 'succeeded' : 'failed as expected'}, ${seconds} s`,
      succeeded === expected.succeeds,
    );
    if (succeeded !== expected.succeeds) for (const line of result.log.split('\n')) this.#print(`     | ${line}`);
  }

  watch(stream: Traffic): Traffic {
    this.#streams.push(stream);
    return stream;
  }

  /** Prints the requests of all streams so far. */
  async tally(): Promise<void> {
    const { sent, lost } = await this.total();
    this.line(`${sent} requests so far, ${lost} lost`);
  }

  async total(): Promise<{ readonly sent: number; readonly lost: number; readonly counts: readonly TrafficCounts[] }> {
    const counts = await Promise.all(this.#streams.map(stream => stream.counts()));
    return {
      sent: counts.reduce((sum, { sent }) => sum + sent, 0),
      lost: counts.reduce((sum, { lost }) => sum + lost, 0),
      counts,
    };
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    await Promise.all(this.#streams.map(stream => stream.stop()));
  }

  /** The job summaries of all steps, in order, as one markdown document. */
  summaries(): string {
    return this.#summaries.join('\n');
  }

  /** Prints the losses and failed checks, and returns the result. */
  async end(): Promise<Ending> {
    const { sent, lost, counts } = await this.total();
    for (const { losses } of counts)
      for (const { fromMs, requests, why } of losses.slice(0, 10))
        this.line(`lost after ${(fromMs / 1000).toFixed(1)} s: ${requests} × ${why}`);
    for (const fact of this.#failed) this.line(`failed check: ${fact}`);
    return { requests: sent, lost, passed: this.#passed, failed: this.#failed };
  }
}
