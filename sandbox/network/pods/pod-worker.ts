import type { Store } from '../../api/store/store.js';
import type { Clock } from '../../controllers/clock.js';
import type { Recorder } from '../../controllers/cluster/events.js';
import { getByKey, keyOf, POD, timestamp } from '../../controllers/kinds.js';
import type { Container, Pod } from '../../controllers/pod.js';
import { isSidecar } from '../../controllers/pod.js';
import { writeStatus } from '../../controllers/status.js';
import { Aborted, untilAborted } from './aborted.js';
import type { ContainerHost } from './container-host.js';
import type { RestartPolicy } from './container.js';
import { ContainerRunner } from './container.js';
import { environmentOf, mountProblem } from '../programs/environment.js';
import type { ImageStore } from '../programs/image-store.js';
import { podStatus } from './pod-status.js';
import type { PodNetwork } from './process.js';

/** Seconds between two tries to mount the volumes. */
const MOUNT_RETRY = 2;

/** The services of the node for its pods. */
export interface NodeTools {
  readonly store: Store;
  readonly clock: Clock;
  readonly images: ImageStore;
  readonly record: Recorder;
}

interface InitRunner {
  readonly runner: ContainerRunner;
  /** It starts among the init containers and then runs beside the others. */
  readonly isSidecar: boolean;
}

/** One pod on the node, from its first container to its removal. */
export class PodWorker {
  readonly uid: string;
  readonly podIP: string;
  readonly network: PodNetwork = new Map();
  readonly #pod: Pod;
  readonly #tools: NodeTools;
  readonly #inits: readonly InitRunner[];
  readonly #containers: readonly ContainerRunner[];
  readonly #stopped = new AbortController();
  readonly #startTime = timestamp();
  #initialized = false;
  #failed = false;
  #sandboxed = false;
  #over = false;
  #forgotten = false;
  #work: Promise<void> = Promise.resolve();
  #sidecarWork: Promise<void>[] = [];
  /** Called once, at the next change of a container. */
  #onChange: (() => void)[] = [];

