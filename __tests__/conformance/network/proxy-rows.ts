import type { JsonObject, JsonValue } from '../../../sandbox/api/schema/json.js';
import type { Answer, Ask } from '../../support/sandbox/api-client.js';
import { at, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { bare, pod, ready, service } from '../../support/conformance/web-application.js';

/** An answer: a Status by its fields, anything else as text. */
function describeAnswer(ns: ConformanceNamespace, { status, headers, text, json }: Answer): JsonObject {
  const body =
    json.kind === 'Status'
      ? {
          reason: json.reason ?? null,
          message: ns.words(textOf(json.message)),
          details: json.details ?? null,
          code: json.code ?? null,
        }
      : ns.words(text);
  return { status, type: headers['content-type'] ?? null, body };
}

async function ask(ns: ConformanceNamespace, resource: string, more: Partial<Ask> = {}): Promise<JsonObject> {
  return describeAnswer(ns, await ns.api.send({ method: 'GET', path: ns.path(resource), ...more }));
}

/** A ready pod `web` behind a Service `web` with a named port. */
async function site(ns: ConformanceNamespace, container: JsonObject = {}): Promise<void> {
  await ns.make(pod(ns, { container }), service({ ports: [{ name: 'http', port: 80, targetPort: 8080 }] }));
  await ready(ns);
  await ns.untilAll('endpointslices', 'an endpoint', ([slice]) =>
    at(slice, 'endpoints', 0, 'conditions', 'ready') === true ? true : undefined,
  );
}

/** The same requests to a pod and to its Service. */
const both = async (ns: ConformanceNamespace, rest: string, more: Partial<Ask> = {}): Promise<JsonValue> => [
  await ask(ns, `pods/web:8080/proxy/${rest}`, more),
  await ask(ns, `services/web:80/proxy/${rest}`, more),
];

const passed: readonly [string, string, Partial<Ask>, JsonValue][] = [
  [
    'a page',
    '',
    {},
    [
      { status: 200, type: 'text/plain; charset=utf-8', body: 'site v1\n' },
      { status: 200, type: 'text/plain; charset=utf-8', body: 'site v1\n' },
    ],
  ],
  [
    'a path',
    'version',
    {},
    [
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
    ],
  ],
  [
    'a 404 of the application',
    'nowhere',
    {},
    [
      { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' },
      { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' },
    ],
  ],
  [
    'a query',
    'version?a=1&b=2',
    {},
    [
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
    ],
  ],
  [
    'a 503 of the application',
    'readyz/',
    {},
    [
      { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' },
      { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' },
    ],
  ],
  [
    'a POST with a body',
    '',
    { method: 'POST', body: '{"a":1}' },
    [
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
    ],
  ],
  [
    'a PUT',
    'version',
    { method: 'PUT', body: '{}' },
    [
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
    ],
  ],
  [
    'a DELETE',
    'version',
    { method: 'DELETE' },
    [
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
    ],
  ],
  [
    'an OPTIONS',
    'version',
    { method: 'OPTIONS' },
    [
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
      { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' },
    ],
  ],
];

/** Lines of /echo-headers, without those of the client and those that differ between runs. */
function echoed(ns: ConformanceNamespace, text: string): string[] {
  return ns
    .words(text)
    .replace(/127\.0\.0\.1:\d+/g, 'SERVER')
    .replace(/IP:\d+/g, 'ADDRESS')
    .split(/\r?\n/)
    .filter(line => line !== '' && !/^accept-encoding/i.test(line))
    .map(line => line.replace(/^[^:]+/, name => name.toLowerCase()))
    .sort();
}

export const rows: readonly Row[] = [
  ...passed.map(([what, rest, more, expected]) => ({
    title: `${what} passes through to pods and Services as it is`,
    play: async (ns: ConformanceNamespace) => {
      await site(ns);
      return both(ns, rest, more);
    },
    expected,
  })),
  {
    title: 'headers of the answer pass, and HEAD has no body',
    play: async ns => {
      await site(ns);
      const answer = await ns.api.send({ method: 'HEAD', path: ns.path('pods/web:8080/proxy/') });
      return { status: answer.status, pod: answer.headers['x-pod'] ?? null, text: answer.text };
    },
    expected: { status: 200, pod: 'web', text: '' },
  },
  {
    title: 'headers of the request pass, and the proxy adds its own',
    play: async ns => {
      await site(ns);
      const path = ns.path('services/web:http/proxy/echo-headers');
      const { text } = await ns.api.send({
        method: 'GET',
        path,
        headers: { 'x-mine': 'yes', accept: 'text/plain' },
      });
      return echoed(ns, text);
    },
    expected: [
      'accept: text/plain',
      'host: ADDRESS',
      'user-agent: tester/1',
      'x-forwarded-for: IP',
      'x-forwarded-uri: /api/v1/namespaces/NAMESPACE/services/web:http/proxy/echo-headers',
      'x-mine: yes',
    ],
  },
  {
    title: 'a 500 of the application is its own answer',
    play: async ns => {
      await site(ns, { image: `${ns.options.site}:http500` });
      return both(ns, '');
    },
    expected: [
      { status: 500, type: 'text/plain; charset=utf-8', body: 'site http500\n' },
      { status: 500, type: 'text/plain; charset=utf-8', body: 'site http500\n' },
    ],
  },
  {
    title: 'without a slash at the end there is a redirect to the path with one',
    play: async ns => {
      await site(ns);
      const answers = [];
      for (const resource of ['pods/web:8080/proxy', 'services/web:80/proxy']) {
        const { status, headers } = await ns.get(resource);
        answers.push({ status, location: ns.words(headers.location ?? '') });
      }
      return answers;
    },
    expected: [
      { status: 301, location: '/api/v1/namespaces/NAMESPACE/pods/web:8080/proxy/' },
      { status: 301, location: '/api/v1/namespaces/NAMESPACE/services/web:80/proxy/' },
    ],
  },
  {
    title: 'a request without a port goes to the first declared port of the pod',
    play: async ns => {
      await site(ns);
      return ask(ns, 'pods/web/proxy/version');
    },
    expected: { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
  },
  {
    title: 'a Service without a port: its only port has a name',
    play: async ns => {
      await site(ns);
      return ask(ns, 'services/web/proxy/version');
    },
    expected: {
      status: 503,
      type: 'application/json',
      body: {
        reason: 'ServiceUnavailable',
        message: 'no endpoints available for service "web"',
        details: null,
        code: 503,
      },
    },
  },
  {
    title: 'a request to a Service can name its port',
    play: async ns => {
      await site(ns);
      return [await ask(ns, 'services/web:http/proxy/version'), await ask(ns, 'services/http:web:http/proxy/version')];
    },
    expected: [
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
      { status: 200, type: 'text/plain; charset=utf-8', body: 'v1\n' },
    ],
  },
  {
    title: 'a port that the Service does not have is not found',
    play: async ns => {
      await site(ns);
      return [await ask(ns, 'services/web:81/proxy/'), await ask(ns, 'services/web:nosuch/proxy/')];
    },
    expected: [
      {
        status: 503,
        type: 'application/json',
        body: {
          reason: 'ServiceUnavailable',
          message: 'no service port 81 found for service "web"',
          details: null,
          code: 503,
        },
      },
      {
        status: 503,
        type: 'application/json',
        body: {
          reason: 'ServiceUnavailable',
          message: 'no endpoints available for service "web"',
          details: null,
          code: 503,
        },
      },
    ],
  },
  {
    title: 'a pod that does not listen at the port refuses the connection',
    play: async ns => {
      await site(ns);
      return ask(ns, 'pods/web:9/proxy/');
    },
    expected: {
      status: 503,
      type: 'application/json',
      body: {
        reason: 'ServiceUnavailable',
        message: 'error trying to reach service: dial tcp IP:9: connect: connection refused',
        details: null,
        code: 503,
      },
    },
  },
  {
    title: 'a Service whose pods do not listen at the port refuses the connection',
    play: async ns => {
      await ns.make(pod(ns), service({ ports: [{ port: 80, targetPort: 9 }] }));
      await ready(ns);
      await ns.untilAll('endpointslices', 'an endpoint', ([slice]) =>
        at(slice, 'endpoints', 0, 'conditions', 'ready') === true ? true : undefined,
      );
      return ask(ns, 'services/web:80/proxy/');
    },
    expected: {
      status: 503,
      type: 'application/json',
      body: {
        reason: 'ServiceUnavailable',
        message: 'error trying to reach service: dial tcp IP:9: connect: connection refused',
        details: null,
        code: 503,
      },
    },
  },
  {
    title: 'a Service that selects no pod has no endpoints',
    play: async ns => {
      await ns.make(service({ selector: { app: 'nobody' } }));
      return ask(ns, 'services/web:80/proxy/');
    },
    expected: {
      status: 503,
      type: 'application/json',
      body: {
        reason: 'ServiceUnavailable',
        message: 'no endpoints available for service "web"',
        details: null,
        code: 503,
      },
    },
  },
  {
    title: 'a pod that is not ready can be reached by its name, but not through its Service',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'never-ready' }), service());
      // A running container may not listen yet; one that answers its probe does.
      await ns.untilAll('events', 'an answer to the probe', all =>
        all.some(event => /statuscode: 503/.test(textOf(event.message))) ? true : undefined,
      );
      await ns.untilAll('endpointslices', 'an endpoint', ([slice]) =>
        at(slice, 'endpoints', 0, 'conditions', 'ready') === false ? true : undefined,
      );
      return both(ns, 'healthz');
    },
    expected: [
      { status: 200, type: 'text/plain; charset=utf-8', body: 'ok\n' },
      {
        status: 503,
        type: 'application/json',
        body: {
          reason: 'ServiceUnavailable',
          message: 'no endpoints available for service "web"',
          details: null,
          code: 503,
        },
      },
    ],
  },
  {
    title: 'a Service or pod that does not exist is not found',
    play: async ns => both(ns, ''),
    expected: [
      {
        status: 404,
        type: 'application/json',
        body: {
          reason: 'NotFound',
          message: 'pods "web" not found',
          details: { name: 'web', kind: 'pods' },
          code: 404,
        },
      },
      {
        status: 404,
        type: 'application/json',
        body: {
          reason: 'NotFound',
          message: 'services "web" not found',
          details: { name: 'web', kind: 'services' },
          code: 404,
        },
      },
    ],
  },
  {
    title: 'a pod without an address cannot be reached',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      return ask(ns, 'pods/web:8080/proxy/');
    },
    expected: {
      status: 400,
      type: 'application/json',
      body: { reason: 'BadRequest', message: 'address not allowed', details: null, code: 400 },
    },
  },
  {
    title: 'a pod that has ended does not answer',
    play: async ns => {
      const container = bare({ image: `${ns.options.site}:broken` });
      await ns.make(pod(ns, { spec: { restartPolicy: 'Never', containers: [container] } }));
      await ns.until('pods/web', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      const answer = await ask(ns, 'pods/web:8080/proxy/');
      return { status: answer.status ?? null };
    },
    expected: { status: 503 },
  },
];
