import { it } from '@jest/globals';
import { openApiProxy, type ApiProxy } from '../kill/proxy.js';
import type { StepResult } from '../runner/runner.js';
import type { ClusterUnderTest } from './cluster-under-test.js';
import { openTestNamespace, type TestNamespace } from './test-namespace.js';

type Inputs = Readonly<Record<string, string>>;
type StepOptions = NonNullable<Parameters<TestNamespace['step']>[1]>;

/** Options of a run of a race. */
export interface RunOptions extends Pick<StepOptions, 'action' | 'environment' | 'post'> {
  /** Whether the post step is frozen as soon as it starts. Default false. */
  readonly freezePost?: boolean;
}

/** A step that runs beside others. */
export interface Run {
  /** The address of its workflow run. */
  readonly url: string;
  readonly result: Promise<StepResult>;
  /** Resolves once a line of its log matches; rejects when it ends without one. */
  says(pattern: RegExp): Promise<void>;
  /** Resolves once the post step runs, or is frozen. */
  readonly postStarted: Promise<void>;
  /** Stops its current process where it is, until it is resumed. */
  freeze(): void;
  resume(): void;
  /** Ends its current process with SIGKILL. */
  kill(): void;
  /** Cancels it as the runner does, with SIGINT. */
  cancel(): void;
}

/** What a race is made of. */
export interface Race {
  readonly ns: TestNamespace;
  /** Starts a step as a workflow run of its own; its id is the number of a run. */
  readonly start: (id: number, inputs: Inputs, options?: RunOptions) => Run;
  /** The runs in the order in which they wrote objects and the record: one entry for writes that follow each other. */
  readonly turns: readonly number[];
  /** The writes of objects and the record so far, by run. */
  readonly writesOf: (id: number) => readonly string[];
}

/** Declares a scenario of several runs at once. How many requests they make depends on timing, so it has no golden file. */
export function race(
  title: string,
  cluster: () => Promise<ClusterUnderTest>,
  play: (race: Race) => Promise<void>,
): void {
  it.concurrent(title, async () => {
    const { ns, leave } = await openTestNamespace(await cluster(), title);
    const track = new Track(ns);
    try {
      await play(track);
    } finally {
      await track.close();
      await leave();
    }
  });
}

class Track implements Race {
  readonly ns: TestNamespace;
  readonly turns: number[] = [];
  readonly #runs: Run[] = [];
  readonly #proxies: ApiProxy[] = [];
  readonly #writes = new Map<number, string[]>();

  constructor(ns: TestNamespace) {
    this.ns = ns;
  }

  readonly start: Race['start'] = (id, inputs, { freezePost = false, environment, ...options } = {}) => {
    const lines: string[] = [];
    const looks = new Set<() => void>();
    const pids: number[] = [];
    let isOver = false;
    let isKept = freezePost;
    let begunPost: () => void = () => undefined;
    const postStarted = new Promise<void>(resolve => {
      begunPost = resolve;
    });
    const send = (signal: NodeJS.Signals): void => {
      const pid = pids.at(-1);
      if (pid !== undefined && !isOver) process.kill(pid, signal);
    };
    const play = async (): Promise<StepResult> =>
      this.ns.step(
        { ...inputs, kubeconfig: await this.#proxied(id, inputs) },
        {
          ...options,
          environment: { GITHUB_RUN_ID: String(id), ...environment },
          onStart: pid => {
            pids.push(pid);
            if (pids.length < 2) return;
            if (isKept) send('SIGSTOP');
            begunPost();
          },
          onLine: line => {
            lines.push(line);
            for (const look of looks) look();
          },
        },
      );
    const result = play().finally(() => {
      isOver = true;
    });
    // A race that fails early no longer waits for it.
    result.catch(() => undefined);
    const run: Run = {
      url: `https://github.com/shop/website/actions/runs/${id}`,
      result,
      says: pattern =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            if (lines.some(line => pattern.test(line))) resolve();
          };
          looks.add(look);
          look();
          result.then(({ log }) => reject(new Error(`it ended and did not say ${pattern.source}:\n${log}`)), reject);
        }),
      postStarted,
      freeze: () => send('SIGSTOP'),
      resume: () => {
        isKept = false;
        send('SIGCONT');
      },
      kill: () => send('SIGKILL'),
      cancel: () => send('SIGINT'),
    };
    this.#runs.push(run);
    return run;
  };

  readonly writesOf: Race['writesOf'] = id => this.#writes.get(id) ?? [];

  /** Ends what still runs. */
  async close(): Promise<void> {
    for (const run of this.#runs) {
      run.resume();
      run.kill();
    }
    await Promise.allSettled(this.#runs.map(({ result }) => result));
    await Promise.all(this.#proxies.map(proxy => proxy.close()));
  }

  async #proxied(id: number, inputs: Inputs): Promise<string> {
    const seen: string[] = [];
    this.#writes.set(id, seen);
    const proxy = await openApiProxy(await this.ns.kubeconfigOf(inputs, []), undefined, name => {
      // The lock is asked for at any time.
      if (name.includes(' leases/')) return;
      seen.push(name);
      if (this.turns.at(-1) !== id) this.turns.push(id);
    });
    this.#proxies.push(proxy);
    return proxy.kubeconfig;
  }
}
