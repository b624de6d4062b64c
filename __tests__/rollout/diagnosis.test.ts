import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../src/cluster/cluster.js';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import { actionsLog, type Log } from '../../src/log.js';
import type { Assessment } from '../../src/rollout/assessment.js';
import { diagnose, podToDiagnose } from '../../src/rollout/diagnosis.js';
import { rolloutTimeout } from '../../src/rollout/rollout-error.js';
import { podFailureOf } from '../../src/rollout/pod-failure.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import type { WatchedAnswers } from '../support/cluster/watched-cluster.js';
import { listLog } from '../support/log.js';
import { pod, type ContainerFacts } from '../support/objects.js';
import { changed, real } from '../support/real-objects.js';

const running = { state: { running: {} } };
const crashed = (exitCode: number): object => ({ lastState: { terminated: { exitCode } } });

function assessed(newPods: readonly KubeObject[], live = real('deployments', 'complete')): Assessment {
  const [podFailure] = newPods.map(podFailureOf);
  const readiness = { done: false, ok: false, reason: '0 of 2 ready' } as const;
  return { ref: refOf(live), live, newPods, readiness, ...(podFailure && { podFailure }) };
}

async function diagnosed(assessment: Assessment, answers: WatchedAnswers = {}, log: Log = listLog()) {
  const { port, asked } = watchedCluster(answers);
  const lines: (number | undefined)[] = [];
  const logs: Cluster['logs'] = (target, options) => {
    lines.push(options.lines);
    return port.logs(target, options);
  };
  return { diagnosis: await diagnose(assessment, { cluster: { ...port, logs }, log }), asked, lines };
}

describe('the pod that is diagnosed', () => {
  const evicted = pod({ name: 'web-0', ready: false, phase: 'Failed', containers: [] });
  const [ready, starting] = [pod({ name: 'web-1' }), pod({ name: 'web-2', ready: false })];
  const completed = pod({ name: 'web-3', ready: false, phase: 'Succeeded' });
  const stopping = pod({ name: 'web-4', deleting: true });
  const job: ObjectRef = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop', name: 'migrate' };

  it.each([
    ['is one that starts, not the evicted one before it', [evicted, ready, starting], undefined, 'web-2'],
    ['is one that starts rather than one that stops', [stopping, starting], undefined, 'web-2'],
    ['is one that stops if all others are ready', [ready, stopping], undefined, 'web-4'],
    ['is none if another pod took the place of the evicted one', [evicted, ready], undefined, undefined],
    ['is the evicted one if none took its place', [evicted], undefined, 'web-0'],
    ['is the one of a Job that failed, although another try runs', [completed, evicted, ready], job, 'web-0'],
  ])('%s', (...[, pods, ref, name]) => {
    expect(podToDiagnose({ ...assessed(pods), ...(ref && { ref }) })?.metadata.name).toBe(name);
  });
});

it('a pod that cannot be scheduled has the words of the scheduler once in a message', async () => {
  const message = 'pod has unbound immediate PersistentVolumeClaims. not found';
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  const { port } = watchedCluster({ events: [{ reason: 'FailedScheduling', message, count: 3 }] });
  const open = [assessed([pod({ name: 'web-1', ready: false, containers: [], conditions })])];
  const error = await rolloutTimeout(open, { cluster: port, log: listLog(), timeoutMs: 1_000 });
  expect(error.message.split(message)).toHaveLength(2);
});

describe('the node of a pod', () => {
  const why = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting' };
  const node = (condition: object): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-2' } },
    status: { conditions: [condition] },
  });
  const on = (object: KubeObject): KubeObject => ({ ...object, spec: { nodeName: 'worker-2' } });
  const bound = on(pod({ name: 'web-1', ready: false, containers: [] }));
  const lost = on(pod({ name: 'web-1', ready: false, conditions: [{ type: 'ContainersReady', status: 'True' }] }));
  const named = ['node worker-2 is not ready: NodeStatusUnknown: Kubelet stopped posting'];

  it.each([
    ['is named where it reports nothing of the pod', { newPods: [bound] }, node(why), named],
    ['is named where the pod lost it', { newPods: [lost] }, node(why), named],
    [
      'is named where an earlier pod does not end',
      { newPods: [], stopping: [on(pod({ deleting: true }))] },
      node(why),
      named,
    ],
    ['is not named where it is ready', { newPods: [bound] }, node({ type: 'Ready', status: 'True' }), []],
    ['is not named where it may not be read', { newPods: [bound] }, undefined, []],
  ])('%s', async (...[, pods, found, lines]) => {
    const { port } = watchedCluster({ events: [] });
    const get: Cluster['get'] = () =>
      found === undefined ? Promise.reject(new CutoverError('no', { code: 'forbidden' })) : Promise.resolve(found);
    const diagnosis = await diagnose(
      { ...assessed(pods.newPods), ...pods },
      { cluster: { ...port, get }, log: listLog() },
    );
    const messages = diagnosis.lines.map(({ message }) => message);
    expect(messages.filter(message => message.startsWith('node'))).toEqual(lines);
  });
});

