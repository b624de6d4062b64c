import { apiVersionOf, type Kind, type Kinds } from './kinds.js';

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
  /** `status`, `scale`, `log`, `proxy`…; '' for the object itself. */
  readonly subresource: string;
  /** What follows a proxy: path with leading slash, and query. */
  readonly rest: string;
  readonly query: Query;
}

/** API verbs as RBAC knows them. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/**
 * `/apis/apps/v1/namespaces/shop/deployments/web/status` taken apart. `undefined`: the URL names no served resource,
 * which a real API server answers with the plain text `404 page not found`.
 */
export function resourceRequest(method: string, url: URL, kinds: Kinds): ResourceRequest | undefined {
  const [root, ...steps] = url.pathname.split('/').slice(1);
  const apiVersion = root === 'api' ? steps.shift() : root === 'apis' ? steps.splice(0, 2).join('/') : undefined;
  if (apiVersion === undefined) return undefined;
  const scoped = steps[0] === 'namespaces' && steps.length > 2 && !['status', 'finalize'].includes(steps[2] ?? '');
  const namespace = scoped ? decodeURIComponent(steps[1] ?? '') : '';
  const [plural = '', name = '', subresource = '', ...below] = scoped ? steps.slice(2) : steps;
  const kind = kinds.byPlural(apiVersion, plural);
  if (kind === undefined || (scoped && !kind.namespaced)) return undefined;
  return {
    kind,
    method,
    namespace,
    name: decodeURIComponent(name),
    subresource,
    rest: `/${below.join('/')}${url.search}`,
    query: url.searchParams,
  };
}

/** Whether the path's group version is served, whatever its resource: then a 404 comes as a Status. */
export function servesVersionOf(path: string, kinds: Kinds): boolean {
  const [root, ...steps] = path.split('/').slice(1);
  const apiVersion = root === 'api' ? steps[0] : steps.slice(0, 2).join('/');
  return kinds.all().some(kind => apiVersionOf(kind) === apiVersion);
}

const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** What the request does, as RBAC words it. */
export function verbOf(request: ResourceRequest): Verb {
  if (request.method === 'DELETE') return request.name === '' ? 'deletecollection' : 'delete';
  if (request.method !== 'GET' && request.method !== 'HEAD') return verbs[request.method] ?? 'get';
  if (isTrue(request.query.get('watch'))) return 'watch';
  return request.name === '' ? 'list' : 'get';
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
