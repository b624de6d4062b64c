import { objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { eventually } from '../../support/eventually.js';
import { at, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { bare, pod, ready } from '../../support/conformance/web-application.js';

/** Status, content type and text: a Status by its message, a log by its lines without times. */
async function log(ns: ConformanceNamespace, query: Record<string, string> = {}, name = 'web'): Promise<JsonValue> {
  const { status, headers, text, json } = await ns.get(`pods/${name}/log`, query);
  const said =
    json.kind === 'Status'
      ? { reason: json.reason ?? null, message: ns.words(textOf(json.message)) }
      : {
          lines: text
            .split('\n')
            .slice(0, -1)
            .map(line => line.replace(/^\d{4}\/\d\d\/\d\d [\d:]+ /, '')),
        };
  return { status, type: headers['content-type'] ?? null, ...said };
}

const broken = (ns: ConformanceNamespace, spec: JsonObject = {}): JsonObject =>
  pod(ns, { spec: { containers: [bare({ image: `${ns.options.site}:broken` })], ...spec } });
const restarted = (ns: ConformanceNamespace): Promise<JsonObject> =>
  ns.until('pods/web', 'a restart', object => {
    const [status] = objectsAt(object, 'status', 'containerStatuses');
    return at(status, 'lastState', 'terminated') !== null && at(status, 'restartCount') !== 0;
  });

export const rows: readonly Row[] = [
  {
    title: 'the log is plain text, a line each',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      return log(ns);
    },
    expected: { status: 200, type: 'text/plain', lines: ['site v1 listens on :8080'] },
  },
  {
    title: 'tailLines gives the last lines, none for 0',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      return [await log(ns, { tailLines: '1' }), await log(ns, { tailLines: '0' })];
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site v1 listens on :8080'] },
      { status: 200, type: 'text/plain', lines: [] },
    ],
  },
  {
    title: 'a negative tailLines is refused',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      return log(ns, { tailLines: '-1' });
    },
    expected: {
      status: 422,
      type: 'application/json',
      reason: 'Invalid',
      message: 'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    },
  },
  {
    title: 'limitBytes cuts the log',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      const { text } = await ns.get('pods/web/log', { limitBytes: '5' });
      return text.length;
    },
    expected: 5,
  },
  {
    title: 'a container that crashed has its log and that of its previous instance',
    play: async ns => {
      await ns.make(broken(ns));
      await restarted(ns);
      const logs = async (): Promise<JsonValue[]> => [
        await log(ns, { tailLines: '1' }),
        await log(ns, { previous: 'true', tailLines: '1' }),
      ];
      // The kubelet may not have opened the files yet.
      return eventually('both logs', async () => {
        const both = await logs();
        return both.every(one => at(one, 'lines', 0) !== null) ? both : undefined;
      });
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as set by CRASH_AFTER=0s'] },
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as set by CRASH_AFTER=0s'] },
    ],
  },
  {
    title: 'without a previous instance there is no previous log',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      return log(ns, { previous: 'true' });
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'previous terminated container "web" in pod "web" not found',
    },
  },
  {
    title: 'a container whose image cannot be pulled has no log yet',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'nosuchtag' }));
      await ns.until(
        'pods/web',
        'the wait',
        object => at(object, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason') === 'ImagePullBackOff',
      );
      return log(ns);
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'container "web" in pod "web" is waiting to start: trying and failing to pull image',
    },
  },
  {
    title: 'a container that lacks its configuration has no log yet',
    play: async ns => {
      const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'a' } } }];
      await ns.make(pod(ns, { container: { env } }));
      await ns.until(
        'pods/web',
        'the wait',
        object =>
          at(object, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason') === 'CreateContainerConfigError',
      );
      return log(ns);
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'container "web" in pod "web" is waiting to start: CreateContainerConfigError',
    },
  },
  {
    title: 'a pod that is not scheduled has an empty log',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      await ns.until('pods/web', 'the verdict', object => at(object, 'status', 'conditions', 0, 'status') === 'False');
      return log(ns);
    },
    expected: { status: 204, type: null, lines: [] },
  },
  {
    title: 'a pod with several containers asks for the name of one',
    play: async ns => {
      const site = `${ns.options.site}:v1`;
      const containers = [bare({ image: site }), { name: 'side', image: site, env: [{ name: 'PORT', value: '9090' }] }];
      const initContainers = [{ name: 'first', image: site }];
      await ns.make(pod(ns, { spec: { containers, initContainers, nodeSelector: { disk: 'none' } } }));
      return log(ns);
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'a container name must be specified for pod web, choose one of: [first web side]',
    },
  },
  {
    title: 'a container that the pod does not have is refused',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      return log(ns, { container: 'nosuch' });
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'container nosuch is not valid for pod web',
    },
  },
  {
    title: 'while an init container fails, it has the log and the main one is initializing',
    play: async ns => {
      const initContainers = [{ name: 'first', image: `${ns.options.site}:broken` }];
      await ns.make(pod(ns, { spec: { initContainers, restartPolicy: 'Never' } }));
      await ns.until('pods/web', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      return [await log(ns, { container: 'first', tailLines: '1' }), await log(ns)];
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as set by CRASH_AFTER=0s'] },
      {
        status: 400,
        type: 'application/json',
        reason: 'BadRequest',
        message: 'container "web" in pod "web" is waiting to start: PodInitializing',
      },
    ],
  },
  {
    title: 'a pod that does not exist has no log',
    play: ns => log(ns),
    expected: { status: 404, type: 'application/json', reason: 'NotFound', message: 'pods "web" not found' },
  },
];
