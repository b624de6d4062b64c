import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openKube } from '../__tests__/support/kube.js';
import { createStore } from '../sandbox/api/store/memory-store.js';
import type { Store } from '../sandbox/api/store/store.js';
import type { Sandbox, AnsweredCall, WireCounts } from '../sandbox/sandbox.js';
import { startSandbox } from '../sandbox/start.js';
import type { KubeObject } from '../src/kubernetes/object.js';
import type { ToolRun, Tool } from './deploy-tools.js';
import type { ObjectSet } from '../__tests__/support/object-sets.js';
import { ProcessMemory } from './process-memory.js';

/** One deploy by one tool into its own empty cluster. Times are in milliseconds of `performance.now()`. */
export interface Measured {
  readonly result: ToolRun;
  readonly startedAt: number;
  readonly endedAt: number;
  /** In order of arrival. */
  readonly calls: readonly AnsweredCall[];
  readonly wire: WireCounts;
  /** When the last Deployment became ready according to its status. Absent: not all became ready. */
  readonly readyAt?: number;
  readonly peakMiB?: number;
}

export interface Condition {
  readonly set: ObjectSet;
  /** Milliseconds before each API call is answered. */
  readonly delayMs: number;
  readonly timeoutSeconds: number;
}

const namespace = 'bench';

export async function measure(tool: Tool, { set, delayMs, timeoutSeconds }: Condition): Promise<Measured> {
  const store = createStore();
  const calls: AnsweredCall[] = [];
  const sandbox = await startSandbox({ nodePorts: 'any', onCall: call => calls.push(call) }, store);
  const folder = await mkdtemp(join(tmpdir(), 'cutover-bench-'));
  const memory = new ProcessMemory();
  try {
    await writeFile(join(folder, 'objects.yml'), set.manifests);
    await makeNamespace(sandbox);
    const readyAt = followReadiness(store, set.deployments);
    if (delayMs > 0) sandbox.fault({}, { do: 'delay', ms: delayMs });
    await answered(sandbox, calls);
    sandbox.calls.reset();
    calls.length = 0;
    const before = sandbox.wire();
    const startedAt = performance.now();
    const result = await tool.run({
      set,
      kubeconfig: sandbox.kubeconfig,
      namespace,
      folder,
      timeoutSeconds,
      onStart: pid => memory.follow(pid),
    });
    const endedAt = performance.now();
    await answered(sandbox, calls);
    const after = sandbox.wire();
    const ready = readyAt();
    return {
      result,
      startedAt,
      endedAt,
      calls: calls.toSorted((one, other) => one.arrivedAt - other.arrivedAt),
      wire: {
        connections: after.connections - before.connections,
        bytesIn: after.bytesIn - before.bytesIn,
        bytesOut: after.bytesOut - before.bytesOut,
      },
      ...(ready !== undefined && { readyAt: ready }),
      ...(memory.peakMiB !== undefined && { peakMiB: memory.peakMiB }),
    };
  } finally {
    memory.stop();
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A process ends before the server sees the end of its last connection. */
async function answered(sandbox: Sandbox, calls: readonly AnsweredCall[]): Promise<void> {
  while (calls.length < sandbox.calls.read().total) await pause(5);
}

async function makeNamespace({ kubeconfig }: Sandbox): Promise<void> {
  const kube = openKube(kubeconfig);
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  // The API server refuses pods before the namespace has its ServiceAccount.
  while ((await kube.get({ kind: 'ServiceAccount', namespace, name: 'default' })) === undefined) await pause(5);
  kube.close();
}

/** Resolves when all Deployments are ready according to their current status. */
function followReadiness(store: Store, names: readonly string[]): () => number | undefined {
  const since = new Map<string, number>();
  store.watch({ apiVersion: 'apps/v1', kind: 'Deployment' }, ({ object }) => {
    const { name } = object.metadata;
    if (!isReady(object)) since.delete(name);
    else if (!since.has(name)) since.set(name, performance.now());
  });
  return () => (names.every(name => since.has(name)) ? Math.max(...since.values()) : undefined);
}

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status?: Readonly<
    Record<'observedGeneration' | 'replicas' | 'updatedReplicas' | 'availableReplicas', number | undefined>
  >;
}

function isReady(object: KubeObject): boolean {
  const { metadata, spec, status } = object as Deployment;
  return (
    status?.observedGeneration === metadata.generation &&
    [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every(count => count === spec.replicas)
  );
}
