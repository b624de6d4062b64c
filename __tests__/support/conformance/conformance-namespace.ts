import { randomUUID } from 'node:crypto';
import { objectsAt, textAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { ApiClient, type Answer } from '../sandbox/api-client.js';
import { nameOf } from './object-fields.js';
import { Watched } from './watched.js';

/** The cluster that rows run on. */
export interface ConformanceOptions {
  readonly kubeconfig: string;
  /** Repository of the images, as `registry.test/shop/site`. */
  readonly site: string;
  /** Repository of the programs that exit by themselves. */
  readonly task: string;
  /** Deadline of a wait in milliseconds. */
  readonly waitMs: number;
}

/** One statement about Kubernetes that holds for every cluster. */
export interface Row {
  readonly title: string;
  readonly play: (ns: ConformanceNamespace) => Promise<JsonValue>;
  readonly expected: JsonValue;
}

const collections: Readonly<Record<string, string>> = {
  controllerrevisions: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  poddisruptionbudgets: '/apis/policy/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
};

const kinds: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  DaemonSet: 'daemonsets',
  Deployment: 'deployments',
  EndpointSlice: 'endpointslices',
  Job: 'jobs',
  Pod: 'pods',
  PodDisruptionBudget: 'poddisruptionbudgets',
  ReplicaSet: 'replicasets',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  StatefulSet: 'statefulsets',
};

/** The namespace of one row, with a client for it. */
export class ConformanceNamespace {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly options: ConformanceOptions;
  readonly #watches: Watched[] = [];

  constructor(options: ConformanceOptions) {
    this.options = options;
    this.api = new ApiClient(options.kubeconfig);
    this.namespace = `conformance-${randomUUID().slice(0, 8)}`;
  }

  async enter(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    await this.#taken({ method: 'POST', path: '/api/v1/namespaces', body });
    // Before, the API server refuses pods.
    await this.until('serviceaccounts/default', 'a ServiceAccount for pods', () => true);
  }

  /** Ends all watches and deletes the namespace, without waiting for its end. */
  async leave(): Promise<void> {
    for (const watched of this.#watches) watched.end();
    await this.api.send({ method: 'DELETE', path: `/api/v1/namespaces/${this.namespace}` });
    this.api.close();
  }

  /** `pods`, `pods/web`, `pods/web/log` → the URL path in this namespace. */
  path(resource: string): string {
    const [plural = ''] = resource.split('/');
    return `${collections[plural] ?? '/api/v1'}/namespaces/${this.namespace}/${resource}`;
  }

  /** Creates the objects in order. Returns the last one as stored. */
  async make(...objects: readonly JsonObject[]): Promise<JsonObject> {
    let made: JsonObject = {};
    for (const body of objects) {
      const path = this.path(kinds[textAt(body, 'kind') ?? ''] ?? '');
      made = await this.#taken({ method: 'POST', path, body });
    }
    return made;
  }

  /** JSON merge patch. */
  change(resource: string, body: JsonObject): Promise<JsonObject> {
    const headers = { 'content-type': 'application/merge-patch+json' };
    return this.#taken({ method: 'PATCH', path: this.path(resource), body, headers });
  }

  remove(resource: string, body: JsonObject = {}): Promise<JsonObject> {
    return this.#taken({ method: 'DELETE', path: this.path(resource), body });
  }

  get(resource: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.api.send({ method: 'GET', path: this.path(resource), query });
  }

  async read(resource: string): Promise<JsonObject> {
    return (await this.get(resource)).json;
  }

  /** Sorted by name. */
  async list(plural: string): Promise<JsonObject[]> {
    return objectsAt(await this.read(plural), 'items').sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** Watches all objects of the kind, beginning with the present ones. */
  async watch(plural: string): Promise<Watched> {
    const incoming = await this.api.open({
      method: 'GET',
      path: this.path(plural),
      query: {
        watch: 'true',
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: 'true',
      },
    });
    const watched = new Watched(incoming, this.options.waitMs);
    this.#watches.push(watched);
    await watched.begun;
    return watched;
  }

  /** Waits until the object, such as `pods/web`, meets the condition, and returns it. */
  async until(resource: string, what: string, met: (object: JsonObject) => boolean): Promise<JsonObject> {
    const [plural = '', name = ''] = resource.split('/');
    return this.untilAll(plural, what, objects => objects.find(object => nameOf(object) === name && met(object)));
  }

  /** Waits until `look` has a result for the objects of a kind. */
  async untilAll<T>(plural: string, what: string, look: (objects: JsonObject[]) => T | undefined): Promise<T> {
    const watched = await this.watch(plural);
    try {
      return await watched.until(what, look);
    } finally {
      watched.end();
    }
  }

  /** Waits until the object does not exist. */
  async gone(resource: string): Promise<void> {
    const [plural = '', name = ''] = resource.split('/');
    await this.untilAll(plural, `${resource} to be gone`, objects =>
      objects.some(object => nameOf(object) === name) ? undefined : true,
    );
  }

  /** The text with capitalized placeholders for what differs between clusters or runs. */
  words(text: string): string {
    return text
      .replaceAll(this.namespace, 'NAMESPACE')
      .replaceAll(this.options.site, 'SITE')
      .replaceAll(this.options.task, 'TASK')
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
      .replace(/\b(\w+)-[a-z0-9]{6,10}-[a-z0-9]{5}\b/g, '$1-HASH-SUFFIX')
      .replace(/\b(web)-(?=[a-z]*\d)[a-z0-9]{8,10}\b/g, '$1-HASH')
      .replace(/\b(web|job)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1-SUFFIX')
      .replace(/\b\d+\.\d+\.\d+\.\d+\b(?!\.)/g, 'IP')
      .replace(/ in [\d.]+(ms|s).*$/, ' in TIME')
      .replace(/back-off \S+ restarting/, 'back-off TIME restarting')
      .replace(/assigned (\S+) to \S+/, 'assigned $1 to NODE');
  }

  async #taken(ask: Parameters<ApiClient['send']>[0]): Promise<JsonObject> {
    const answer = await this.api.send(ask);
    if (answer.status >= 300) throw new Error(`${ask.method} ${ask.path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }
}
