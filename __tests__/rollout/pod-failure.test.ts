import { describe, expect, it } from '@jest/globals';
import { podFailureOf, whyNotReady } from '../../src/rollout/pod-failure.js';
import { pod } from '../support/objects.js';
import type { ContainerFacts } from '../support/objects.js';
import { real } from '../support/real-objects.js';

const waiting = (reason: string, message?: string): object => ({ waiting: { reason, message } });
const ended = (exitCode: number, reason = 'Error', message?: string): object => ({
  terminated: { exitCode, reason, message },
});
const failing = (container: ContainerFacts): ReturnType<typeof pod> => pod({ ready: false, containers: [container] });
const crashing = (restarts: number): ContainerFacts => ({
  restarts,
  state: waiting('CrashLoopBackOff'),
  lastState: ended(3),
});

const evicted = (message: string): ReturnType<typeof pod> => {
  const failed = pod({ phase: 'Failed', ready: false, containers: [{ state: ended(137) }] });
  return { ...failed, status: { ...(failed['status'] as object), reason: 'Evicted', message } };
};

describe('a pod that will not become ready by itself', () => {
  it.each([
    [
      'an invalid image name',
      { state: waiting('InvalidImageName', 'bad') },
      'cannot pull its image web:v1 (InvalidImageName: bad)',
      0,
      'none',
    ],
    [
      'an image that may not be pulled',
      { state: waiting('ErrImageNeverPull') },
      'cannot pull its image web:v1 (ErrImageNeverPull)',
      0,
      'none',
    ],
    [
      'a pull that failed without a message',
      { state: waiting('ImagePullBackOff') },
      'cannot pull its image web:v1 (ImagePullBackOff)',
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
  ])('has %s', (...[, container, words, toleranceMs, log]) => {
    expect(podFailureOf(failing(container))).toMatchObject({
      container: 'app',
      message: `container app of pod shop/web-h1-a ${words}`,
      toleranceMs,
      log,
    });
  });

  it.each([
    ['InvalidImageName', 'invalidImageName', 0, 'none', 'cannot pull its image UPPER:::x (InvalidImageName: '],
    [
      'ErrImageNeverPull',
      'neverPulled',
      0,
      'none',
      'cannot pull its image registry.test/site:absent (ErrImageNeverPull: ',
    ],
    [
      'an image that does not exist',
      'noSuchImage',
      30_000,
      'none',
      'cannot pull its image registry.test/site:absent (',
    ],
    [
      'a registry that refuses connections',
      'silentRegistry',
      60_000,
      'none',
      'cannot pull its image silent.test/site:v1 (',
    ],
    ['a registry that has no address', 'noSuchRegistry', 60_000, 'none', 'cannot pull its image registry.invalid/'],
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
  ])('has, on Kubernetes 1.37, %s', (...[, name, toleranceMs, log, words]) => {
    expect(podFailureOf(real('pods', name))).toMatchObject({
      toleranceMs,
      log,
      message: expect.stringContaining(words),
    });
  });

  it.each([
    ['unexpected status from HEAD request to https://r.test/v2/a/manifests/1: 401 Unauthorized', 30_000],
    ['pull access denied, repository does not exist or may require authorization', 30_000],
    ['reading manifest 1 in r.test/a: manifest unknown', 30_000],
    ['no match for platform in manifest', 30_000],
    ['toomanyrequests: You have reached your unauthenticated pull rate limit', 60_000],
    ['unexpected status from HEAD request to https://r.test/v2/a/manifests/1: 503 Service Unavailable', 60_000],
    ['dial tcp: lookup r.test: i/o timeout', 60_000],
    ['failed to resolve not-found.test/a:1: connection refused', 60_000],
  ])('fails sooner where the registry answered: %s', (message, toleranceMs) => {
    const container = { image: 'not-found.test/a:1', state: waiting('ErrImagePull', message) };
    expect(podFailureOf(failing(container))?.toleranceMs).toBe(toleranceMs);
  });

  it('may fail because of an init container', () => {
    const subject = pod({
      ready: false,
      initContainers: [{ ...crashing(4), name: 'migrate' }],
      containers: [{ state: waiting('PodInitializing') }],
    });
    expect(podFailureOf(subject)?.container).toBe('migrate');
  });

  it('says what to do about it', () => {
    expect(podFailureOf(failing({ state: waiting('ImagePullBackOff') }))?.hint).toContain('imagePullSecrets');
    expect(podFailureOf(failing(crashing(2)))?.hint).toContain('log');
  });
});

describe('a pod that may become ready by itself', () => {
  it.each([
    ['starts', { state: waiting('ContainerCreating') }],
    ['has crashed once', crashing(1)],
    ['has crashed once and reports it', { restarts: 1, state: ended(1), lastState: ended(1) }],
    ['ended well after two restarts', { restarts: 2, state: ended(0, 'Completed'), lastState: ended(1) }],
    ['runs but is not ready', { state: { running: {} } }],
    ['restarted twice for other reasons', { restarts: 2, state: { running: {} }, lastState: ended(0, 'Completed') }],
  ])('%s', (_what, container) => {
    expect(podFailureOf(failing(container))).toBeUndefined();
  });

  it.each(['ready', 'unschedulable', 'succeeded', 'failed'])('is, on Kubernetes 1.37, %s', name => {
    expect(podFailureOf(real('pods', name))).toBeUndefined();
  });

  it('has recovered from an earlier OOM kill', () => {
    const container = { ready: true, restarts: 5, state: { running: {} }, lastState: ended(137, 'OOMKilled') };
    expect(podFailureOf(pod({ ready: true, containers: [container] }))).toBeUndefined();
  });

  it('was evicted, so another pod takes its place', () => {
    expect(podFailureOf(pod({ ready: false, phase: 'Failed', containers: [crashing(9)] }))).toBeUndefined();
  });

  it('is being deleted, so its state no longer matters', () => {
    expect(podFailureOf(pod({ ready: false, deleting: true, containers: [crashing(9)] }))).toBeUndefined();
  });
});

describe('why a pod is not ready', () => {
  const ready = pod({ containers: [{ ready: true, state: { running: {} } }] });
  const unmet = {
    type: 'Ready',
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message: 'corresponding condition "lb" is missing',
  };
  const gated = { ...ready, status: { ...(ready['status'] as object), conditions: [unmet] } };

  it.each([
    ['stopping', pod({ deleting: true })],
    ['failed', pod({ phase: 'Failed', ready: false, containers: [] })],
    ['failed (Evicted: The node was low on resource: memory.)', evicted('The node was low on resource: memory.')],
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
      failing({ state: waiting('CreateContainerError', 'word '.repeat(99)) }),
    ],
    ['container app waits (ContainerCreating)', failing({ state: waiting('ContainerCreating') })],
    ['container app waits (CrashLoopBackOff, exit code 3, restarted once)', failing(crashing(1))],
    ['container app ended with exit code 2', failing({ state: ended(2) })],
    ['container app runs but is not ready', failing({ state: { running: {} } })],
    ['pending, not ready', pod({ ready: false, phase: 'Pending', containers: [] })],
    ['its containers are ready, but a readiness gate is not: corresponding condition "lb" is missing', gated],
  ])('%s', (words, subject) => {
    expect(whyNotReady(subject)).toBe(words);
  });
});
