import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Named } from '../kube.js';
import { actionUnderTest } from '../runner/action-under-test.js';
import { runStep } from '../runner/runner.js';
import type { StepRequest, StepResult } from '../runner/runner.js';
import { startTraffic } from '../traffic/traffic.js';
import type { Traffic, TrafficCounts } from '../traffic/traffic.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { ClusterUnderTest, Load } from './cluster-under-test.js';
import { eventually } from '../eventually.js';
import { field } from '../field.js';
import { grant, rolesFor } from './rights.js';
import type { Rule } from './rights.js';
import { warningsOf } from './warnings.js';

type Inputs = Readonly<Record<string, string>>;
interface StepOptions extends Omit<Partial<StepRequest>, 'inputs' | 'workspace'> {
  /**
   * The identity of the step: a ServiceAccount with exactly the Roles of docs/rbac.md for these inputs (default), the same
   * with further rules, or the administrator of the cluster's own kubeconfig.
   */
  readonly as?: readonly Rule[] | 'admin';
}
type Kind = Named['kind'];

/** A step that was run, with its result. */
export interface PlayedStep {
  readonly inputs: Inputs;
  readonly result: StepResult;
}

/** The namespace and the workspace of one scenario. */
export interface TestNamespace {
  readonly cluster: ClusterUnderTest;
  readonly namespace: string;
  readonly workspace: string;
  /** Writes files into the workspace, by path. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Copies a folder of the project into the workspace, with the cluster's images and slower probes with longer timeouts. */
  copy(from: string, to: string): Promise<void>;
  /** Changes the text of one file of the workspace. */
  rewrite(path: string, change: (text: string) => string): Promise<void>;
  /** Waits until `look` has a result, at most as long as the cluster's pace allows; resolves with the result. */
  until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T>;
  /** The kubeconfig of a step with these inputs. */
  kubeconfigOf(inputs: Inputs, as: StepOptions['as']): Promise<string>;
  /** Every step so far, in the order in which they ended. */
  readonly steps: readonly PlayedStep[];
  /** Runs the bundle as a step of a workflow, in this namespace. */
  step(inputs: Inputs, options?: StepOptions): Promise<StepResult>;
  /** The same for a step of the set-up: throws with the log unless the step succeeds. */
  given(inputs: Inputs, options?: StepOptions): Promise<StepResult>;
  get(kind: Kind, name: string): Promise<KubeObject | undefined>;
  list(kind: Kind): Promise<readonly KubeObject[]>;
  /**
   * `Kind/name` → resourceVersion of all objects; the uid of pods, because nodes write their status at any time. Leases are
   * left out: holding one is no change.
   */
  versions(): Promise<Readonly<Record<string, string | undefined>>>;
  /** Starts users of a public Service, who send requests until they are stopped. Default load: that of the cluster's pace. */
  users(service: string, load?: Load): Promise<Traffic>;
  /** Waits until this version answers at a Service's public address: nodes see a change a moment later. */
  reaches(service: string, version: string): Promise<void>;
}

let opened = 0;

/** The commands that the action gives to the runner by printing them. */
const ownCommands: ReadonlySet<string> = new Set(['add-mask', 'debug', 'endgroup', 'error', 'group', 'warning']);

/**
 * Creates a namespace and a workspace. `leave` ends the traffic, reports it under `title`, and removes both. `existing`: the
 * name of a namespace that is there already.
 */
