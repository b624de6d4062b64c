import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { at, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { bare, deployment, pod, ready, rolledOut, service } from '../../support/conformance/web-application.js';

const SERVICE_NAME = 'kubernetes.io/service-name';

const slicesOf = (slices: readonly JsonObject[], name: string): JsonObject[] =>
  slices.filter(slice => at(slice, 'metadata', 'labels', SERVICE_NAME) === name);
const endpointsOf = (slices: readonly JsonObject[]): JsonObject[] =>
  slices.flatMap(slice => objectsAt(slice, 'endpoints'));
const namesOf = (slices: readonly JsonObject[]): string[] =>
  endpointsOf(slices)
    .map(endpoint => textOf(at(endpoint, 'targetRef', 'name')))
    .sort();

/** Waits until `look` has a result for the slices of the Service. */
function slices<T>(ns: ConformanceNamespace, what: string, look: (slices: JsonObject[]) => T | undefined): Promise<T> {
  return ns.untilAll('endpointslices', what, all => look(slicesOf(all, 'web')));
}

/** The conditions of the only endpoint, once they match. */
function conditions(ns: ConformanceNamespace, wanted: JsonObject): Promise<JsonObject> {
  return slices(ns, `an endpoint that is ${JSON.stringify(wanted)}`, all => {
    const [endpoint] = endpointsOf(all);
    const seen = objectAt(endpoint, 'conditions');
    return endpoint && Object.entries(wanted).every(([name, value]) => seen[name] === value) ? seen : undefined;
  });
}

/** Ports of all slices, with the pods behind each. */
function byPorts(all: readonly JsonObject[]): JsonValue {
  return all
    .map(slice => ({ ports: slice.ports ?? null, pods: namesOf([slice]) }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

const preStop = (seconds: number): JsonObject => ({ lifecycle: { preStop: { sleep: { seconds } } } });
const settledPorts = (ns: ConformanceNamespace, count: number): Promise<JsonValue> =>
  slices(ns, `${count} endpoints`, all => (endpointsOf(all).length === count ? byPorts(all) : undefined));

export const rows: readonly Row[] = [
  {
    title: 'the slice of a Service carries its name, labels, owner and ports',
    play: async ns => {
      const made = await ns.make(
        pod(ns),
        service({ ports: [{ name: 'http', port: 80, targetPort: 8080 }] }, { labels: { tier: 'front' } }),
      );
      await ready(ns);
      await conditions(ns, { ready: true });
      const [slice = {}] = slicesOf(await ns.list('endpointslices'), 'web');
      const [endpoint = {}] = endpointsOf([slice]);
      const own = await ns.read('pods/web');
      const owner = objectsAt(slice, 'metadata', 'ownerReferences')[0] ?? {};
      return {
        name: /^web-[a-z0-9]{5}$/.test(nameOf(slice)),
        generateName: at(slice, 'metadata', 'generateName'),
        labels: at(slice, 'metadata', 'labels'),
        annotations: Object.keys(objectAt(slice, 'metadata', 'annotations')),
        owner: { ...owner, uid: owner.uid === at(made, 'metadata', 'uid') },
        addressType: slice.addressType ?? null,
        ports: slice.ports ?? null,
        conditions: endpoint.conditions ?? null,
        address: at(endpoint, 'addresses', 0) === at(own, 'status', 'podIP'),
        node: endpoint.nodeName === at(own, 'spec', 'nodeName'),
        target: {
          ...objectAt(endpoint, 'targetRef'),
          uid: at(endpoint, 'targetRef', 'uid') === at(own, 'metadata', 'uid'),
          namespace: at(endpoint, 'targetRef', 'namespace') === ns.namespace,
        },
        members: Object.keys(endpoint).sort(),
      };
    },
    expected: {
      name: true,
      generateName: 'web-',
      labels: {
        tier: 'front',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      annotations: ['endpoints.kubernetes.io/last-change-trigger-time'],
      owner: { apiVersion: 'v1', kind: 'Service', name: 'web', uid: true, controller: true, blockOwnerDeletion: true },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      conditions: { ready: true, serving: true, terminating: false },
      address: true,
      node: true,
      target: { kind: 'Pod', namespace: true, name: 'web', uid: true },
      members: ['addresses', 'conditions', 'nodeName', 'targetRef'],
    },
  },
  {
    title: 'a pod that is not ready is an endpoint that neither is ready nor serves',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'never-ready' }), service());
      return conditions(ns, { ready: false });
    },
    expected: { ready: false, serving: false, terminating: false },
  },
  {
    title: 'a terminating pod that still answers its probe is serving and terminating',
    play: async ns => {
      await ns.make(pod(ns, { container: preStop(4) }), service());
      await conditions(ns, { ready: true });
      await ns.remove('pods/web');
      return conditions(ns, { terminating: true });
    },
    expected: { ready: false, serving: true, terminating: true },
  },
  {
    title: 'a pod that stops and was not ready does not serve',
    play: async ns => {
      await ns.make(pod(ns, { tag: 'never-ready', container: preStop(2) }), service());
      await ns.until('pods/web', 'a running container', object => at(object, 'status', 'phase') === 'Running');
      await ns.remove('pods/web');
      return conditions(ns, { terminating: true });
    },
    expected: { ready: false, serving: false, terminating: true },
  },
  {
    title: 'an endpoint is ready, then terminating, then removed, and never serving after that',
    play: async ns => {
      await ns.make(pod(ns, { container: preStop(1) }), service());
      await conditions(ns, { ready: true });
      const watched = await ns.watch('endpointslices');
      await ns.remove('pods/web');
      await watched.until('no endpoint', all => (endpointsOf(slicesOf(all, 'web')).length === 0 ? true : undefined));
      const seen = watched.changes.map(({ object }) =>
        endpointsOf([object]).map(({ conditions: own }) => JSON.stringify(own)),
      );
      return [...new Set(seen.map(all => all.join(' ')))];
    },
    expected: [
      '{"ready":true,"serving":true,"terminating":false}',
      '{"ready":false,"serving":true,"terminating":true}',
      '',
    ],
  },
  {
    title: 'publishNotReadyAddresses calls every pod ready, also one that stops',
    play: async ns => {
      const unready = pod(ns, { tag: 'never-ready', container: preStop(2) });
      await ns.make(unready, service({ publishNotReadyAddresses: true }));
      const before = await conditions(ns, { ready: true });
      await ns.until('pods/web', 'a running container', object => at(object, 'status', 'phase') === 'Running');
      await ns.remove('pods/web');
      return { before, after: await conditions(ns, { terminating: true }) };
    },
    expected: {
      before: { ready: true, serving: false, terminating: false },
      after: { ready: true, serving: false, terminating: true },
    },
  },
  {
    title: 'a port without a name has an empty one, and the port of the pod',
    play: async ns => {
      await ns.make(pod(ns), service());
      return settledPorts(ns, 1);
    },
    expected: [{ ports: [{ name: '', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
  },
  {
    title: 'a targetPort by name is the number that the pod gives it',
    play: async ns => {
      await ns.make(pod(ns), service({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] }));
      return settledPorts(ns, 1);
    },
    expected: [{ ports: [{ name: 'web', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
  },
  {
    title: 'pods that give a port another number are in a slice of their own',
    play: async ns => {
      const other = { ports: [{ name: 'http', containerPort: 9090 }], env: [{ name: 'PORT', value: '9090' }] };
      const probe = { readinessProbe: { httpGet: { path: '/readyz', port: 9090 }, periodSeconds: 1 } };
      await ns.make(
        pod(ns, { name: 'one' }),
        pod(ns, { name: 'two', container: { ...other, ...probe } }),
        service({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] }),
      );
      return settledPorts(ns, 2);
    },
    expected: [
      { ports: [{ name: 'web', port: 8080, protocol: 'TCP' }], pods: ['one'] },
      { ports: [{ name: 'web', port: 9090, protocol: 'TCP' }], pods: ['two'] },
    ],
  },
  {
    title: 'a pod without a port of that name is an endpoint without ports',
    play: async ns => {
      await ns.make(pod(ns), service({ ports: [{ name: 'web', port: 80, targetPort: 'nosuch' }] }));
      return settledPorts(ns, 1);
    },
    expected: [{ ports: null, pods: ['web'] }],
  },
  {
    title: 'several ports are all in the one slice',
    play: async ns => {
      const ports = [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 81, targetPort: 'http', appProtocol: 'http' },
      ];
      await ns.make(pod(ns), service({ ports }));
      return settledPorts(ns, 1);
    },
    expected: [
      {
        ports: [
          { name: 'a', port: 8080, protocol: 'TCP' },
          { name: 'b', port: 8080, protocol: 'TCP', appProtocol: 'http' },
        ],
        pods: ['web'],
      },
    ],
  },
  {
    title: 'a Service that selects no pod has one slice without endpoints and ports',
    play: async ns => {
      await ns.make(service({ selector: { app: 'nobody' } }));
      const slice = await slices(ns, 'a slice', ([first]) => first);
      return { endpoints: slice.endpoints ?? null, ports: slice.ports ?? null };
    },
    expected: { endpoints: null, ports: null },
  },
  {
    title: 'a Service without a selector has no slice of its own',
    play: async ns => {
      await ns.make({ ...service(), spec: { ports: [{ port: 80 }] } });
      await ns.make(pod(ns), service({}, { name: 'other' }));
      await ready(ns);
      await ns.untilAll('endpointslices', 'the other slice', all =>
        namesOf(slicesOf(all, 'other')).length === 1 ? true : undefined,
      );
      return slicesOf(await ns.list('endpointslices'), 'web').length;
    },
    expected: 0,
  },
  {
    title: 'an ExternalName Service has no slice',
    play: async ns => {
      const spec = { type: 'ExternalName', externalName: 'example.test', selector: { app: 'web' } };
      await ns.make({ ...service(), spec }, service({}, { name: 'other' }));
      await ns.untilAll('endpointslices', 'the other slice', all => slicesOf(all, 'other')[0]);
      return slicesOf(await ns.list('endpointslices'), 'web').length;
    },
    expected: 0,
  },
  {
    title: 'the slice of a headless Service is labelled as such',
    play: async ns => {
      await ns.make(pod(ns), service({ clusterIP: 'None' }));
      await conditions(ns, { ready: true });
      const [slice = {}] = slicesOf(await ns.list('endpointslices'), 'web');
      return { labels: at(slice, 'metadata', 'labels'), ports: slice.ports ?? null };
    },
    expected: {
      labels: {
        'service.kubernetes.io/headless': '',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    },
  },
  {
    title: 'another selector moves all endpoints in one change',
    play: async ns => {
      await ns.make(
        pod(ns, { name: 'blue', labels: { app: 'web', role: 'blue' } }),
        pod(ns, { name: 'green', labels: { app: 'web', role: 'green' } }),
        service({ selector: { app: 'web', role: 'blue' } }),
      );
      await Promise.all([ready(ns, 'blue'), ready(ns, 'green')]);
      await conditions(ns, { ready: true });
      const watched = await ns.watch('endpointslices');
      await ns.change('services/web', { spec: { selector: { role: 'green' } } });
      await watched.until('the other side', all => (namesOf(all).join() === 'green' ? true : undefined));
      return watched.changes.map(({ object }) => namesOf([object]).join(' '));
    },
    expected: ['blue', 'green'],
  },
  {
    title: 'a pod that loses the label leaves the slice, and comes back with it',
    play: async ns => {
      await ns.make(pod(ns), service());
      await conditions(ns, { ready: true });
      await ns.change('pods/web', { metadata: { labels: { app: 'other' } } });
      await slices(ns, 'no endpoint', all => (endpointsOf(all).length === 0 ? true : undefined));
      const [empty = {}] = slicesOf(await ns.list('endpointslices'), 'web');
      await ns.change('pods/web', { metadata: { labels: { app: 'web' } } });
      return {
        empty: { endpoints: empty.endpoints ?? null, ports: empty.ports ?? null },
        back: await settledPorts(ns, 1),
      };
    },
    expected: {
      empty: { endpoints: null, ports: null },
      back: [{ ports: [{ name: '', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
    },
  },
  {
    title: 'labels of the Service are carried over to its slice, also later ones',
    play: async ns => {
      await ns.make(service({}, { labels: { tier: 'front' } }));
      await slices(ns, 'a slice', ([first]) => first);
      await ns.change('services/web', { metadata: { labels: { tier: 'back', more: 'x' } } });
      const slice = await slices(ns, 'the labels', all =>
        all.find(one => at(one, 'metadata', 'labels', 'tier') === 'back'),
      );
      return at(slice, 'metadata', 'labels');
    },
    expected: {
      tier: 'back',
      more: 'x',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
  },
  {
    // It may stay listed: the controller ignores the end of a pod that was not ready before.
    title: 'a pod that has ended is no ready endpoint',
    play: async ns => {
      const container = bare({ image: `${ns.options.site}:broken` });
      await ns.make(
        pod(ns, { name: 'done', spec: { restartPolicy: 'Never', containers: [container] } }),
        pod(ns),
        service(),
      );
      await ns.until('pods/done', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      await ready(ns);
      return slices(ns, 'a ready one', all => {
        const names = endpointsOf(all)
          .filter(endpoint => at(endpoint, 'conditions', 'ready') === true)
          .map(endpoint => textOf(at(endpoint, 'targetRef', 'name')));
        return names.length > 0 ? names : undefined;
      });
    },
    expected: ['web'],
  },
  {
    title: 'the slice is deleted with its Service',
    play: async ns => {
      await ns.make(service());
      await slices(ns, 'a slice', ([first]) => first);
      await ns.remove('services/web');
      return slices(ns, 'no slice', all => (all.length === 0 ? 'gone' : undefined));
    },
    expected: 'gone',
  },
  {
    title: 'a rolling update with a preStop sleep never leaves the Service without a ready endpoint',
    play: async ns => {
      await ns.make(deployment(ns, { container: preStop(1) }), service());
      await rolledOut(ns);
      await conditions(ns, { ready: true });
      const watched = await ns.watch('endpointslices');
      await ns.change('deployments/web', { spec: { template: { metadata: { labels: { note: 'x' } } } } });
      await rolledOut(ns);
      await watched.until('one endpoint', all => (endpointsOf(all).length === 1 ? true : undefined));
      const readies = watched.changes.map(
        ({ object }) => endpointsOf([object]).filter(one => at(one, 'conditions', 'ready') === true).length,
      );
      return { fewest: Math.min(...readies), most: Math.max(...readies) };
    },
    expected: { fewest: 1, most: 2 },
  },
];