  constructor(pod: Pod, podIP: string, tools: NodeTools) {
    this.#pod = pod;
    this.uid = pod.metadata.uid ?? '';
    this.podIP = podIP;
    this.#tools = tools;
    const host = this.#host();
    const inits = pod.spec.initContainers ?? [];
    const reason = inits.length > 0 ? 'PodInitializing' : 'ContainerCreating';
    this.#inits = inits.map(container => ({
      runner: new ContainerRunner(container, host, 'PodInitializing'),
      isSidecar: isSidecar(container),
    }));
    this.#containers = pod.spec.containers.map(container => new ContainerRunner(container, host, reason));
  }

  start(): void {
    this.#publish();
    this.#work = untilAborted(this.#run());
  }

  /** Stops everything within the grace and then removes the pod from the API server. Later calls have no effect. */
  stop(graceSeconds: number): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(new Aborted());
    void this.#end(graceSeconds);
  }

  /** Ends everything at once: the pod no longer exists, or the sandbox closes. */
  kill(): void {
    this.#forgotten = true;
    this.#stopped.abort(new Aborted());
    for (const runner of this.#runners()) runner.kill();
  }

  /** Log lines of a container; `container` absent: of the first one. Undefined: no such container or instance. */
  lines(which: 'newest' | 'last', container?: string): readonly string[] | undefined {
    const all = [...this.#containers, ...this.#inits.map(init => init.runner)];
    const runner = container === undefined ? all[0] : all.find(({ status }) => status.name === container);
    return runner?.lines(which);
  }

  async #run(): Promise<void> {
    await this.#mount();
    this.#sandboxed = true;
    this.#publish();
    const policy = (this.#pod.spec.restartPolicy ?? 'Always') as RestartPolicy;
    if (!(await this.#initialize(policy))) {
      this.#failed = true;
      this.#publish();
      return;
    }
    this.#initialized = true;
    this.#publish();
    await Promise.all(this.#containers.map(container => lasting(container.run(policy))));
    // Sidecars do not keep a pod alive whose work is done.
    if (!this.#stopped.signal.aborted) await this.#stopAll(this.#pod.spec.terminationGracePeriodSeconds ?? 30);
  }

  /** Runs the init containers in order. The next one follows a sidecar once that has started. False: one has failed for good. */
  async #initialize(policy: RestartPolicy): Promise<boolean> {
    const { signal } = this.#stopped;
    for (const { runner, isSidecar } of this.#inits) {
      if (isSidecar) {
        this.#sidecarWork.push(lasting(runner.run('Always')));
        while (!runner.status.started) await this.#nextChange();
        continue;
      }
      const code = await runner.run(policy === 'Never' ? 'Never' : 'OnFailure');
      signal.throwIfAborted();
      if (code !== 0) return false;
    }
    return true;
  }

  /** Throws {@link Aborted} once the pod is stopped. */
  async #nextChange(): Promise<void> {
    const { signal } = this.#stopped;
    await new Promise<void>(resolve => {
      this.#onChange.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    signal.throwIfAborted();
  }

  async #mount(): Promise<void> {
    for (;;) {
      const message = mountProblem(this.#tools.store, this.#pod);
      if (message === undefined) return;
      this.#tools.record(this.#pod, { type: 'Warning', reason: 'FailedMount', message });
      await this.#tools.clock.sleep(MOUNT_RETRY, this.#stopped.signal);
    }
  }

  async #end(graceSeconds: number): Promise<void> {
    await this.#stopAll(graceSeconds);
    await Promise.all([this.#work, ...this.#sidecarWork]);
    if (this.#forgotten) return;
    this.#over = true;
    this.#publish();
    const { name, namespace = '' } = this.#pod.metadata;
    const live = this.#live();
    if (live) this.#tools.store.remove({ ...POD, name, namespace }, { uid: this.uid, gracePeriodSeconds: 0 });
  }

  /** All at once. SIGTERM of a sidecar waits until the other containers, and the sidecars that began after it, have ended. */
  async #stopAll(graceSeconds: number): Promise<void> {
    const others = this.#inits.filter(init => !init.isSidecar).map(({ runner }) => runner.stop(graceSeconds));
    let turn: Promise<unknown> = Promise.all(this.#containers.map(runner => runner.stop(graceSeconds)));
    for (const { runner } of this.#inits.filter(init => init.isSidecar).reverse())
      turn = Promise.all([turn, runner.stop(graceSeconds, turn)]);
    await Promise.all([turn, ...others]);
  }

  #runners(): readonly ContainerRunner[] {
    return [...this.#inits.map(({ runner }) => runner), ...this.#containers];
  }

  #host(): ContainerHost {
    const { store, clock, images, record } = this.#tools;
    const { name, namespace = '' } = this.#pod.metadata;
    return {
      clock,
      images,
      network: this.network,
      hostname: name,
      podIP: this.podIP,
      podTitle: `${name}_${namespace}(${this.uid})`,
      gracePeriodSeconds: this.#pod.spec.terminationGracePeriodSeconds ?? 30,
      environment: (container: Container) => environmentOf(store, this.#live() ?? this.#pod, container),
      note: note => record(this.#pod, note),
      changed: () => this.#changed(),
    };
  }

  #changed(): void {
    const waiting = this.#onChange;
    this.#onChange = [];
    for (const resolve of waiting) resolve();
    this.#publish();
  }

  /** Undefined: it no longer exists, or was replaced by another of the same name. */
  #live(): Pod | undefined {
    const live = getByKey(this.#tools.store, POD, keyOf(this.#pod));
    return live?.metadata.uid === this.uid ? live : undefined;
  }

  #publish(): void {
    const live = this.#live();
    if (!live || this.#forgotten) return;
    const status = podStatus(live, {
      containers: this.#containers.map(({ status }) => status),
      inits: this.#inits.map(({ runner: { status }, isSidecar }) =>
        isSidecar ? status : { ...status, ready: status.state.terminated?.exitCode === 0 },
      ),
      initialized: this.#initialized,
      failed: this.#failed,
      sandboxed: this.#sandboxed,
      over: this.#over,
      podIP: this.podIP,
      hostIP: '127.0.0.1',
      startTime: this.#startTime,
    });
    writeStatus(this.#tools.store, live, status);
  }
}

/** The work of a container that may be stopped in between. */
function lasting(work: Promise<number>): Promise<void> {
  return untilAborted(work.then(() => undefined));
}
