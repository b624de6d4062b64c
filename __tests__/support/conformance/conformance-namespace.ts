import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  isObject,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import { ApiClient, type Answer } from '../sandbox/api-client.js';

/** What a ground is opened on. */
export interface GroundOptions {
  readonly kubeconfig: string;
  /** Repository of the images, as `registry.test/shop/site`. */
  readonly site: string;
  /** Repository of the programs that end by themselves. */
  readonly task: string;
  /** Milliseconds after which a wait is given up. */
  readonly patienceMs: number;
}

/** One sentence about Kubernetes, true of every cluster. */
export interface Row {
  readonly title: string;
  readonly play: (ground: Ground) => Promise<JsonValue>;
  readonly expected: JsonValue;
}

/** What one watch has shown. */
export interface Change {
  readonly type: string;
  readonly object: JsonObject;
}

const collections: Readonly<Record<string, string>> = {
  controllerrevisions: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
};

const kinds: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  DaemonSet: 'daemonsets',
  Deployment: 'deployments',
  EndpointSlice: 'endpointslices',
  Job: 'jobs',
  Pod: 'pods',
  ReplicaSet: 'replicasets',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  StatefulSet: 'statefulsets',
};

/** Where one row plays: a namespace of its own on a cluster. */
export class Ground {
  readonly api: ApiClient;
  readonly namespace: string;
  readonly options: GroundOptions;
  readonly #watches: Watched[] = [];

  constructor(options: GroundOptions) {
    this.options = options;
    this.api = new ApiClient(options.kubeconfig);
    this.namespace = `conformance-${randomUUID().slice(0, 8)}`;
  }

  async enter(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    await this.#taken({ method: 'POST', path: '/api/v1/namespaces', body });
    // Until then pods are refused.
    await this.until('serviceaccounts/default', 'a ServiceAccount for pods', () => true);
  }

  /** Ends what still listens and removes the namespace; does not wait until it is gone. */
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

  /** Creates the objects in their order. Returns the last one as it was stored. */
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

  /** Everything of the kind that is there, and each change from now on. */
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
    const watched = new Watched(incoming, this.options.patienceMs);
    this.#watches.push(watched);
    await watched.begun;
    return watched;
  }

  /** Waits until the object, `pods/web`, is as it should be, and returns it. */
  async until(resource: string, what: string, met: (object: JsonObject) => boolean): Promise<JsonObject> {
    const [plural = '', name = ''] = resource.split('/');
    return this.untilAll(plural, what, objects => objects.find(object => nameOf(object) === name && met(object)));
  }

  /** Waits until the objects of a kind give an answer. */
  async untilAll<T>(plural: string, what: string, look: (objects: JsonObject[]) => T | undefined): Promise<T> {
    const watched = await this.watch(plural);
    try {
      return await watched.until(what, look);
    } finally {
      watched.end();
    }
  }

  /** Waits until there is no such object. */
  async gone(resource: string): Promise<void> {
    const [plural = '', name = ''] = resource.split('/');
    await this.untilAll(plural, `${resource} to be gone`, objects =>
      objects.some(object => nameOf(object) === name) ? undefined : true,
    );
  }

  /** The text with what differs from cluster to cluster and from run to run replaced by words in capitals. */
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

/** A running watch: what is there now, and all that came. */
export class Watched {
  /** Without bookmarks. */
  readonly changes: Change[] = [];
  /** Settles when what was there before has been told. */
  readonly begun: Promise<void>;
  readonly #incoming: IncomingMessage;
  readonly #patienceMs: number;
  readonly #objects = new Map<string, JsonObject>();
  readonly #listeners = new Set<() => void>();
  #rest = '';

  constructor(incoming: IncomingMessage, patienceMs: number) {
    this.#incoming = incoming;
    this.#patienceMs = patienceMs;
    incoming.setEncoding('utf8');
    incoming.on('error', () => undefined);
    this.begun = new Promise(resolve => {
      incoming.on('data', (text: string) => {
        const lines = (this.#rest + text).split('\n');
        this.#rest = lines.pop() ?? '';
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as Change;
          if (type === 'BOOKMARK') resolve();
          else this.#take({ type, object });
        }
        for (const listener of this.#listeners) listener();
      });
    });
  }

  /** What is there now. */
  get objects(): JsonObject[] {
    return [...this.#objects.values()];
  }

  /** Waits until `look` has an answer. Throws with the last state when patience is over. */
  until<T>(what: string, look: (objects: JsonObject[]) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const seen = look(this.objects);
        if (seen === undefined) return;
        stop();
        resolve(seen);
      };
      const patience = setTimeout(() => {
        stop();
        const last = JSON.stringify(this.objects.map(({ metadata: _, ...rest }) => rest));
        reject(new Error(`waited ${this.#patienceMs / 1000} s for ${what}; last: ${last.slice(-2000)}`));
      }, this.#patienceMs);
      const stop = (): void => {
        clearTimeout(patience);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  end(): void {
    this.#incoming.destroy();
  }

  #take(change: Change): void {
    this.changes.push(change);
    const name = nameOf(change.object);
    if (change.type === 'DELETED') this.#objects.delete(name);
    else this.#objects.set(name, change.object);
  }
}

export function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, 'metadata'), 'name') ?? '';
}

/** The value at a path of names and indexes; `null` where there is none. */
export function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue {
  const found = path.reduce<JsonValue | undefined>((here, step) => {
    if (typeof step === 'number') return Array.isArray(here) ? here[step] : undefined;
    return isObject(here) ? here[step] : undefined;
  }, value);
  return found ?? null;
}

/** Text as it is, anything else as JSON. */
export const textOf = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

/** Conditions as `Type=Status Reason: message`, in their order. */
export function conditionsOf(object: JsonObject): string[] {
  return objectsAt(object, 'status', 'conditions').map(({ type, status, reason, message }) =>
    [
      `${textOf(type)}=${textOf(status)}`,
      ...(reason === undefined ? [] : [` ${textOf(reason)}`]),
      ...(message === undefined ? [] : [`: ${textOf(message)}`]),
    ].join(''),
  );
}

/** Whether the condition of that type has that status. */
export function has(object: JsonObject, type: string, status = 'True'): boolean {
  return objectsAt(object, 'status', 'conditions').some(one => one.type === type && one.status === status);
}
