import { objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { eventually } from '../../support/eventually.js';
import { at, type Ground, type Row, textOf } from '../../support/conformance/conformance-namespace.js';
import { bare, pod, ready } from '../../support/conformance/web-application.js';

/** Status, kind of text and what is said: a Status by its message, a log by its lines without their times. */
async function log(ground: Ground, query: Record<string, string> = {}, name = 'web'): Promise<JsonValue> {
  const { status, headers, text, json } = await ground.get(`pods/${name}/log`, query);
  const said =
    json.kind === 'Status'
      ? { reason: json.reason ?? null, message: ground.words(textOf(json.message)) }
      : {
          lines: text
            .split('\n')
            .slice(0, -1)
            .map(line => line.replace(/^\d{4}\/\d\d\/\d\d [\d:]+ /, '')),
        };
  return { status, type: headers['content-type'] ?? null, ...said };
}

const broken = (ground: Ground, spec: JsonObject = {}): JsonObject =>
  pod(ground, { spec: { containers: [bare({ image: `${ground.options.site}:broken` })], ...spec } });
const restarted = (ground: Ground): Promise<JsonObject> =>
  ground.until('pods/web', 'a restart', object => {
    const [status] = objectsAt(object, 'status', 'containerStatuses');
    return at(status, 'lastState', 'terminated') !== null && at(status, 'restartCount') !== 0;
  });

export const rows: readonly Row[] = [
  {
    title: 'the log is plain text, a line each',
    play: async ground => {
      await ground.make(pod(ground));
      await ready(ground);
      return log(ground);
    },
    expected: { status: 200, type: 'text/plain', lines: ['site v1 listens on :8080'] },
  },
  {
    title: 'tailLines gives the last lines, none for 0',
    play: async ground => {
      await ground.make(pod(ground));
      await ready(ground);
      return [await log(ground, { tailLines: '1' }), await log(ground, { tailLines: '0' })];
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site v1 listens on :8080'] },
      { status: 200, type: 'text/plain', lines: [] },
    ],
  },
  {
    title: 'a negative tailLines is refused',
    play: async ground => {
      await ground.make(pod(ground));
      await ready(ground);
      return log(ground, { tailLines: '-1' });
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
    play: async ground => {
      await ground.make(pod(ground));
      await ready(ground);
      const { text } = await ground.get('pods/web/log', { limitBytes: '5' });
      return text.length;
    },
    expected: 5,
  },
  {
    title: 'a container that crashed has its log and that of the life before',
    play: async ground => {
      await ground.make(broken(ground));
      await restarted(ground);
      const logs = async (): Promise<JsonValue[]> => [
        await log(ground, { tailLines: '1' }),
        await log(ground, { previous: 'true', tailLines: '1' }),
      ];
      // The kubelet may still be about to open the files.
      return eventually('both logs', async () => {
        const both = await logs();
        return both.every(one => at(one, 'lines', 0) !== null) ? both : undefined;
      });
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as told by CRASH_AFTER=0s'] },
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as told by CRASH_AFTER=0s'] },
    ],
  },
  {
    title: 'without an earlier life there is no previous log',
    play: async ground => {
      await ground.make(pod(ground));
      await ready(ground);
      return log(ground, { previous: 'true' });
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
    play: async ground => {
      await ground.make(pod(ground, { tag: 'nosuchtag' }));
      await ground.until(
        'pods/web',
        'the wait',
        object => at(object, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason') === 'ImagePullBackOff',
      );
      return log(ground);
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
    play: async ground => {
      const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'a' } } }];
      await ground.make(pod(ground, { container: { env } }));
      await ground.until(
        'pods/web',
        'the wait',
        object =>
          at(object, 'status', 'containerStatuses', 0, 'state', 'waiting', 'reason') === 'CreateContainerConfigError',
      );
      return log(ground);
    },
    expected: {
      status: 400,
      type: 'application/json',
      reason: 'BadRequest',
      message: 'container "web" in pod "web" is waiting to start: CreateContainerConfigError',
    },
  },
  {
    title: 'a pod that no node has taken has an empty log',
    play: async ground => {
      await ground.make(pod(ground, { spec: { nodeSelector: { disk: 'none' } } }));
      await ground.until(
        'pods/web',
        'the verdict',
        object => at(object, 'status', 'conditions', 0, 'status') === 'False',
      );
      return log(ground);
    },
    expected: { status: 204, type: null, lines: [] },
  },
  {
    title: 'a pod with several containers asks for the name of one',
    play: async ground => {
      const site = `${ground.options.site}:v1`;
      const containers = [bare({ image: site }), { name: 'side', image: site, env: [{ name: 'PORT', value: '9090' }] }];
      const initContainers = [{ name: 'first', image: site }];
      await ground.make(pod(ground, { spec: { containers, initContainers, nodeSelector: { disk: 'none' } } }));
      return log(ground);
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
    play: async ground => {
      await ground.make(pod(ground, { spec: { nodeSelector: { disk: 'none' } } }));
      return log(ground, { container: 'nosuch' });
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
    play: async ground => {
      const initContainers = [{ name: 'first', image: `${ground.options.site}:broken` }];
      await ground.make(pod(ground, { spec: { initContainers, restartPolicy: 'Never' } }));
      await ground.until('pods/web', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      return [await log(ground, { container: 'first', tailLines: '1' }), await log(ground)];
    },
    expected: [
      { status: 200, type: 'text/plain', lines: ['site broken crashes, as told by CRASH_AFTER=0s'] },
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
    play: ground => log(ground),
    expected: { status: 404, type: 'application/json', reason: 'NotFound', message: 'pods "web" not found' },
  },
];
