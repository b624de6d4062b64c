import type { JsonObject, JsonValue } from '../../../sandbox/api/schema/json.js';
import { objectAt, textAt } from '../../../sandbox/api/schema/json.js';
import { eventually } from '../../support/eventually.js';
import { at, textOf } from '../../support/conformance/object-fields.js';
import { ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { Forwarded, upgrade } from '../../support/conformance/forwarded.js';
import { bare, pod, ready } from '../../support/conformance/web-application.js';
import { ApiClient } from '../../support/sandbox/api-client.js';
import { withToken } from '../../support/scenario/rights.js';

const get = 'GET /version HTTP/1.1\r\nHost: web\r\n\r\n';

/** An answer to a request for a WebSocket that is none. */
async function refusal(ns: ConformanceNamespace, resource: string, headers = upgrade): Promise<JsonObject> {
  const { status, json, text } = await ns.api.send({ method: 'GET', path: ns.path(resource), headers });
  const body = json.kind === 'Status' ? { reason: json.reason ?? null, message: textOf(json.message) } : text;
  return typeof body === 'string'
    ? { status, body: ns.words(body) }
    : { status, body: { ...body, message: ns.words(body.message) } };
}

async function site(ns: ConformanceNamespace): Promise<void> {
  await ns.make(pod(ns));
  await ready(ns);
}

/** Whether an answer has come to its end; it is chunked. */
const answered = ({ data }: { readonly data: string }): boolean => data.endsWith('\r\n0\r\n\r\n');

/** A client of a ServiceAccount that may do `verbs` with the port-forward of pods and read pods. */
async function clientWith(ns: ConformanceNamespace, verbs: readonly string[]): Promise<ApiClient> {
  const rules: JsonValue = [
    { apiGroups: [''], resources: ['pods/portforward'], verbs: [...verbs] },
    // The last one to be granted: what comes before it is, too.
    { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
  ];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'web' };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await ns.make(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web' } },
    { apiVersion, kind: 'Role', metadata: { name: 'web' }, rules: verbs.length > 0 ? rules : rules.slice(1) },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata: { name: 'web' },
      roleRef,
      subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: ns.namespace }],
    },
  );
  const path = ns.path('serviceaccounts/web/token');
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const { json } = await ns.api.send({ method: 'POST', path, body });
  const token = textAt(objectAt(json, 'status'), 'token') ?? '';
  const client = new ApiClient(withToken(ns.options.kubeconfig, token));
  const look = async (): Promise<true | undefined> => {
    const { status } = await client.get(ns.path('pods/web'));
    return status === 200 ? true : undefined;
  };
  await eventually('the rights to be granted', look, ns.options.waitMs);
  return client;
}

/** How a request for a WebSocket of somebody with only these rights is refused. */
async function refusalWith(ns: ConformanceNamespace, verbs: readonly string[]): Promise<JsonObject> {
  await site(ns);
  const client = await clientWith(ns, verbs);
  try {
    const path = `${ns.path('pods/web/portforward')}?ports=8080`;
    const { status, json } = await client.send({ method: 'GET', path, headers: upgrade });
    return { status, reason: json.reason ?? null, message: ns.words(textOf(json.message)) };
  } finally {
    client.close();
  }
}

