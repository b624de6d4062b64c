import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Named } from '../../demo/kube.js';
import { runStep } from '../../demo/runner.js';
import type { StepRequest, StepResult } from '../../demo/runner.js';
import { startTraffic } from '../../demo/traffic.js';
import type { Traffic } from '../../demo/traffic.js';
import type { KubeObject } from '../../src/manifests/object.js';
import type { ClusterUnderTest } from './cluster.js';
import { eventually } from './eventually.js';
import { field } from './field.js';

type Inputs = Readonly<Record<string, string>>;
type StepOptions = Omit<Partial<StepRequest>, 'inputs' | 'workspace'>;
type Kind = Named['kind'];

/** Where one scenario plays: a namespace and a workspace of its own. */
export interface Place {
  readonly cluster: ClusterUnderTest;
  readonly namespace: string;
  readonly workspace: string;
  /** Writes files into the workspace, by path. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Copies a folder of the project into the workspace, with the cluster's own images and fewer probes. */
  copy(from: string, to: string): Promise<void>;
  /** Changes the text of one file of the workspace. */
  rewrite(path: string, change: (text: string) => string): Promise<void>;
  /** Waits for what the cluster does in its own time; at most 10 s. */
  until(what: string, look: () => Promise<boolean>): Promise<void>;
  /** Runs the bundle as a step of a workflow, in this namespace. */
  step(inputs: Inputs, options?: StepOptions): Promise<StepResult>;
  /** The same, for steps that are only there to set the scene: throws with the log unless the step succeeds. */
  given(inputs: Inputs): Promise<StepResult>;
  get(kind: Kind, name: string): Promise<KubeObject | undefined>;
  list(kind: Kind): Promise<readonly KubeObject[]>;
  /** `Kind/name` of all that is there → resourceVersion. Leases are left out: holding one is no change. */
  versions(): Promise<Readonly<Record<string, string | undefined>>>;
  /** Users of a public Service who send requests until they are stopped. */
  users(service: string): Promise<Traffic>;
  /** Waits until this version answers at a Service's public address: the nodes learn of a change a moment later. */
  reaches(service: string, version: string): Promise<void>;
}

/** One sentence, played in a place of its own beside the others of its file. */
export function scenario(
  title: string,
  cluster: () => Promise<ClusterUnderTest>,
  play: (place: Place) => Promise<void>,
): void {
  it.concurrent(title, async () => {
    const { place, leave } = await openPlace(await cluster());
    try {
      await play(place);
    } finally {
      await leave();
    }
  });
}

let opened = 0;

