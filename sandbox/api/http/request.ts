import { apiVersionOf, splitVersion, type Kind, type Kinds } from '../schema/kinds.js';
import type { Access } from '../access/rbac.js';

/** Query parameters of a request, with the names the API uses. */
export type Query = URLSearchParams;

/** A request for objects of a kind, read from its URL. */
export interface ResourceRequest {
  readonly kind: Kind;
  readonly method: string;
  /** '' for cluster-scoped kinds and for lists over all namespaces. */
  readonly namespace: string;
  /** '' for the collection. */
  readonly name: string;
  /** `status`, `scale`, `log`, `portforward`, `proxy`…; '' for the object itself. */
  readonly subresource: string;
  /** The part after `proxy`: path with leading slash, and query. */
  readonly rest: string;
  readonly query: Query;
}

/** API verbs as RBAC knows them. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** The URL of a resource, served or not. */
interface ResourcePath extends Pick<ResourceRequest, 'namespace' | 'name' | 'subresource' | 'rest'> {
  readonly apiVersion: string;
  readonly plural: string;
}

/** `/apis/apps/v1/namespaces/shop/deployments/web/status` taken apart. `undefined`: not a resource path. */
function resourcePath(url: URL): ResourcePath | undefined {
  const [root, ...steps] = url.pathname.split('/').slice(1);
  const apiVersion = root === 'api' ? steps.shift() : root === 'apis' ? steps.splice(0, 2).join('/') : undefined;
  if (apiVersion === undefined || (steps[0] ?? '') === '') return undefined;
  const scoped = steps[0] === 'namespaces' && steps.length > 2 && !['status', 'finalize'].includes(steps[2] ?? '');
  const namespace = scoped ? decodeURIComponent(steps[1] ?? '') : '';
  const [plural = '', name = '', subresource = '', ...below] = scoped ? steps.slice(2) : steps;
  const rest = `/${below.join('/')}${url.search}`;
  return { apiVersion, plural, namespace, name: decodeURIComponent(name), subresource, rest };
}

/** `undefined`: the URL names no served resource, which a real API server answers with `404 page not found`. */
export function resourceRequest(method: string, url: URL, kinds: Kinds): ResourceRequest | undefined {
  const path = resourcePath(url);
  const kind = path && kinds.byPlural(path.apiVersion, path.plural);
  if (path === undefined || kind === undefined || (path.namespace !== '' && !kind.namespaced)) return undefined;
  const { namespace, name, subresource, rest } = path;
  return { kind, method, namespace, name, subresource, rest, query: url.searchParams };
}

/** The access that the request needs, in the terms of RBAC. */
export function accessOf(method: string, url: URL): Access {
  const path = resourcePath(url);
  if (path === undefined) return { verb: method.toLowerCase(), path: url.pathname };
  const { apiVersion, plural, subresource } = path;
  const selected = /^metadata\.name==?([^,]+)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
  return {
    verb: verbOf({ method, name: path.name, query: url.searchParams }),
    group: splitVersion(apiVersion).group,
    resource: subresource === '' ? plural : `${plural}/${subresource}`,
    // A Namespace counts as inside itself, so that its own Roles can cover it.
    namespace: plural === 'namespaces' && apiVersion === 'v1' ? path.name : path.namespace,
    name: path.name === '' ? (selected ?? '') : path.name,
  };
}

/** Whether the path's group is served, whatever its version and resource: then a 404 comes as a Status. */
export function servesGroupOf(path: string, kinds: Kinds): boolean {
  const [root, ...steps] = path.split('/').slice(1);
  if (steps.length < 2) return false;
  return kinds.all().some(kind => (root === 'api' ? apiVersionOf(kind) : kind.group) === steps[0]);
}

const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** The RBAC verb of the request. */
export function verbOf(request: Pick<ResourceRequest, 'method' | 'name' | 'query'>): Verb {
  if (request.method === 'DELETE') return request.name === '' ? 'deletecollection' : 'delete';
  if (request.method !== 'GET' && request.method !== 'HEAD') return verbs[request.method] ?? 'get';
  if (request.name !== '') return 'get';
  return isTrue(request.query.get('watch')) ? 'watch' : 'list';
}

/** Whether the request may take any time: the server sets it no deadline. */
export function isLongRunning(request: ResourceRequest | undefined): boolean {
  return (
    request !== undefined &&
    (verbOf(request) === 'watch' || ['log', 'portforward', 'proxy'].includes(request.subresource))
  );
}

export function isTrue(parameter: string | null): boolean {
  return parameter !== null && ['1', 'true', 'True', ''].includes(parameter);
}

export function isDryRun(query: Query): boolean {
  return query.getAll('dryRun').includes('All');
}

/** A pod or Service as a proxy URL names it: `https:web:8080`, `web:http`, `web`. */
export interface ProxyTarget {
  readonly scheme: string;
  readonly name: string;
  /** '' when none is named. */
  readonly port: string;
}

export function proxyTarget(text: string): ProxyTarget {
  const parts = text.split(':');
  if (parts.length > 2) return { scheme: parts[0] ?? '', name: parts[1] ?? '', port: parts[2] ?? '' };
  return { scheme: '', name: parts[0] ?? '', port: parts[1] ?? '' };
}
