import { textAt, objectAt, objectsAt, type JsonObject } from '../../../sandbox/api/schema/json.js';
import { at, nameOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { deployment, isLeaving, isReady, pod, ready } from '../../support/conformance/web-application.js';
import type { Answer } from '../../support/sandbox/api-client.js';

/** Asks for the eviction of a pod; with `uid` only of the pod with that uid. */
const evict = (ns: ConformanceNamespace, name: string, uid?: string): Promise<Answer> =>
  ns.api.send({
    method: 'POST',
    path: ns.path(`pods/${name}/eviction`),
    body: {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: ns.namespace },
      ...(uid !== undefined && { deleteOptions: { preconditions: { uid } } }),
    },
  });

/** What a client sees of an answer. */
const seen = (ns: ConformanceNamespace, { status, json }: Answer): JsonObject => ({
  status,
  reason: at(json, 'reason'),
  message: ns.words(textAt(json, 'message') ?? ''),
  causes: objectsAt(json, 'details', 'causes').map(({ reason = null, message = null }) => [reason, message]),
});

const evicted: JsonObject = { status: 201, reason: null, message: '', causes: [] };

const budget = (spec: JsonObject): JsonObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web' },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
});

/** A pod that goes on for 20 s after it is told to end. */
const slow = (ns: ConformanceNamespace): JsonObject =>
  pod(ns, {
    container: { lifecycle: { preStop: { sleep: { seconds: 20 } } } },
    spec: { terminationGracePeriodSeconds: 30 },
  });

/** Two ready pods of a Deployment under a budget. Returns the name of one. */
async function underBudget(ns: ConformanceNamespace, spec: JsonObject): Promise<string> {
  await ns.make(deployment(ns, { replicas: 2 }));
  const [first] = await ns.untilAll('pods', 'two ready pods', pods =>
    pods.length === 2 && pods.every(isReady) ? pods : undefined,
  );
  await ns.make(budget(spec));
  return nameOf(first ?? {});
}

export const rows: readonly Row[] = [
  {
    title: 'an eviction deletes the pod with its own grace',
    play: async ns => {
      await ns.make(slow(ns));
      await ready(ns);
      const answer = await evict(ns, 'web');
      const { metadata = {} } = await ns.until('pods/web', 'a pod that ends', isLeaving);
      return [seen(ns, answer), at(metadata, 'deletionGracePeriodSeconds')];
    },
    expected: [evicted, 30],
  },
  {
    title: 'an eviction of a pod that is ending already is no error, and does not end it sooner',
    play: async ns => {
      await ns.make(slow(ns));
      await ready(ns);
      await evict(ns, 'web');
      const before = await ns.until('pods/web', 'a pod that ends', isLeaving);
      const answer = await evict(ns, 'web');
      const after = await ns.read('pods/web');
      const endOf = (object: JsonObject): string => textAt(objectAt(object, 'metadata'), 'deletionTimestamp') ?? '';
      return [seen(ns, answer), endOf(after) === endOf(before)];
    },
    expected: [evicted, true],
  },
  {
    title: 'an eviction of another pod of the same name is a conflict, and the pod stays',
    play: async ns => {
      await ns.make(slow(ns));
      await ready(ns);
      const { status, json } = await evict(ns, 'web', '00000000-0000-4000-8000-000000000000');
      return [status, at(json, 'reason'), isLeaving(await ns.read('pods/web'))];
    },
    expected: [409, 'Conflict', false],
  },
  {
    title: 'an eviction of the pod with the uid is done',
    play: async ns => {
      await ns.make(slow(ns));
      const { metadata = {} } = await ready(ns);
      return seen(ns, await evict(ns, 'web', textAt(metadata as JsonObject, 'uid')));
    },
    expected: evicted,
  },
  {
    title: 'an eviction of a pod that does not exist is not found',
    play: async ns => {
      const { status, json } = await evict(ns, 'web');
      return [status, at(json, 'reason')];
    },
    expected: [404, 'NotFound'],
  },
  {
    title:
      'an eviction that a budget forbids is refused as too many requests, with the budget as its cause, and the pod stays',
    play: async ns => {
      const name = await underBudget(ns, { maxUnavailable: 0 });
      let answer = await evict(ns, name);
      // Until its controller has counted the pods, a budget allows nothing and says so.
      while (answer.text.includes('still being processed')) answer = await evict(ns, name);
      return [seen(ns, answer), isLeaving(await ns.read(`pods/${name}`))];
    },
    expected: [
      {
        status: 429,
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        causes: [['DisruptionBudget', 'The disruption budget web needs 2 healthy pods and has 2 currently']],
      },
      false,
    ],
  },
];