export async function openTestNamespace(
  cluster: ClusterUnderTest,
  title = '',
  existing?: string,
): Promise<{ ns: TestNamespace; leave: () => Promise<void> }> {
  const namespace = existing ?? `scenario-${process.pid}-${(opened += 1)}`;
  const workspace = await mkdtemp(join(tmpdir(), 'cutover-scenario-'));
  const { kube, pace } = cluster;
  const until: TestNamespace['until'] = (what, look) => eventually(what, async () => (await look()) || undefined, pace);
  if (existing === undefined) {
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    // Controllers add these a moment later: without them the API server refuses pods, and a comparison finds one object more.
    for (const named of [
      { kind: 'ServiceAccount', namespace, name: 'default' },
      { kind: 'ConfigMap', namespace, name: 'kube-root-ca.crt' },
    ] as const)
      await until(`${named.kind} ${named.name} of a new namespace`, () => kube.get(named));
  }
  const streams: Traffic[] = [];
  const kubeconfigOf: TestNamespace['kubeconfigOf'] = async (inputs, as = []) => {
    if (as === 'admin') return cluster.kubeconfig;
    return (await grant({ cluster, namespace, roles: rolesFor(inputs), also: as })).kubeconfig;
  };
  const steps: PlayedStep[] = [];
  const step: TestNamespace['step'] = async (inputs, { as, ...options } = {}) => {
    const result = await runStep({
      action: actionUnderTest(),
      workspace,
      inputs: {
        namespace,
        timeout: pace.timeout,
        // The hosts of these images do not exist, or lack an image on purpose.
        ...((inputs.action ?? 'deploy') === 'deploy' && { 'image-check': 'off' }),
        // Most scenarios are about something else, and would wait until the pods of the old role are replaced.
        ...(switches(inputs) && { 'close-connections': 'off' }),
        ...inputs,
        kubeconfig: inputs.kubeconfig ?? (await kubeconfigOf(inputs, as)),
      },
      // Saves a process for most steps; budget.test.ts covers the post step of a finished step.
      post: 'unfinished',
      ...options,
      // Compiling the bundle once for all steps halves the duration of a step.
      environment: { NODE_COMPILE_CACHE: join(tmpdir(), 'cutover-compile-cache'), ...options.environment },
    });
    steps.push({ inputs, result });
    const odd = result.commands.filter(({ syntax, name }) => syntax !== '::' || !ownCommands.has(name));
    if (odd.length > 0) throw new Error(`text of the step became a command for the runner: ${JSON.stringify(odd)}`);
    return result;
  };
  const readyPodsOf = async (service: string): Promise<readonly unknown[]> => {
    const slices = await kube.list('EndpointSlice', namespace);
    const ours = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service);
    const endpoints = ours.flatMap(slice => (slice['endpoints'] as readonly object[] | undefined) ?? []);
    const ready = endpoints.filter(endpoint => field(endpoint, 'conditions', 'ready') !== false);
    return ready.map(endpoint => field(endpoint, 'targetRef', 'name'));
  };
  const ns: TestNamespace = {
    cluster,
    namespace,
    workspace,
    write: async files => {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(workspace, path)), { recursive: true });
        await writeFile(join(workspace, path), text);
      }
    },
    copy: async (from, to) => {
      const folder = join(workspace, to);
      await cp(from, folder, { recursive: true });
      for (const name of await readdir(folder)) {
        const text = await readFile(join(folder, name), 'utf8');
        const calm = text.replaceAll(/( *)periodSeconds: 2/g, `$1${pace.probe.replace(', ', '\n$1')}`);
        const { tomcat, site } = cluster.images;
        const ours = calm.replaceAll('image: tomcat:', `image: ${tomcat}:`).replaceAll('ghcr.io/your-name/site', site);
        await writeFile(join(folder, name), ours);
      }
    },
    rewrite: async (path, change) => {
      const file = join(workspace, path);
      await writeFile(file, change(await readFile(file, 'utf8')));
    },
    until,
    kubeconfigOf,
    steps,
    step,
    given: async (inputs, options) => {
      const result = await step(inputs, options);
      if (result.exitCode !== 0) throw new Error(`a step of the set-up failed:\n${result.log}`);
      return result;
    },
    get: (kind, name) => kube.get({ kind, namespace, name }),
    list: kind => kube.list(kind, namespace),
    versions: async () => {
      // Terminating pods still change the status of their owners.
      await until('an earlier rollout is over', () => isSettled(ns));
      const kinds = ['ConfigMap', 'Deployment', 'Pod', 'ReplicaSet', 'Secret', 'Service', 'Job'] as const;
      const objects = (await Promise.all(kinds.map(kind => kube.list(kind, namespace)))).map((list, at) =>
        list.map(({ metadata }) => {
          const version = kinds[at] === 'Pod' ? metadata.uid : metadata.resourceVersion;
          return [`${kinds[at]}/${metadata.name}`, version] as const;
        }),
      );
      return Object.fromEntries(objects.flat());
    },
    users: async (service, load = pace.users) => {
      const url = await cluster.publicUrl(namespace, service);
      // After an earlier change a node may route to old pods for a moment.
      await until(`the nodes route to the ready pods of ${service} alone`, async () => {
        const pods = await readyPodsOf(service);
        for (let number = 0; number < pace.inARow; number += 1) {
          const answer = await ask(url);
          if (answer?.status !== 200 || !pods.includes(answer.pod)) return false;
        }
        return true;
      });
      const { rotateSource } = pace;
      const stream = startTraffic({ url, ...load, rotateSource, timeoutMs: 30_000, version: versionOf });
      streams.push(stream);
      await stream.more(5);
      return stream;
    },
    reaches: async (service, version) => {
      const url = await cluster.publicUrl(namespace, service);
      await until(`${version} answers at ${service}`, async () => versionOf((await ask(url))?.body ?? '') === version);
    },
  };
  return {
    ns,
    leave: async () => {
      const seen = await Promise.all(streams.map(stream => stream.stop()));
      const lost = seen.some(counts => counts.lost + counts.keptAlive.lost > 0);
      await report(title, seen, lost ? await warningsOf(kube, namespace) : []);
      await kube.remove({ kind: 'Namespace', namespace: '', name: namespace });
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

/**
 * Appends the request counts of a scenario to the file from which scripts/test.js writes the verdicts, with the cluster's
 * warnings if a request was lost.
 */
async function report(scenario: string, streams: readonly TrafficCounts[], warnings: readonly string[]): Promise<void> {
  const file = process.env.CUTOVER_TEST_TRAFFIC;
  if (file === undefined || streams.length === 0) return;
  const sum = (count: (stream: TrafficCounts) => number): number =>
    streams.reduce((total, stream) => total + count(stream), 0);
  const row = {
    scenario,
    requests: sum(({ sent }) => sent),
    lost: sum(({ lost }) => lost),
    perSecond: Math.round(Math.max(...streams.map(({ achievedPerSecond }) => achievedPerSecond))),
    // Kept-alive connections stay with their pods until those end.
    keptAlive: {
      requests: sum(({ keptAlive }) => keptAlive.sent),
      lost: sum(({ keptAlive }) => keptAlive.lost),
      behind: sum(({ keptAlive }) => keptAlive.behind),
    },
    ...(warnings.length > 0 && { warnings }),
  };
  await appendFile(file, `${JSON.stringify(row)}\n`);
}

/** Whether a step with these inputs switches users. */
function switches({ action = 'deploy', switch: how }: Inputs): boolean {
  return action === 'promote' || action === 'rollback' || (action === 'deploy' && how === 'auto');
}

/** `7` for Tomcat's page, `v1` for the site's. */
function versionOf(body: string): string {
  return /Apache Tomcat\/(\d+)/.exec(body)?.[1] ?? /^site (\S+)/.exec(body)?.[1] ?? body.trim().slice(0, 80);
}

/** An answer, and the name of the pod that sent it. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly pod: string | null;
}

/** Sends one request on its own connection; `undefined`: there was no answer. */
async function ask(url: string): Promise<Answer | undefined> {
  try {
    const answer = await fetch(url, { headers: { connection: 'close' } });
    return { status: answer.status, body: await answer.text(), pod: answer.headers.get('x-pod') };
  } catch {
    return undefined;
  }
}

/** Whether no object is terminating, and no status counts a terminating pod. */
async function isSettled(ns: TestNamespace): Promise<boolean> {
  const kinds = ['Pod', 'ReplicaSet', 'Deployment'] as const;
  const objects = (await Promise.all(kinds.map(kind => ns.list(kind)))).flat();
  return objects.every(
    object => object.metadata.deletionTimestamp === undefined && !field(object, 'status', 'terminatingReplicas'),
  );
}
