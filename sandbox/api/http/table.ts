import { nameOf, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { apiVersionOf, type Kind } from '../schema/kinds.js';

type Cells = Readonly<Record<string, (object: JsonObject) => JsonValue>>;

const numberAt = (object: JsonObject, key: string): number => {
  const value = object[key];
  return typeof value === 'number' ? value : 0;
};

/** `95s`, `12m`, `3h`, `4d`: how long ago, as kubectl prints ages. */
function age(object: JsonObject): string {
  const created = Date.parse(textAt(objectAt(object, 'metadata'), 'creationTimestamp') ?? '');
  const seconds = Math.max(0, Math.round((Date.now() - created) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function podStatus(pod: JsonObject): string {
  if (objectAt(pod, 'metadata').deletionTimestamp !== undefined) return 'Terminating';
  const status = objectAt(pod, 'status');
  const waiting = objectsAt(status, 'containerStatuses')
    .map(container => textAt(objectAt(container, 'state', 'waiting'), 'reason'))
    .find(reason => reason !== undefined);
  return waiting ?? textAt(status, 'phase') ?? 'Unknown';
}

function servicePorts(service: JsonObject): string {
  const ports = objectsAt(service, 'spec', 'ports').map(port => {
    const node = numberAt(port, 'nodePort');
    return `${numberAt(port, 'port')}${node === 0 ? '' : `:${node}`}/${textAt(port, 'protocol') ?? 'TCP'}`;
  });
  return ports.length === 0 ? '<none>' : ports.join(',');
}

const spec = (object: JsonObject): JsonObject => objectAt(object, 'spec');
const status = (object: JsonObject): JsonObject => objectAt(object, 'status');

const columns: Readonly<Record<string, Cells>> = {
  'v1/Pod': {
    Ready: pod => {
      const containers = objectsAt(pod, 'status', 'containerStatuses');
      return `${containers.filter(one => one.ready === true).length}/${objectsAt(pod, 'spec', 'containers').length}`;
    },
    Status: podStatus,
    Restarts: pod =>
      objectsAt(pod, 'status', 'containerStatuses').reduce((sum, one) => sum + numberAt(one, 'restartCount'), 0),
  },
  'apps/v1/Deployment': {
    Ready: one => `${numberAt(status(one), 'readyReplicas')}/${numberAt(spec(one), 'replicas')}`,
    'Up-to-date': one => numberAt(status(one), 'updatedReplicas'),
    Available: one => numberAt(status(one), 'availableReplicas'),
  },
  'apps/v1/ReplicaSet': {
    Desired: one => numberAt(spec(one), 'replicas'),
    Current: one => numberAt(status(one), 'replicas'),
    Ready: one => numberAt(status(one), 'readyReplicas'),
  },
  'v1/Service': {
    Type: one => textAt(spec(one), 'type') ?? '',
    'Cluster-IP': one => textAt(spec(one), 'clusterIP') ?? '<none>',
    'External-IP': () => '<none>',
    'Port(s)': servicePorts,
  },
  'v1/ConfigMap': { Data: one => Object.keys(objectAt(one, 'data')).length },
  'v1/Secret': {
    Type: one => textAt(one, 'type') ?? '',
    Data: one => Object.keys(objectAt(one, 'data')).length,
  },
  'v1/Namespace': { Status: one => textAt(status(one), 'phase') ?? '' },
};

/** Whether the client asks for a table, as `kubectl get` does. */
export function wantsTable(accept: string | undefined): boolean {
  return accept?.split(',')[0]?.includes('as=Table') === true;
}

/** Objects as the table that `kubectl get` prints; `metadata` is that of the list or object. */
export function tableOf(kind: Kind, objects: readonly JsonObject[], metadata: JsonObject): JsonObject {
  const cells = columns[`${apiVersionOf(kind)}/${kind.kind}`] ?? {};
  const names = ['Name', ...Object.keys(cells), 'Age'];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: names.map(name => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: 0,
    })),
    rows: objects.map(object => ({
      cells: [nameOf(object).name, ...Object.values(cells).map(cell => cell(object)), age(object)],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: objectAt(object, 'metadata') },
    })),
  };
}
