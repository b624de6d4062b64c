import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { at, nameOf, type Ground, type Row, textOf } from '../../support/conformance/conformance-namespace.js';
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

/** Waits until the Service's slices give an answer. */
function slices<T>(ground: Ground, what: string, look: (slices: JsonObject[]) => T | undefined): Promise<T> {
  return ground.untilAll('endpointslices', what, all => look(slicesOf(all, 'web')));
}

/** The conditions of the only endpoint, once they are as wanted. */
function conditions(ground: Ground, wanted: JsonObject): Promise<JsonObject> {
  return slices(ground, `an endpoint that is ${JSON.stringify(wanted)}`, all => {
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
const settledPorts = (ground: Ground, count: number): Promise<JsonValue> =>
  slices(ground, `${count} endpoints`, all => (endpointsOf(all).length === count ? byPorts(all) : undefined));

export const rows: readonly Row[] = [
  {
    title: 'the slice of a Service carries its name, labels, owner and ports',
    play: async ground => {
      const made = await ground.make(
        pod(ground),
        service({ ports: [{ name: 'http', port: 80, targetPort: 8080 }] }, { labels: { tier: 'front' } }),
      );
      await ready(ground);
      await conditions(ground, { ready: true });
      const [slice = {}] = slicesOf(await ground.list('endpointslices'), 'web');
      const [endpoint = {}] = endpointsOf([slice]);
      const own = await ground.read('pods/web');
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
          namespace: at(endpoint, 'targetRef', 'namespace') === ground.namespace,
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
    play: async ground => {
      await ground.make(pod(ground, { tag: 'never-ready' }), service());
      return conditions(ground, { ready: false });
    },
    expected: { ready: false, serving: false, terminating: false },
  },
  {
    title: 'a pod that stops but still answers its probe serves and is terminating',
    play: async ground => {
      await ground.make(pod(ground, { container: preStop(4) }), service());
      await conditions(ground, { ready: true });
      await ground.remove('pods/web');
      return conditions(ground, { terminating: true });
    },
    expected: { ready: false, serving: true, terminating: true },
  },
  {
    title: 'a pod that stops and was not ready does not serve',
    play: async ground => {
      await ground.make(pod(ground, { tag: 'never-ready', container: preStop(2) }), service());
      await ground.until('pods/web', 'a running container', object => at(object, 'status', 'phase') === 'Running');
      await ground.remove('pods/web');
      return conditions(ground, { terminating: true });
    },
    expected: { ready: false, serving: false, terminating: true },
  },
  {
    title: 'an endpoint goes through ready, terminating and gone, and is never serving after that',
    play: async ground => {
      await ground.make(pod(ground, { container: preStop(1) }), service());
      await conditions(ground, { ready: true });
      const watched = await ground.watch('endpointslices');
      await ground.remove('pods/web');
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
    play: async ground => {
      const unready = pod(ground, { tag: 'never-ready', container: preStop(2) });
      await ground.make(unready, service({ publishNotReadyAddresses: true }));
      const before = await conditions(ground, { ready: true });
      await ground.until('pods/web', 'a running container', object => at(object, 'status', 'phase') === 'Running');
      await ground.remove('pods/web');
      return { before, after: await conditions(ground, { terminating: true }) };
    },
    expected: {
      before: { ready: true, serving: false, terminating: false },
      after: { ready: true, serving: false, terminating: true },
    },
  },
  {
    title: 'a port without a name has an empty one, and the port of the pod',
    play: async ground => {
      await ground.make(pod(ground), service());
      return settledPorts(ground, 1);
    },
    expected: [{ ports: [{ name: '', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
  },
  {
    title: 'a targetPort by name is the number that the pod gives it',
    play: async ground => {
      await ground.make(pod(ground), service({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] }));
      return settledPorts(ground, 1);
    },
    expected: [{ ports: [{ name: 'web', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
  },
  {
    title: 'pods that give a port another number are in a slice of their own',
    play: async ground => {
      const other = { ports: [{ name: 'http', containerPort: 9090 }], env: [{ name: 'PORT', value: '9090' }] };
      const probe = { readinessProbe: { httpGet: { path: '/readyz', port: 9090 }, periodSeconds: 1 } };
      await ground.make(
        pod(ground, { name: 'one' }),
        pod(ground, { name: 'two', container: { ...other, ...probe } }),
        service({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] }),
      );
      return settledPorts(ground, 2);
    },
    expected: [
      { ports: [{ name: 'web', port: 8080, protocol: 'TCP' }], pods: ['one'] },
      { ports: [{ name: 'web', port: 9090, protocol: 'TCP' }], pods: ['two'] },
    ],
  },
  {
    title: 'a pod without a port of that name is an endpoint without ports',
    play: async ground => {
      await ground.make(pod(ground), service({ ports: [{ name: 'web', port: 80, targetPort: 'nosuch' }] }));
      return settledPorts(ground, 1);
    },
    expected: [{ ports: null, pods: ['web'] }],
  },
  {
    title: 'several ports are all in the one slice',
    play: async ground => {
      const ports = [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 81, targetPort: 'http', appProtocol: 'http' },
      ];
      await ground.make(pod(ground), service({ ports }));
      return settledPorts(ground, 1);
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
    play: async ground => {
      await ground.make(service({ selector: { app: 'nobody' } }));
      const slice = await slices(ground, 'a slice', ([first]) => first);
      return { endpoints: slice.endpoints ?? null, ports: slice.ports ?? null };
    },
    expected: { endpoints: null, ports: null },
  },
  {
    title: 'a Service without a selector has no slice of its own',
    play: async ground => {
      await ground.make({ ...service(), spec: { ports: [{ port: 80 }] } });
      await ground.make(pod(ground), service({}, { name: 'other' }));
      await ready(ground);
      await ground.untilAll('endpointslices', 'the other slice', all =>
        namesOf(slicesOf(all, 'other')).length === 1 ? true : undefined,
      );
      return slicesOf(await ground.list('endpointslices'), 'web').length;
    },
    expected: 0,
  },
  {
    title: 'an ExternalName Service has no slice',
    play: async ground => {
      const spec = { type: 'ExternalName', externalName: 'example.test', selector: { app: 'web' } };
      await ground.make({ ...service(), spec }, service({}, { name: 'other' }));
      await ground.untilAll('endpointslices', 'the other slice', all => slicesOf(all, 'other')[0]);
      return slicesOf(await ground.list('endpointslices'), 'web').length;
    },
    expected: 0,
  },
  {
    title: 'the slice of a headless Service says so',
    play: async ground => {
      await ground.make(pod(ground), service({ clusterIP: 'None' }));
      await conditions(ground, { ready: true });
      const [slice = {}] = slicesOf(await ground.list('endpointslices'), 'web');
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
    play: async ground => {
      await ground.make(
        pod(ground, { name: 'blue', labels: { app: 'web', role: 'blue' } }),
        pod(ground, { name: 'green', labels: { app: 'web', role: 'green' } }),
        service({ selector: { app: 'web', role: 'blue' } }),
      );
      await Promise.all([ready(ground, 'blue'), ready(ground, 'green')]);
      await conditions(ground, { ready: true });
      const watched = await ground.watch('endpointslices');
      await ground.change('services/web', { spec: { selector: { role: 'green' } } });
      await watched.until('the other side', all => (namesOf(all).join() === 'green' ? true : undefined));
      return watched.changes.map(({ object }) => namesOf([object]).join(' '));
    },
    expected: ['blue', 'green'],
  },
  {
    title: 'a pod that loses the label leaves the slice, and comes back with it',
    play: async ground => {
      await ground.make(pod(ground), service());
      await conditions(ground, { ready: true });
      await ground.change('pods/web', { metadata: { labels: { app: 'other' } } });
      await slices(ground, 'no endpoint', all => (endpointsOf(all).length === 0 ? true : undefined));
      const [empty = {}] = slicesOf(await ground.list('endpointslices'), 'web');
      await ground.change('pods/web', { metadata: { labels: { app: 'web' } } });
      return {
        empty: { endpoints: empty.endpoints ?? null, ports: empty.ports ?? null },
        back: await settledPorts(ground, 1),
      };
    },
    expected: {
      empty: { endpoints: null, ports: null },
      back: [{ ports: [{ name: '', port: 8080, protocol: 'TCP' }], pods: ['web'] }],
    },
  },
  {
    title: 'labels of the Service are carried over to its slice, also later ones',
    play: async ground => {
      await ground.make(service({}, { labels: { tier: 'front' } }));
      await slices(ground, 'a slice', ([first]) => first);
      await ground.change('services/web', { metadata: { labels: { tier: 'back', more: 'x' } } });
      const slice = await slices(ground, 'the labels', all =>
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
    // It may stay listed: the controller takes no notice of the end of a pod that was not ready before either.
    title: 'a pod that has ended is no ready endpoint',
    play: async ground => {
      const container = bare({ image: `${ground.options.site}:broken` });
      await ground.make(
        pod(ground, { name: 'done', spec: { restartPolicy: 'Never', containers: [container] } }),
        pod(ground),
        service(),
      );
      await ground.until('pods/done', 'the end', object => at(object, 'status', 'phase') === 'Failed');
      await ready(ground);
      return slices(ground, 'a ready one', all => {
        const names = endpointsOf(all)
          .filter(endpoint => at(endpoint, 'conditions', 'ready') === true)
          .map(endpoint => textOf(at(endpoint, 'targetRef', 'name')));
        return names.length > 0 ? names : undefined;
      });
    },
    expected: ['web'],
  },
  {
    title: 'the slice goes with its Service',
    play: async ground => {
      await ground.make(service());
      await slices(ground, 'a slice', ([first]) => first);
      await ground.remove('services/web');
      return slices(ground, 'no slice', all => (all.length === 0 ? 'gone' : undefined));
    },
    expected: 'gone',
  },
  {
    title: 'a rolling update with a preStop sleep never leaves the Service without a ready endpoint',
    play: async ground => {
      await ground.make(deployment(ground, { container: preStop(1) }), service());
      await rolledOut(ground);
      await conditions(ground, { ready: true });
      const watched = await ground.watch('endpointslices');
      await ground.change('deployments/web', { spec: { template: { metadata: { labels: { note: 'x' } } } } });
      await rolledOut(ground);
      await watched.until('one endpoint', all => (endpointsOf(all).length === 1 ? true : undefined));
      const readies = watched.changes.map(
        ({ object }) => endpointsOf([object]).filter(one => at(one, 'conditions', 'ready') === true).length,
      );
      return { fewest: Math.min(...readies), most: Math.max(...readies) };
    },
    expected: { fewest: 1, most: 2 },
  },
];
