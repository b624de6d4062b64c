import { describe, expect, it } from '@jest/globals';
import { podFailureOf, whyNotReady } from '../../src/rollout/pod-failure.js';
import { pod } from '../support/objects.js';
import type { ContainerFacts } from '../support/objects.js';
import { real } from '../support/real-objects.js';

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
      'a pull of which nothing more is said',
      { state: waiting('ImagePullBackOff') },
      'cannot get its image web:v1 (ImagePullBackOff)',
      60_000,
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
    expect(podFailureOf(ill(container))).toMatchObject({
      container: 'app',
      sentence: `container app of pod shop/web-h1-a ${words}`,
      patienceMs,
      log,
    });
  });

  it.each([
    ['InvalidImageName', 'invalidImageName', 0, 'none', 'cannot get its image UPPER:::x (InvalidImageName: '],
    [
      'ErrImageNeverPull',
      'neverPulled',
      0,
      'none',
      'cannot get its image registry.test/site:absent (ErrImageNeverPull: ',
    ],
    ['an image that does not exist', 'noSuchImage', 0, 'none', 'cannot get its image registry.test/site:absent ('],
    [
      'a registry that refuses connections',
      'silentRegistry',
      60_000,
      'none',
      'cannot get its image silent.test/site:v1 (',
    ],
    ['a registry that has no address', 'noSuchRegistry', 60_000, 'none', 'cannot get its image registry.invalid/'],
    ['a ConfigMap that is not there', 'noConfig', 15_000, 'none', 'cannot be started (CreateContainerConfigError: '],
    ['a command that is not there', 'noCommand', 0, 'none', 'keeps crashing: exit code 128 (StartError: '],
    ['a crash loop', 'crashing', 0, 'previous', 'keeps crashing: exit code 1, 3 restarts'],
    ['a crash loop before its back-off shows', 'crashedAgain', 0, 'current', 'keeps crashing: exit code 1, 2 restarts'],
    [
      'too little memory',
      'outOfMemory',
      0,
      'previous',
      'keeps crashing: it used more memory than its limit (OOMKilled)',
    ],
  ])('has, on Kubernetes 1.37, %s', (...[, name, patienceMs, log, words]) => {
    expect(podFailureOf(real('pods', name))).toMatchObject({
      patienceMs,
      log,
      sentence: expect.stringContaining(words),
    });
  });

  it.each([
    ['unexpected status from HEAD request to https://r.test/v2/a/manifests/1: 401 Unauthorized', 0],
    ['pull access denied, repository does not exist or may require authorization', 0],
    ['reading manifest 1 in r.test/a: manifest unknown', 0],
    ['no match for platform in manifest', 0],
    ['toomanyrequests: You have reached your unauthenticated pull rate limit', 60_000],
    ['unexpected status from HEAD request to https://r.test/v2/a/manifests/1: 503 Service Unavailable', 60_000],
    ['dial tcp: lookup r.test: i/o timeout', 60_000],
    ['failed to resolve not-found.test/a:1: connection refused', 60_000],
  ])('fails at once only where the registry gave its answer: %s', (message, patienceMs) => {
    const container = { image: 'not-found.test/a:1', state: waiting('ErrImagePull', message) };
    expect(podFailureOf(ill(container))?.patienceMs).toBe(patienceMs);
  });

  it('may be held up by an init container', () => {
    const subject = pod({
      ready: false,
      initContainers: [{ ...crashing(4), name: 'migrate' }],
      containers: [{ state: waiting('PodInitializing') }],
    });
    expect(podFailureOf(subject)?.container).toBe('migrate');
  });

  it('says what to do about it', () => {
    expect(podFailureOf(ill({ state: waiting('ImagePullBackOff') }))?.hint).toContain('imagePullSecrets');
    expect(podFailureOf(ill(crashing(2)))?.hint).toContain('log');
  });
});

describe('a pod that waiting may mend', () => {
  it.each([
    ['starts', { state: waiting('ContainerCreating') }],
    ['has crashed once', crashing(1)],
    ['has crashed once and tells of it', { restarts: 1, state: ended(1), lastState: ended(1) }],
    ['ended well after two restarts', { restarts: 2, state: ended(0, 'Completed'), lastState: ended(1) }],
    ['runs but is not ready', { state: { running: {} } }],
    ['restarted twice for other reasons', { restarts: 2, state: { running: {} }, lastState: ended(0, 'Completed') }],
  ])('%s', (_what, container) => {
    expect(podFailureOf(ill(container))).toBeUndefined();
  });

  it.each(['ready', 'unschedulable', 'succeeded', 'failed'])('is, on Kubernetes 1.37, %s', name => {
    expect(podFailureOf(real('pods', name))).toBeUndefined();
  });

  it('got over an OOM kill of long ago', () => {
    const container = { ready: true, restarts: 5, state: { running: {} }, lastState: ended(137, 'OOMKilled') };
    expect(podFailureOf(pod({ ready: true, containers: [container] }))).toBeUndefined();
  });

  it('is being deleted, so its state no longer matters', () => {
    expect(podFailureOf(pod({ ready: false, deleting: true, containers: [crashing(9)] }))).toBeUndefined();
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
    [
      `container app waits (CreateContainerError: ${'word '.repeat(60).trim()} …)`,
      ill({ state: waiting('CreateContainerError', 'word '.repeat(99)) }),
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