export const rows: readonly Row[] = [
  {
    title: 'both channels begin with the port, and the first one carries what the pod says',
    play: async ns => {
      await site(ns);
      const forwarded = await Forwarded.open(ns, 'web');
      forwarded.send(get);
      const { ports, data, error } = await forwarded.until('an answer', answered);
      forwarded.end();
      return {
        protocol: forwarded.protocol,
        ports: ports.map(port => [...port]),
        status: data.split('\r\n')[0]!,
        error,
      };
    },
    expected: {
      protocol: 'v4.channel.k8s.io',
      ports: [
        [0x90, 0x1f],
        [0x90, 0x1f],
      ],
      status: 'HTTP/1.1 200 OK',
      error: '',
    },
  },
  {
    title: 'a connection lasts for several requests, and a pod that ends it ends the WebSocket',
    play: async ns => {
      await site(ns);
      const forwarded = await Forwarded.open(ns, 'web');
      forwarded.send(get);
      await forwarded.until('an answer', answered);
      forwarded.send(get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
      const end = await forwarded.closed();
      const { data, error } = forwarded.received;
      return { answers: data.split('HTTP/1.1 200 OK').length - 1, error, end };
    },
    expected: { answers: 2, error: '', end: { code: 1000, clean: true } },
  },
  {
    title: 'a port at which nothing listens is told on the second channel, and the WebSocket ends',
    play: async ns => {
      await site(ns);
      const forwarded = await Forwarded.open(ns, 'web', 9);
      const end = await forwarded.closed();
      const { ports, data, error } = forwarded.received;
      const [, start = error, why = error] =
        /^(error forwarding port 9 to pod )[^]*?(connection refused)/.exec(error) ?? [];
      return { ports: ports.map(port => [...port]), data, error: `${start}… ${why}`, end };
    },
    expected: {
      ports: [
        [9, 0],
        [9, 0],
      ],
      data: '',
      error: 'error forwarding port 9 to pod … connection refused',
      end: { code: 1000, clean: true },
    },
  },
  {
    title: 'a pod that is not ready can be reached',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'never-ready' }));
      await ns.untilAll('events', 'an answer to the probe', all =>
        all.some(event => /statuscode: 503/.test(textOf(event.message))) ? true : undefined,
      );
      const forwarded = await Forwarded.open(ns, 'web');
      forwarded.send(get);
      const { data } = await forwarded.until('an answer', answered);
      forwarded.end();
      return data.split('\r\n')[0]!;
    },
    expected: 'HTTP/1.1 200 OK',
  },
  {
    title: 'the connection ends with its pod',
    play: async ns => {
      await site(ns);
      const forwarded = await Forwarded.open(ns, 'web');
      forwarded.send(get);
      await forwarded.until('an answer', answered);
      await ns.remove('pods/web', { gracePeriodSeconds: 0 });
      await forwarded.closed();
      return 'ended';
    },
    expected: 'ended',
  },
  {
    title: 'a pod that does not exist is not found',
    play: ns => refusal(ns, 'pods/web/portforward?ports=8080'),
    expected: { status: 404, body: { reason: 'NotFound', message: 'pods "web" not found' } },
  },
  {
    title: 'a pod on no node has no connections',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      return refusal(ns, 'pods/web/portforward?ports=8080');
    },
    expected: { status: 400, body: { reason: 'BadRequest', message: 'pod web does not have a host assigned' } },
  },
  {
    title: 'a pod that has ended is not found by its node',
    play: async ns => {
      const container = bare({ image: `${ns.options.site}:broken` });
      await ns.make(pod(ns, { spec: { restartPolicy: 'Never', containers: [container] } }));
      await ns.until('pods/web', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      return refusal(ns, 'pods/web/portforward?ports=8080');
    },
    expected: { status: 500, body: 'pod not found ("web_NAMESPACE")' },
  },
  {
    title: 'a request without an upgrade is refused',
    play: async ns => {
      await site(ns);
      return refusal(ns, 'pods/web/portforward?ports=8080', {});
    },
    expected: { status: 400, body: { reason: 'BadRequest', message: 'Upgrade request required' } },
  },
  {
    title: 'a request without a port is refused',
    play: async ns => {
      await site(ns);
      return refusal(ns, 'pods/web/portforward');
    },
    expected: { status: 400, body: 'query parameter "port" is required' },
  },
  {
    title: 'a subprotocol that the node does not know is refused, without a Status',
    play: async ns => {
      await site(ns);
      const headers = { ...upgrade, 'sec-websocket-protocol': 'v5.channel.k8s.io' };
      const { status } = await refusal(ns, 'pods/web/portforward?ports=8080', headers);
      return status ?? null;
    },
    expected: 403,
  },
  {
    title: 'it needs the right to get, which the refusal names',
    play: ns => refusalWith(ns, []),
    expected: {
      status: 403,
      reason: 'Forbidden',
      message:
        'pods "web" is forbidden: User "system:serviceaccount:NAMESPACE:web" cannot get resource "pods/portforward" in API group "" in the namespace "NAMESPACE"',
    },
  },
  {
    title: 'it needs the right to create, too, which the refusal does not name',
    play: ns => refusalWith(ns, ['get']),
    expected: { status: 403, reason: 'Forbidden', message: 'pods "web" is forbidden: ' },
  },
  {
    title: 'both rights are enough',
    play: async ns => {
      await site(ns);
      const client = await clientWith(ns, ['get', 'create']);
      try {
        const socket = client.webSocket(`${ns.path('pods/web/portforward')}?ports=8080`, 'v4.channel.k8s.io');
        await new Promise((resolve, reject) => {
          socket.addEventListener('open', resolve);
          socket.addEventListener('error', event => reject(event.error));
        });
        socket.close();
        return 'open';
      } finally {
        client.close();
      }
    },
    expected: 'open',
  },
];
