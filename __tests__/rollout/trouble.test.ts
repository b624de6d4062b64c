import { describe, expect, it } from '@jest/globals';
import { troubleOf, whyNotReady } from '../../src/rollout/trouble.js';
import { pod } from './objects.js';
import type { ContainerFacts } from './objects.js';

const waiting = (reason: string, message?: string): object => ({ waiting: { reason, message } });
const ended = (exitCode: number, reason = 'Error', message?: string): object => ({
  terminated: { exitCode, reason, message },
});
const ill = (container: ContainerFacts): ReturnType<typeof pod> => pod({ ready: false, containers: [container] });
const crashing = (restarts: number): ContainerFacts => ({
  restarts,
  state: waiting('CrashLoopBackOff'),
  lastState: ended(3),
});

describe('a pod that waiting will not mend', () => {
  it.each([
    [
      'an invalid image name',
      { state: waiting('InvalidImageName', 'bad') },
      'cannot get its image web:v1 (InvalidImageName: bad)',
      0,
      'none',
    ],
    [
      'an image that may not be pulled',
      { state: waiting('ErrImageNeverPull') },
      'cannot get its image web:v1 (ErrImageNeverPull)',
      0,
      'none',
    ],
    [
      'a pull that has failed before',
      { state: waiting('ImagePullBackOff') },
      'cannot get its image web:v1 (ImagePullBackOff)',
      0,
      'none',
    ],
    [
      'a pull that failed once',
      { state: waiting('ErrImagePull', 'not found') },
      'cannot get its image web:v1 (ErrImagePull: not found)',
      20_000,
      'none',
    ],
    [
      'a missing ConfigMap',
      { state: waiting('CreateContainerConfigError', 'configmap "x" not found') },
      'cannot be started (CreateContainerConfigError: configmap "x" not found)',
      15_000,
      'none',
    ],
    [
      'a container that cannot be run',
      { state: waiting('RunContainerError') },
      'cannot be started (RunContainerError)',
      15_000,
      'none',
    ],
    ['a crash loop', crashing(2), 'keeps crashing: exit code 3, 2 restarts', 0, 'previous'],
    [
      'a command that is not there',
      { restarts: 2, state: waiting('CrashLoopBackOff'), lastState: ended(128, 'StartError', 'exec: "/nope"') },
      'keeps crashing: exit code 128 (StartError: exec: "/nope"), 2 restarts',
      0,
      'none',
    ],
    [
      'too little memory',
      { restarts: 2, state: { running: {} }, lastState: ended(137, 'OOMKilled') },
      'keeps crashing: it used more memory than its limit (OOMKilled), 2 restarts',
      0,
      'previous',
    ],
  ])('has %s', (...[, container, words, patienceMs, log]) => {
    expect(troubleOf(ill(container))).toMatchObject({
      container: 'app',
      sentence: `container app of pod shop/web-h1-a ${words}`,
      patienceMs,
      log,
    });
  });

  it('may be held up by an init container', () => {
    const subject = pod({
      ready: false,
      initContainers: [{ ...crashing(4), name: 'migrate' }],
      containers: [{ state: waiting('PodInitializing') }],
    });
    expect(troubleOf(subject)?.container).toBe('migrate');
  });

  it('says what to do about it', () => {
    expect(troubleOf(ill({ state: waiting('ImagePullBackOff') }))?.hint).toContain('imagePullSecrets');
    expect(troubleOf(ill(crashing(2)))?.hint).toContain('log');
  });
});

describe('a pod that waiting may mend', () => {
  it.each([
    ['starts', { state: waiting('ContainerCreating') }],
    ['has crashed once', crashing(1)],
    ['runs but is not ready', { state: { running: {} } }],
    ['restarted twice for other reasons', { restarts: 2, state: { running: {} }, lastState: ended(0, 'Completed') }],
  ])('%s', (_what, container) => {
    expect(troubleOf(ill(container))).toBeUndefined();
  });

  it('got over an OOM kill of long ago', () => {
    const container = { ready: true, restarts: 5, state: { running: {} }, lastState: ended(137, 'OOMKilled') };
    expect(troubleOf(pod({ ready: true, containers: [container] }))).toBeUndefined();
  });

  it('is being deleted, so its state no longer matters', () => {
    expect(troubleOf(pod({ ready: false, deleting: true, containers: [crashing(9)] }))).toBeUndefined();
  });
});

describe('why a pod is not ready', () => {
  it.each([
    ['stopping', pod({ deleting: true })],
    [
      'cannot be scheduled: 0/3 nodes are available',
      pod({
        ready: false,
        phase: 'Pending',
        containers: [],
        conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }],
      }),
    ],
    ['container app waits (ContainerCreating)', ill({ state: waiting('ContainerCreating') })],
    ['container app waits (CrashLoopBackOff, exit code 3, restarted once)', ill(crashing(1))],
    ['container app ended with exit code 2', ill({ state: ended(2) })],
    ['container app runs but is not ready', ill({ state: { running: {} } })],
    ['pending, not ready', pod({ ready: false, phase: 'Pending', containers: [] })],
  ])('%s', (words, subject) => {
    expect(whyNotReady(subject)).toBe(words);
  });
});
