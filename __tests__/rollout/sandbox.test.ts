import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/cluster/connect.js';
import type { ObjectWriter } from '../../src/cluster/cluster.js';
import type { Connection } from '../../src/cluster/live-cluster.js';
import { refOf } from '../../src/kubernetes/object.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { systemClock } from '../../src/cluster/clock.js';
import { observe } from '../../src/rollout/observer.js';
import type { ReadyWorkload } from '../../src/rollout/observer.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { startSandbox } from '../../sandbox/start.js';
import { listLog } from '../support/log.js';

let sandbox: Sandbox;
let cluster: Connection;
let writer: ObjectWriter;
const log = listLog({ debug: false });
const { lines } = log;
const abort = new AbortController();
const removeFaults: (() => void)[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ secondMs: 50, nodePorts: 'any' });
  cluster = await connect({
    kubeconfig: sandbox.kubeconfig,
    workspace: '/nowhere',
    environment: {},
    log,
    signal: abort.signal,
  });
  writer = cluster.writer({ longestWriteMs: 30_000, ready: () => Promise.resolve(), isOpen: () => true });
});
afterEach(() => {
  for (const remove of removeFaults.splice(0)) remove();
});
afterAll(async () => {
  abort.abort();
  await sandbox.close();
});

function site(name: string, tag: string): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: 'site',
              image: `site:${tag}`,
              ports: [{ containerPort: 8080, protocol: 'TCP' }],
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** Applies and waits, as every deploy does. */
async function roll(object: KubeObject): Promise<ReadyWorkload | undefined> {
  const observer = observe({ cluster, log, clock: systemClock, signal: abort.signal, targets: [refOf(object)] });
  try {
    await observer.synced;
    const { object: written } = await writer.apply(object);
    const [ready] = await observer.waitForRollout({ targets: [written], timeoutMs: 30_000, stableForMs: 100 });
    return ready;
  } finally {
    observer.close();
  }
}

describe('a rollout in the embedded cluster', () => {
  it('needs one write and three watches', async () => {
    sandbox.calls.reset();
    const ready = await roll(site('plain', 'v1'));
    expect(ready?.pods).toHaveLength(2);
    expect(ready?.pods.every(({ name }) => name.startsWith(`plain-${ready.templateHash ?? '?'}-`))).toBe(true);
    expect(sandbox.calls.read().byVerbAndKind).toEqual({
      'WATCH Deployment': 1,
      'WATCH ReplicaSet': 1,
      'WATCH Pod': 1,
      'PATCH Deployment': 1,
    });
  });

  it('completes through watches that end all the time, an expired resourceVersion and a write that was cut off', async () => {
    const first = await roll(site('shaken', 'v1'));
    removeFaults.push(
      sandbox.fault({ verb: 'WATCH', kind: 'Pod' }, { do: 'end-watch' }, 5),
      sandbox.fault({ verb: 'PATCH', kind: 'Deployment' }, { do: 'reset', when: 'after' }, 1),
    );
    const update = roll(site('shaken', 'v2'));
    removeFaults.push(sandbox.fault({ verb: 'WATCH', kind: 'Deployment' }, { do: 'gone' }, 1));
    const second = await update;
    expect(second?.templateHash).not.toBe(first?.templateHash);
    expect(second?.pods).toHaveLength(2);
    expect(lines).toContainEqual(expect.stringContaining('retrying in'));
  });

  it('recognizes its own write although the answer to it was lost', async () => {
    const config = (text: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'lost', namespace: 'default' },
      data: { text },
    });
    const { object: written } = await writer.apply(config('before'));
    const resourceVersion = written.metadata.resourceVersion ?? '';
    removeFaults.push(sandbox.fault({ verb: 'PATCH', kind: 'ConfigMap' }, { do: 'reset', when: 'after' }, 1));
    const applied = await writer.apply(config('after'), { resourceVersion });
    expect(applied.object).toMatchObject({ data: { text: 'after' } });
    await expect(writer.apply(config('again'), { resourceVersion })).rejects.toMatchObject({ code: 'moved' });
  });

  it('fails with the crash and its log, by two more calls', async () => {
    sandbox.calls.reset();
    await expect(roll(site('failing', 'broken'))).rejects.toMatchObject({
      code: 'rollout',
      object: 'Deployment default/failing',
      message: expect.stringMatching(
        /^container site of pod default\/failing-\S+ keeps crashing: exit code 1, \d restarts/,
      ),
      problems: expect.arrayContaining([
        { message: expect.stringMatching(/^log of failing-\S+( \(previous life\))?: /) },
      ]),
    });
    expect(sandbox.calls.read().byVerbAndKind).toEqual({
      'WATCH Deployment': 1,
      'WATCH ReplicaSet': 1,
      'WATCH Pod': 1,
      'PATCH Deployment': 1,
      'LIST Event': 1,
      'LOG Pod': 1,
    });
  });
});

describe('pods that the API server refuses', () => {
  const labels = { app: 'refused' };
  const template = {
    metadata: { labels },
    spec: { serviceAccountName: 'absent', restartPolicy: 'Always', containers: [{ name: 'site', image: 'site:v1' }] },
  };
  const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };

  const sets = { selector: { matchLabels: labels }, template };
  const kinds: readonly (readonly [string, string, object])[] = [
    ['apps/v1', 'StatefulSet', { serviceName: 'refused', ...sets }],
    ['apps/v1', 'DaemonSet', sets],
    ['batch/v1', 'Job', { template: once }],
  ];

  it('fail the wait for every kind that creates pods', async () => {
    const waits = kinds.map(async ([apiVersion, kind, spec]) => {
      const object = { apiVersion, kind, metadata: { name: 'refused', namespace: 'default' }, spec };
      await expect(roll(object)).rejects.toMatchObject({
        code: 'rollout',
        object: `${kind} default/refused`,
        message: expect.stringContaining('its pods cannot be created: pods "refused-'),
      });
    });
    await Promise.all(waits);
  });
});
