import { randomUUID } from 'node:crypto';
import type { Container, ContainerState, ContainerStatus } from '../../controllers/pod.js';
import { Aborted } from './aborted.js';
import type { ContainerHost } from './container-host.js';
import { ConfigError } from '../programs/environment.js';
import type { Image } from '../programs/image-store.js';
import { obtainImage } from '../programs/image-store.js';
import { Life } from './life.js';
import { Process } from './process.js';

/** Seconds from the pulled image to the running process. */
const START = 0.2;
/** Seconds between two looks for a missing ConfigMap or Secret. */
const CONFIG_RETRY = 2;
/** The first restart comes after a second; each later one waits twice as long as the one before, at most MOST_BACK_OFF. */
const FIRST_RESTART = 1;
const BACK_OFF = 10;
const MOST_BACK_OFF = 300;

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** One container of a pod: pulled, configured, started, restarted, stopped. */
export class ContainerRunner {
  readonly #container: Container;
  readonly #host: ContainerHost;
  readonly #stopped = new AbortController();
  #state: ContainerState;
  #lastState: ContainerState = {};
  #image: Pick<Image, 'image' | 'imageID'>;
  #restartCount = 0;
  #life: Life | undefined;
  #previous: Life | undefined;

  /** `reason`: why it waits until it is run. */
  constructor(container: Container, host: ContainerHost, reason: string) {
    this.#container = container;
    this.#host = host;
    this.#image = { image: container.image, imageID: '' };
    this.#state = { waiting: { reason } };
  }

  get status(): ContainerStatus {
    return {
      name: this.#container.name,
      ...this.#image,
      ...(this.#life === undefined ? {} : { containerID: this.#life.id }),
      state: this.#state,
      lastState: this.#lastState,
      ready: this.#life?.ready ?? false,
      started: this.#life?.started ?? false,
      restartCount: this.#restartCount,
    };
  }

  /** Log of the current instance, or of that in `lastState`. Undefined: there is no such instance. */
  lines(which: 'newest' | 'last'): readonly string[] | undefined {
    if (which === 'newest') return this.#life?.lines;
    const id = this.#lastState.terminated?.containerID;
    return [this.#life, this.#previous].find(life => life !== undefined && life.id === id)?.lines;
  }

  /** Runs until the container ends for good; resolves with its last exit code. Throws {@link Aborted} if stopped before. */
  async run(restart: RestartPolicy): Promise<number> {
    for (;;) {
      this.#stopped.signal.throwIfAborted();
      const code = await this.#live(await this.#start());
      const over = restart === 'Never' || (restart === 'OnFailure' && code === 0);
      if (over || this.#stopped.signal.aborted) return code;
      await this.#backOff();
      this.#restartCount += 1;
    }
  }

  /**
   * Stops the container; resolves when it has ended, shortly after that many Kubernetes seconds at most. SIGTERM waits for
   * `turn`, its preStop hook does not.
   */
  async stop(graceSeconds: number, turn?: Promise<unknown>): Promise<void> {
    this.#stopped.abort(new Aborted());
    if (this.#state.running === undefined) return;
    const { name } = this.#container;
    this.#host.note({ type: 'Normal', reason: 'Killing', message: `Stopping container ${name}`, container: name });
    await this.#life?.stop(graceSeconds, turn);
  }

  /** Ends it at once, as when the node forgets the pod. */
  kill(): void {
    this.#stopped.abort(new Aborted());
    this.#life?.kill();
  }

  async #start(): Promise<Life> {
    const { clock, network, hostname, images } = this.#host;
    const { signal } = this.#stopped;
    const image = await obtainImage(images, this.#container, {
      clock,
      signal,
      waiting: (reason, message) => this.#wait(reason, message),
      note: note => this.#host.note({ ...note, container: this.#container.name }),
    });
    this.#image = { image: image.image, imageID: image.imageID };
    const env = await this.#configure();
    await clock.sleep(START, signal);
    const process = new Process({ env, hostname, clock, network });
    const id = `containerd://${`${randomUUID()}${randomUUID()}`.replaceAll('-', '')}`;
    this.#previous = this.#life;
    this.#life = new Life({ container: this.#container, host: this.#host, process, id });
    await image.program(process);
    if (signal.aborted) process.exit(137);
    const { name } = this.#container;
    this.#host.note({ type: 'Normal', reason: 'Created', message: 'Container created', container: name });
    this.#host.note({ type: 'Normal', reason: 'Started', message: 'Container started', container: name });
    return this.#life;
  }

  async #configure(): Promise<Readonly<Record<string, string>>> {
    const { name } = this.#container;
    for (;;) {
      try {
        return this.#host.environment(this.#container);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.#wait('CreateContainerConfigError', error.message);
        this.#host.note({ type: 'Warning', reason: 'Failed', message: `Error: ${error.message}`, container: name });
      }
      await this.#host.clock.sleep(CONFIG_RETRY, this.#stopped.signal);
    }
  }

  async #live(life: Life): Promise<number> {
    const end = life.run();
    this.#enter({ running: { startedAt: life.startedAt } });
    const terminated = await end;
    this.#enter({ terminated });
    return terminated.exitCode;
  }

  /** The first restart is quick; from the second on the container is in a crash loop. */
  async #backOff(): Promise<void> {
    const { clock, podTitle } = this.#host;
    const { name } = this.#container;
    const { signal } = this.#stopped;
    await clock.sleep(FIRST_RESTART, signal);
    const ended = this.#state;
    if (this.#restartCount > 0) {
      const wait = Math.min(MOST_BACK_OFF, BACK_OFF * 2 ** (this.#restartCount - 1));
      this.#lastState = ended;
      const message = `back-off ${spell(wait)} restarting failed container=${name} pod=${podTitle}`;
      this.#wait('CrashLoopBackOff', message);
      const note = `Back-off restarting failed container ${name} in pod ${podTitle}`;
      this.#host.note({ type: 'Warning', reason: 'BackOff', message: note, container: name });
      await clock.sleep(wait, signal);
    }
    this.#lastState = ended;
  }

  #wait(reason: string, message?: string): void {
    this.#enter({ waiting: message === undefined ? { reason } : { reason, message } });
  }

  #enter(state: ContainerState): void {
    this.#state = state;
    this.#host.changed();
  }
}

/** `40s`, `2m40s`. */
function spell(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
