import { timestamp } from '../../controllers/kinds.js';
import type { Container, Hook, Probe, Terminated } from '../../controllers/pod.js';
import { Aborted, untilAborted } from './aborted.js';
import type { ContainerHost } from './container-host.js';
import type { Target } from './probes.js';
import { httpGet, runProbe } from './probes.js';
import type { Process } from './process.js';

/** Least seconds that SIGTERM gets before SIGKILL, whatever a hook has used up. */
const LEAST_GRACE = 2;
/** Real milliseconds that the answer to a preStop request may take. */
const HOOK_TIMEOUT = 30_000;

export interface LifeOptions {
  readonly container: Container;
  readonly host: ContainerHost;
  readonly process: Process;
  /** `containerd://…`, new for each instance. */
  readonly id: string;
}

/** One running process of a container with its probes, from start to exit. */
export class Life {
  readonly id: string;
  readonly startedAt = timestamp();
  readonly #container: Container;
  readonly #host: ContainerHost;
  readonly #process: Process;
  readonly #target: Target;
  readonly #over = new AbortController();
  /** Startup and liveness: they end before readiness does, when the container is being stopped. */
  readonly #guards = new AbortController();
  #ready = false;
  #started = false;

  constructor({ container, host, process, id }: LifeOptions) {
    this.id = id;
    this.#container = container;
    this.#host = host;
    this.#process = process;
    this.#target = { container, network: host.network, podIP: host.podIP };
  }

  get ready(): boolean {
    return this.#ready;
  }

  get started(): boolean {
    return this.#started;
  }

  get lines(): readonly string[] {
    return this.#process.lines;
  }

  /** Probes the process until it exits; resolves with how it ended. */
  async run(): Promise<Terminated> {
    const { startupProbe } = this.#container;
    if (!this.#process.ended) {
      if (startupProbe) this.#watchStartup(startupProbe);
      else this.#begin();
    }
    const exitCode = await this.#process.exited;
    this.#guards.abort(new Aborted());
    this.#over.abort(new Aborted());
    this.#ready = false;
    this.#started = false;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    return { exitCode, reason, startedAt: this.startedAt, finishedAt: timestamp(), containerID: this.id };
  }

  /**
   * preStop, then SIGTERM once it is its turn, then SIGKILL once the grace is over. Resolves when the process is gone. The
   * wait for the turn is part of the grace. Default: its turn is at once.
   */
  async stop(graceSeconds: number, turn?: Promise<unknown>): Promise<void> {
    if (this.#process.ended) return;
    this.#guards.abort(new Aborted());
    const hook = this.#container.lifecycle?.preStop;
    let left = graceSeconds;
    // A sleep counts as long as it is: on a busy machine it takes longer, and the process must not pay for that.
    if (hook) left -= Math.min(sleepOf(hook) ?? Infinity, await this.#within(left, this.#runHook(hook)));
    if (turn) left -= await this.#within(left, turn);
    this.#process.signal('SIGTERM');
    await this.#within(Math.max(LEAST_GRACE, left), this.#process.exited);
    this.#process.signal('SIGKILL');
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.signal('SIGKILL');
  }

  #begin(): void {
    const { readinessProbe, livenessProbe } = this.#container;
    this.#started = true;
    this.#ready = readinessProbe === undefined;
    if (readinessProbe) this.#watchReadiness(readinessProbe);
    if (livenessProbe) this.#watchLiveness(livenessProbe);
  }

  #watchStartup(probe: Probe): void {
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, this.#guards.signal]);
    this.#watch('Startup', { probe, signal }, passes => {
      own.abort(new Aborted());
      if (passes) this.#begin();
      else this.#replace('startup', probe);
      this.#host.changed();
    });
  }

  #watchReadiness(probe: Probe): void {
    this.#watch('Readiness', { probe, signal: this.#over.signal }, passes => {
      if (this.#ready === passes) return;
      this.#ready = passes;
      this.#host.changed();
    });
  }

  #watchLiveness(probe: Probe): void {
    this.#watch('Liveness', { probe, signal: this.#guards.signal }, passes => {
      if (!passes) this.#replace('liveness', probe);
    });
  }

  #watch(
    title: string,
    { probe, signal }: { readonly probe: Probe; readonly signal: AbortSignal },
    onVerdict: (passes: boolean) => void,
  ): void {
    const onFailure = (why: string) =>
      this.#note('Warning', { reason: 'Unhealthy', message: `${title} probe failed: ${why}` });
    const run = { target: this.#target, clock: this.#host.clock, signal };
    void untilAborted(runProbe(probe, run, { onVerdict, onFailure }));
  }

  /** A failed probe stops the process; the container decides about the restart. */
  #replace(which: 'startup' | 'liveness', probe: Probe): void {
    const message = `Container ${this.#container.name} failed ${which} probe, will be restarted`;
    this.#note('Normal', { reason: 'Killing', message });
    void this.stop(probe.terminationGracePeriodSeconds ?? this.#host.gracePeriodSeconds);
  }

  async #runHook(hook: Hook): Promise<void> {
    const seconds = sleepOf(hook);
    if (seconds !== undefined) await untilAborted(this.#host.clock.sleep(seconds, this.#over.signal));
    if (!hook.httpGet) return;
    const why = await httpGet(hook.httpGet, this.#target, HOOK_TIMEOUT);
    if (why !== undefined)
      this.#note('Warning', { reason: 'FailedPreStopHook', message: `PreStopHook failed: ${why}` });
  }

  /** Waits for the work, but not longer than that. Resolves with the seconds that it took. */
  async #within(seconds: number, work: Promise<unknown>): Promise<number> {
    const { clock } = this.#host;
    const begun = clock.now();
    const timer = new AbortController();
    await Promise.race([work, clock.sleep(seconds, timer.signal)]);
    timer.abort(new Aborted());
    return Math.min(seconds, clock.now() - begun);
  }

  #note(type: 'Normal' | 'Warning', note: { readonly reason: string; readonly message: string }): void {
    this.#host.note({ type, ...note, container: this.#container.name });
  }
}

/** Seconds of `sleep`, or of the commands `["sleep", "5"]` and `["sh", "-c", "sleep 5"]`: the only ones that the sandbox can run. */
function sleepOf({ sleep, exec }: Hook): number | undefined {
  const seconds = sleep?.seconds ?? /\bsleep\s+(\d+(?:\.\d+)?)/.exec((exec?.command ?? []).join(' '))?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
