import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../src/cluster/cluster.js';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import type { Assessment } from '../../src/rollout/assessment.js';
import { diagnose, podToDiagnose } from '../../src/rollout/diagnosis.js';
import { rolloutTimeout } from '../../src/rollout/rollout-error.js';
import { podFailureOf } from '../../src/rollout/pod-failure.js';
import { watchedCluster } from '../support/cluster/watched-cluster.js';
import type { WatchedAnswers } from '../support/cluster/watched-cluster.js';
import { pod, type ContainerFacts } from '../support/objects.js';
import { changed, real } from '../support/real-objects.js';

const running = { state: { running: {} } };
const crashed = (exitCode: number): object => ({ lastState: { terminated: { exitCode } } });

function assessed(newPods: readonly KubeObject[], live = real('deployments', 'complete')): Assessment {
  const [podFailure] = newPods.map(podFailureOf);
  const readiness = { done: false, ok: false, reason: '0 of 2 ready' } as const;
  return { ref: refOf(live), live, newPods, readiness, ...(podFailure && { podFailure }) };
}

async function diagnosed(assessment: Assessment, answers: WatchedAnswers = {}) {
  const { port, asked } = watchedCluster(answers);
  const lines: (number | undefined)[] = [];
  const logs: Cluster['logs'] = (target, options) => {
    lines.push(options.lines);
    return port.logs(target, options);
  };
  return { diagnosis: await diagnose(assessment, { ...port, logs }), asked, lines };
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

describe('a StatefulSet without pods', () => {
  it('has events that show why there are none', async () => {
    const { port } = watchedCluster({
      events: [{ reason: 'FailedCreate', message: 'create Pod db-0 failed: exceeded quota: none', count: 12 }],
    });
    const set = changed(real('statefulSets', 'withoutPods'), { metadata: { name: 'db' } });
    const error = await rolloutTimeout([assessed([], set)], { cluster: port, timeoutMs: 60_000 });
    expect(error.message).toBe(
      'StatefulSet shop/db was not ready after 1 min: 0 of 2 ready; create Pod db-0 failed: exceeded quota: none (12 times)',
    );
  });
});