describe('the log of a container that is not ready', () => {
  const ofOne = (facts: ContainerFacts) => assessed([pod({ name: 'web-1', ready: false, containers: [facts] })]);

  it.each([
    ['runs for the first time: the current container', running, 'logs web-1/app'],
    [
      'was restarted after a crash: the previous container',
      { ...running, ...crashed(137), restarts: 1 },
      'logs web-1/app previous',
    ],
    [
      'was restarted after exit code 0: the current container',
      { ...running, ...crashed(0), restarts: 1 },
      'logs web-1/app',
    ],
    [
      'waits for its next start: the previous container',
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, ...crashed(0), restarts: 1 },
      'logs web-1/app previous',
    ],
    [
      'has ended: the current container',
      { state: { terminated: { exitCode: 1 } }, ...crashed(1), restarts: 2 },
      'logs web-1/app',
    ],
  ])('that %s', async (...[, facts, asked]) => {
    const done = await diagnosed(ofOne(facts));
    expect(done.asked.slice(1)).toEqual([asked]);
    expect(done.lines).toEqual([50]);
  });

  it('is not read where the container never ran', async () => {
    const { asked } = await diagnosed(assessed([real('pods', 'noSuchImage')]));
    expect(asked).toHaveLength(1);
  });

  it('is not cut, since half of a secret would no longer be masked', async () => {
    const line = `token=${'x'.repeat(5_000)}`;
    const { diagnosis } = await diagnosed(ofOne(running), { logs: line });
    expect(diagnosis.lines).toEqual([{ message: `log of web-1/app: ${line}` }]);
  });
});

describe('the Secrets of a pod', () => {
  const canaries = ['horse-battery+1', 'horse-battery+2', 'horse-battery+3'];
  const [first = '', second = '', third = ''] = canaries;
  const spec = {
    imagePullSecrets: [{ name: 'pull' }],
    initContainers: [{ name: 'init', envFrom: [{ secretRef: { name: 'init' } }] }],
    containers: [{ name: 'app', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'key' } } }] }],
    volumes: [
      { name: 'files', projected: { sources: [{ secret: { name: 'files' } }, { configMap: { name: 'settings' } }] } },
      { name: 'gone', secret: { secretName: 'gone', optional: true } },
    ],
  };
  const terminated = { exitCode: 1, reason: 'Error', message: `at last:\n${third}` };
  const facts = { restarts: 2, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } };
  const reading = { ...pod({ name: 'web-1', ready: false, containers: [facts] }), spec };
  const answers = {
    events: [
      { reason: 'Unhealthy', message: `Liveness probe failed: cannot log in with ${first}`, count: 1 },
      { reason: 'BackOff', message: 'Back-off restarting failed container', count: 4 },
    ],
    logs: `starts\nlogin with ${second}`,
  };
  const secrets = new Map<string, string | Error>([
    ['init', first],
    ['env', JSON.stringify({ password: second })],
    ['files', third],
  ]);

  it('are hidden before its words are shown, whatever the step knows of them', async () => {
    const log = actionsLog();
    const { diagnosis, asked } = await diagnosed(assessed([reading]), { ...answers, secrets }, log);
    expect(asked.filter(one => one.startsWith('get '))).toEqual(
      ['init', 'env', 'files', 'gone'].map(name => `get Secret shop/${name}`),
    );
    const shown = diagnosis.lines.map(({ message }) => log.text.safe(message));
    expect(shown).toEqual([
      'event Unhealthy: Liveness probe failed: cannot log in with ***',
      'event BackOff: Back-off restarting failed container (4 times)',
      'termination message of web-1/app: at last:',
      'termination message of web-1/app: ***',
      'log of web-1/app (previous container): starts',
      'log of web-1/app (previous container): login with ***',
    ]);
    expect(log.text.safe(diagnosis.failedProbe ?? '')).toBe('Liveness probe failed: cannot log in with ***');
  });

  it('that cannot be read make its words left out, with the reason and the way to see them', async () => {
    const unreadable = new CutoverError('no permission to get Secret shop/env', { code: 'forbidden' });
    const found = new Map(secrets).set('env', unreadable);
    const assessment = assessed([reading]);
    const { diagnosis } = await diagnosed(assessment, { ...answers, secrets: found });
    expect(diagnosis.lines.map(({ message }) => message)).toEqual([
      'event Unhealthy: Liveness probe failed',
      'event BackOff: Back-off restarting failed container (4 times)',
      'log of web-1/app: left out, because it may show a Secret that cannot be read and hidden (no permission to get Secret shop/env); to see it: kubectl -n shop logs web-1 -c app -p',
    ]);
    const { port } = watchedCluster({ ...answers, secrets: found });
    const error = await rolloutTimeout([assessment], { cluster: port, log: listLog(), timeoutMs: 60_000 });
    const all = [error.message, error.hint, ...error.problems.map(({ message }) => message)].join('\n');
    for (const canary of canaries) expect(all).not.toContain(canary);
  });
});

describe('a StatefulSet without pods', () => {
  it('has events that show why there are none', async () => {
    const { port } = watchedCluster({
      events: [{ reason: 'FailedCreate', message: 'create Pod db-0 failed: exceeded quota: none', count: 12 }],
    });
    const set = changed(real('statefulSets', 'withoutPods'), { metadata: { name: 'db' } });
    const error = await rolloutTimeout([assessed([], set)], { cluster: port, log: listLog(), timeoutMs: 60_000 });
    expect(error.message).toBe(
      'StatefulSet shop/db was not ready after 1 min: 0 of 2 ready; create Pod db-0 failed: exceeded quota: none (12 times)',
    );
  });
});