/** Opens a place. Scenarios do it by themselves; `leave` ends its traffic and removes what it made. */
export async function openPlace(cluster: ClusterUnderTest): Promise<{ place: Place; leave: () => Promise<void> }> {
  const namespace = `scenario-${process.pid}-${(opened += 1)}`;
  const workspace = await mkdtemp(join(tmpdir(), 'cutover-scenario-'));
  const { kube } = cluster;
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const streams: Traffic[] = [];
  const step: Place['step'] = (inputs, options = {}) =>
    runStep({
      workspace,
      inputs: { kubeconfig: cluster.kubeconfig, namespace, timeout: '30s', ...inputs },
      // A process fewer for most steps; budget.test.ts has a finished step whose post does nothing.
      post: 'unfinished',
      ...options,
      // Compiling the bundle once for all steps halves the time that a step takes.
      environment: { NODE_COMPILE_CACHE: join(tmpdir(), 'cutover-compile-cache'), ...options.environment },
    });
  const place: Place = {
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
        // Probes at ten times the pace of a real cluster would be most of what the machine does.
        const calm = text.replaceAll('periodSeconds: 2', 'periodSeconds: 5');
        await writeFile(join(folder, name), calm.replaceAll('image: tomcat:', `image: ${cluster.images.tomcat}:`));
      }
    },
    rewrite: async (path, change) => {
      const file = join(workspace, path);
      await writeFile(file, change(await readFile(file, 'utf8')));
    },
    until: async (what, look) => {
      await eventually(what, async () => (await look()) || undefined);
    },
    step,
    given: async inputs => {
      const result = await step(inputs);
      if (result.exitCode !== 0) throw new Error(`a step that sets the scene failed:\n${result.log}`);
      return result;
    },
    get: (kind, name) => kube.get({ kind, namespace, name }),
    list: kind => kube.list(kind, namespace),
    versions: async () => {
      // Pods on their way out still move the status of what owned them.
      await eventually('an earlier rollout to be over', async () => ((await isSettled(place)) ? true : undefined));
      const kinds = ['ConfigMap', 'Deployment', 'Pod', 'ReplicaSet', 'Secret', 'Service', 'Job'] as const;
      const objects = (await Promise.all(kinds.map(kind => kube.list(kind, namespace)))).map((list, at) =>
        list.map(object => [`${kinds[at]}/${object.metadata.name}`, object.metadata.resourceVersion] as const),
      );
      return Object.fromEntries(objects.flat());
    },
    users: async service => {
      const url = await cluster.publicUrl(namespace, service);
      await eventually(
        `an answer of ${service}`,
        async () => (await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined))?.ok || undefined,
      );
      const stream = startTraffic({ url, perSecond: 15, timeoutMs: 30_000, version: versionOf });
      streams.push(stream);
      await stream.more(5);
      return stream;
    },
    reaches: async (service, version) => {
      const url = await cluster.publicUrl(namespace, service);
      await eventually(`${version} to answer at ${service}`, async () => {
        const response = await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined);
        return (response && versionOf(await response.text()) === version) || undefined;
      });
    },
  };
  return {
    place,
    leave: async () => {
      await Promise.all(streams.map(stream => stream.stop()));
      await kube.remove({ kind: 'Namespace', namespace: '', name: namespace });
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

/** `7` of Tomcat's page, `v1` of the site's. */
function versionOf(body: string): string {
  return /Apache Tomcat\/(\d+)/.exec(body)?.[1] ?? /^site (\S+)/.exec(body)?.[1] ?? body.trim().slice(0, 80);
}

/** The step failed with one message that names the matter, and says so in its outcome. */
export function expectRefused(result: StepResult, message: RegExp): void {
  const errors = result.annotations.filter(({ level }) => level === 'error').map(({ message: text }) => text);
  expect(errors.join('\n')).toMatch(message);
  expect({ exitCode: result.exitCode, post: result.postExitCode }).toEqual({ exitCode: 1, post: 0 });
  expect(result.outputs.outcome).toBe('failed');
}

/** Ends the stream when the last version was reached: nobody lost anything, and users saw these versions in this order. */
export async function expectUsersSaw(users: Traffic, versions: readonly string[]): Promise<void> {
  await arrived(users, versions.at(-1));
  const counts = await users.stop();
  expect(counts.losses).toEqual([]);
  expect(counts.lost).toBe(0);
  expect(counts.timeline.map(({ version }) => version)).toEqual(versions);
}

/** The same for a rolling update, in which old and new answer side by side. */
export async function expectUsersMovedOver(users: Traffic, from: string, to: string): Promise<void> {
  await arrived(users, to);
  const counts = await users.stop();
  expect(counts.losses).toEqual([]);
  expect(Object.keys(counts.byVersion).sort()).toEqual([from, to].sort());
  expect([counts.timeline[0]?.version, counts.timeline.at(-1)?.version]).toEqual([from, to]);
}

/** The nodes learn of a change a moment after the API server: waits for it, then lets a few requests more come. */
export async function arrived(users: Traffic, version: string | undefined): Promise<void> {
  for (let tries = 0; tries < 100 && users.counts().timeline.at(-1)?.version !== version; tries += 1)
    await users.more(1);
  await users.more(5);
}

/** Waits until no pod of the namespace is on its way out. */
export async function settled(place: Place): Promise<void> {
  await eventually('pods to be gone', async () => {
    const pods = await place.list('Pod');
    return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined) || undefined;
  });
}

/** Whether no pod is on its way out, and nothing says that one still is. */
async function isSettled(place: Place): Promise<boolean> {
  const kinds = ['Pod', 'ReplicaSet', 'Deployment'] as const;
  const objects = (await Promise.all(kinds.map(kind => place.list(kind)))).flat();
  return objects.every(
    object => object.metadata.deletionTimestamp === undefined && !field(object, 'status', 'terminatingReplicas'),
  );
}
