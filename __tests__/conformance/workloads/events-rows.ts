import { objectAt, type JsonObject } from '../../../sandbox/api/schema/json.js';
import { at, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import {
  bare,
  deployment,
  image,
  pod,
  ready,
  rolledOut,
  type PodParts,
} from '../../support/conformance/web-application.js';

/** Events of objects of a kind as `Type Reason component: message`, in order of their first occurrence. */
async function events(ns: ConformanceNamespace, kind: string): Promise<string[]> {
  const all = (await ns.list('events')).filter(event => at(event, 'involvedObject', 'kind') === kind);
  return all.map(event => lineOf(ns, event)).sort();
}

function lineOf(ns: ConformanceNamespace, event: JsonObject): string {
  const component = textOf(event.reportingComponent);
  return `${textOf(event.type)} ${textOf(event.reason)} ${component}: ${ns.words(textOf(event.message))}`;
}

/** Waits for the Events with these reasons, then returns all of that kind. */
async function after(ns: ConformanceNamespace, kind: string, ...reasons: readonly string[]): Promise<string[]> {
  await ns.untilAll('events', `Events ${reasons.join(', ')}`, all =>
    reasons.every(reason => all.some(event => event.reason === reason)) ? true : undefined,
  );
  return [...new Set(await events(ns, kind))];
}

/** A pod whose only container has no probe. */
const of = (
  ns: ConformanceNamespace,
  tag: string,
  { spec = {}, container = {} }: Pick<PodParts, 'spec' | 'container'> = {},
): JsonObject =>
  pod(ns, { spec: { containers: [bare({ image: `${ns.options.site}:${tag}`, ...container })], ...spec } });

export const rows: readonly Row[] = [
  {
    title: 'of a pod that starts',
    play: async ns => {
      await ns.make(pod(ns, { container: { imagePullPolicy: 'Always' } }));
      await ready(ns);
      const lines = await after(ns, 'Pod', 'Scheduled', 'Started');
      // A probe may be faster than the program.
      return lines.filter(line => !line.includes('Unhealthy'));
    },
    expected: [
      'Normal Created kubelet: Container created',
      'Normal Pulled kubelet: Successfully pulled image "SITE:v1" in TIME',
      'Normal Pulling kubelet: Pulling image "SITE:v1"',
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Normal Started kubelet: Container started',
    ],
  },
  {
    title: 'the shape of an Event of the kubelet',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      await after(ns, 'Pod', 'Started');
      const own = await ns.read('pods/web');
      const event = (await ns.list('events')).find(({ reason }) => reason === 'Started') ?? {};
      const about = objectAt(event, 'involvedObject');
      return {
        members: Object.keys(event)
          .filter(name => !['apiVersion', 'kind'].includes(name) && event[name] !== null)
          .sort(),
        about: {
          ...about,
          namespace: about.namespace === ns.namespace,
          uid: about.uid === at(own, 'metadata', 'uid'),
          resourceVersion: typeof about.resourceVersion,
        },
        count: event.count ?? null,
        eventTime: event.eventTime ?? null,
        source: Object.keys(objectAt(event, 'source')).sort(),
        name: /^web\.[0-9a-f]{16}$/.test(nameOf(event)),
        instance: event.reportingInstance === at(own, 'spec', 'nodeName'),
        host: at(event, 'source', 'host') === at(own, 'spec', 'nodeName'),
      };
    },
    expected: {
      members: [
        'count',
        'firstTimestamp',
        'involvedObject',
        'lastTimestamp',
        'message',
        'metadata',
        'reason',
        'reportingComponent',
        'reportingInstance',
        'source',
        'type',
      ],
      about: {
        kind: 'Pod',
        apiVersion: 'v1',
        name: 'web',
        namespace: true,
        uid: true,
        resourceVersion: 'string',
        fieldPath: 'spec.containers{web}',
      },
      count: 1,
      eventTime: null,
      source: ['component', 'host'],
      name: true,
      instance: true,
      host: true,
    },
  },
  {
    title: 'the shape of an Event of the scheduler',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      await after(ns, 'Pod', 'FailedScheduling');
      const event = (await ns.list('events')).find(({ reason }) => reason === 'FailedScheduling') ?? {};
      return {
        members: Object.keys(event)
          .filter(name => !['apiVersion', 'kind'].includes(name) && event[name] !== null)
          .sort(),
        line: lineOf(ns, event),
        about: Object.keys(objectAt(event, 'involvedObject')).sort(),
        action: event.action ?? null,
        count: event.count ?? null,
        first: event.firstTimestamp ?? null,
        source: event.source ?? null,
        time: typeof event.eventTime,
      };
    },
    expected: {
      members: [
        'action',
        'eventTime',
        'involvedObject',
        'message',
        'metadata',
        'reason',
        'reportingComponent',
        'reportingInstance',
        'source',
        'type',
      ],
      line: "Warning FailedScheduling default-scheduler: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
      about: ['apiVersion', 'kind', 'name', 'namespace', 'resourceVersion', 'uid'],
      action: 'Scheduling',
      count: null,
      first: null,
      source: {},
      time: 'string',
    },
  },
  {
    title: 'of an image that cannot be pulled',
    play: async ns => {
      await ns.make(of(ns, 'nosuchtag'));
      await ns.until(
        'pods/web',
        'the wait',
        object => at(object, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason') === 'ImagePullBackOff',
      );
      return after(ns, 'Pod', 'BackOff', 'Failed', 'Pulling');
    },
    expected: [
      'Normal BackOff kubelet: Back-off pulling image "SITE:nosuchtag"',
      'Normal Pulling kubelet: Pulling image "SITE:nosuchtag"',
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Warning Failed kubelet: Error: ErrImagePull',
      'Warning Failed kubelet: Error: ImagePullBackOff',
      'Warning Failed kubelet: Failed to pull image "SITE:nosuchtag": rpc error: code = NotFound desc = failed to pull and unpack image "SITE:nosuchtag": failed to resolve image: SITE:nosuchtag: not found',
    ],
  },
  {
    title: 'of an image name that is none',
    play: async ns => {
      await ns.make(of(ns, 'v1', { container: { image: 'shop/Site:v1' } }));
      return after(ns, 'Pod', 'Failed', 'InspectFailed');
    },
    expected: [
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Warning Failed kubelet: Error: InvalidImageName',
      'Warning InspectFailed kubelet: Failed to apply default image tag "shop/Site:v1": couldn\'t parse image name "shop/Site:v1": invalid reference format: repository name (shop/Site) must be lowercase',
    ],
  },
  {
    title: 'of an image that may not be pulled and is not there',
    play: async ns => {
      await ns.make(of(ns, 'none-here', { container: { imagePullPolicy: 'Never' } }));
      return after(ns, 'Pod', 'ErrImageNeverPull', 'Failed');
    },
    expected: [
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Warning ErrImageNeverPull kubelet: Container image "SITE:none-here" is not present with pull policy of Never',
      'Warning Failed kubelet: Error: ErrImageNeverPull',
    ],
  },
  {
    title: 'of a container that ends again and again',
    play: async ns => {
      await ns.make(of(ns, 'broken', { container: { imagePullPolicy: 'Always' } }));
      return after(ns, 'Pod', 'BackOff');
    },
    expected: [
      'Normal Created kubelet: Container created',
      'Normal Pulled kubelet: Successfully pulled image "SITE:broken" in TIME',
      'Normal Pulling kubelet: Pulling image "SITE:broken"',
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Normal Started kubelet: Container started',
      'Warning BackOff kubelet: Back-off restarting failed container web in pod web_NAMESPACE(UID)',
    ],
  },
  {
    title: 'of a missing ConfigMap',
    play: async ns => {
      const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }];
      await ns.make(of(ns, 'v1', { container: { env } }));
      return after(ns, 'Pod', 'Failed');
    },
    expected: [
      'Normal Pulled kubelet: Container image "SITE:v1" already present on machine and can be accessed by the pod',
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Warning Failed kubelet: Error: configmap "settings" not found',
    ],
  },
  {
    title: 'of a volume that cannot be mounted',
    play: async ns => {
      const volumes = [{ name: 'settings', secret: { secretName: 'settings' } }];
      const volumeMounts = [{ name: 'settings', mountPath: '/settings' }];
      await ns.make(of(ns, 'v1', { spec: { volumes }, container: { volumeMounts } }));
      return after(ns, 'Pod', 'FailedMount');
    },
    expected: [
      'Normal Scheduled default-scheduler: Successfully assigned NAMESPACE/web to NODE',
      'Warning FailedMount kubelet: MountVolume.SetUp failed for volume "settings" : secret "settings" not found',
    ],
  },
  {
    title: 'of a readiness probe that fails, counted',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'never-ready' }));
      await ns.untilAll('events', 'a second failure', all =>
        all.some(event => textOf(event.message).includes('statuscode') && Number(event.count) > 1) ? true : undefined,
      );
      const lines = await after(ns, 'Pod', 'Unhealthy');
      return lines.filter(line => line.includes('Unhealthy') && !line.includes('connection refused'));
    },
    expected: ['Warning Unhealthy kubelet: Readiness probe failed: HTTP probe failed with statuscode: 503'],
  },
  {
    title: 'of a liveness probe that fails',
    play: async ns => {
      const livenessProbe = {
        httpGet: { path: '/nowhere', port: 8080 },
        periodSeconds: 1,
        failureThreshold: 1,
        initialDelaySeconds: 10,
      };
      await ns.make(of(ns, 'v1', { container: { livenessProbe } }));
      const lines = await after(ns, 'Pod', 'Unhealthy', 'Killing');
      return lines.filter(line => /Unhealthy|Killing/.test(line));
    },
    expected: [
      'Normal Killing kubelet: Container web failed liveness probe, will be restarted',
      'Warning Unhealthy kubelet: Liveness probe failed: HTTP probe failed with statuscode: 404',
    ],
  },
  {
    title: 'of a startup probe that fails',
    play: async ns => {
      const startupProbe = { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 2 };
      await ns.make(of(ns, 'v1', { container: { startupProbe } }));
      const lines = await after(ns, 'Pod', 'Unhealthy', 'Killing');
      return lines.filter(line => /Unhealthy|Killing/.test(line));
    },
    expected: [
      'Normal Killing kubelet: Container web failed startup probe, will be restarted',
      'Warning Unhealthy kubelet: Startup probe failed: dial tcp IP:9: connect: connection refused',
    ],
  },
  {
    title: 'of a pod that is deleted',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      await ns.remove('pods/web');
      return (await after(ns, 'Pod', 'Killing')).filter(line => line.includes('Killing'));
    },
    expected: ['Normal Killing kubelet: Stopping container web'],
  },
  {
    title: 'of a rollout, at the Deployment',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.change('deployments/web', image(ns, 'v2'));
      await rolledOut(ns);
      await ns.untilAll('events', 'the last scaling', all =>
        all.filter(({ reason }) => reason === 'ScalingReplicaSet').length === 3 ? true : undefined,
      );
      return events(ns, 'Deployment');
    },
    expected: [
      'Normal ScalingReplicaSet deployment-controller: Scaled down replica set web-HASH from 1 to 0',
      'Normal ScalingReplicaSet deployment-controller: Scaled up replica set web-HASH from 0 to 1',
      'Normal ScalingReplicaSet deployment-controller: Scaled up replica set web-HASH from 0 to 1',
    ],
  },
  {
    title: 'of a rollout, at the ReplicaSets',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.change('deployments/web', { spec: { replicas: 0 } });
      return after(ns, 'ReplicaSet', 'SuccessfulCreate', 'SuccessfulDelete');
    },
    expected: [
      'Normal SuccessfulCreate replicaset-controller: Created pod: web-HASH-SUFFIX',
      'Normal SuccessfulDelete replicaset-controller: Deleted pod: web-HASH-SUFFIX',
    ],
  },
  {
    title: 'of pods that the cluster refuses to create',
    play: async ns => {
      await ns.make(deployment(ns, { spec: { serviceAccountName: 'nobody' } }));
      return after(ns, 'ReplicaSet', 'FailedCreate');
    },
    expected: [
      'Warning FailedCreate replicaset-controller: Error creating: pods "web-HASH-" is forbidden: error looking up service account NAMESPACE/nobody: serviceaccount "nobody" not found',
    ],
  },
  {
    title: 'of a Job that is done and of one that failed',
    play: async ns => {
      const job = (name: string, tag: string): JsonObject => ({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name },
        spec: {
          backoffLimit: 0,
          template: {
            spec: { restartPolicy: 'Never', containers: [bare({ image: `${ns.options.task}:${tag}` })] },
          },
        },
      });
      await ns.make(job('web', 'ok'), job('job', 'fail'));
      return after(ns, 'Job', 'Completed', 'BackoffLimitExceeded');
    },
    expected: [
      'Normal Completed job-controller: Job completed',
      'Normal SuccessfulCreate job-controller: Created pod: job-SUFFIX',
      'Normal SuccessfulCreate job-controller: Created pod: web-SUFFIX',
      'Warning BackoffLimitExceeded job-controller: Job has reached the specified backoff limit',
    ],
  },
];
