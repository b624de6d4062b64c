import type { JsonObject } from '../schema/json.js';
import { apiVersionOf, type Kind, type Kinds } from '../schema/kinds.js';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The version that the server reports. */
export const version: JsonObject = {
  major: '1',
  minor: '37',
  gitVersion: 'v1.37.1',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'sandbox',
};

/** Kinds that are created by POST and not stored. */
const reviews: readonly Kind[] = [
  ['authentication.k8s.io', 'SelfSubjectReview'],
  ['authorization.k8s.io', 'SelfSubjectAccessReview'],
  ['authorization.k8s.io', 'SelfSubjectRulesReview'],
].map(([group = '', kind = '']) => ({
  group,
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  shortNames: [],
  namespaced: false,
  categories: [],
  status: false,
  scale: false,
  generation: false,
  conditional: false,
  custom: false,
}));

const isReview = (kind: Kind): boolean => reviews.includes(kind);

function groups(kinds: Kinds): ReadonlyMap<string, readonly Kind[]> {
  const found = new Map<string, Kind[]>();
  for (const kind of [...kinds.all(), ...reviews]) found.set(kind.group, [...(found.get(kind.group) ?? []), kind]);
  return found;
}

const versionsOf = (kinds: readonly Kind[]): string[] => [...new Set(kinds.map(kind => kind.version))];

function groupEntry(group: string, kinds: readonly Kind[]): JsonObject {
  const versions = versionsOf(kinds).map(name => ({ groupVersion: `${group}/${name}`, version: name }));
  return { name: group, versions, preferredVersion: versions[0] ?? {} };
}

const subresources = (kind: Kind): string[] => [
  ...(kind.status ? ['status'] : []),
  ...(kind.scale ? ['scale'] : []),
  ...(kind.group === '' && kind.kind === 'Pod' ? ['eviction', 'log', 'portforward', 'proxy'] : []),
  ...(kind.group === '' && kind.kind === 'Service' ? ['proxy'] : []),
  ...(kind.group === '' && kind.kind === 'ServiceAccount' ? ['token'] : []),
];

function resources(kind: Kind): JsonObject[] {
  const base = { singularName: '', namespaced: kind.namespaced, kind: kind.kind };
  const names = kind.shortNames.length === 0 ? {} : { shortNames: [...kind.shortNames] };
  const categories = kind.categories.length === 0 ? {} : { categories: [...kind.categories] };
  const own = { ...base, name: kind.plural, singularName: kind.kind.toLowerCase(), ...names, ...categories };
  return [
    { ...own, verbs: isReview(kind) ? ['create'] : verbs },
    ...subresources(kind).map((name): JsonObject =>
      name === 'scale'
        ? {
            ...base,
            name: `${kind.plural}/scale`,
            group: 'autoscaling',
            version: 'v1',
            kind: 'Scale',
            verbs: ['get', 'patch', 'update'],
          }
        : name === 'eviction'
          ? { ...base, name: 'pods/eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] }
          : { ...base, name: `${kind.plural}/${name}`, verbs: ['get', 'patch', 'update'] },
    ),
  ];
}

function aggregated(kinds: Kinds, core: boolean): JsonObject {
  const items = [...groups(kinds)].filter(([group]) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: items.map(([group, members]) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versionsOf(members).map(name => ({
        version: name,
        freshness: 'Current',
        resources: members.filter(kind => kind.version === name).map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(kind: Kind): JsonObject {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
  return {
    resource: kind.plural,
    responseKind,
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.kind.toLowerCase(),
    verbs: isReview(kind) ? ['create'] : verbs,
    shortNames: [...kind.shortNames],
    categories: [...kind.categories],
    subresources: subresources(kind).map(subresource => ({
      subresource,
      responseKind: subresource === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : responseKind,
      verbs: ['get', 'patch', 'update'],
    })),
  };
}

/** A discovery document and its content type. */
export interface Discovery {
  readonly body: JsonObject;
  readonly contentType: string;
}

/**
 * What `path` says about the served kinds: `/version`, `/api`, `/apis`, and the lists of a group or group version;
 * aggregated where the client accepts that. `undefined`: not a discovery path, or nothing of that name is served.
 */
export function discovery(path: string, kinds: Kinds, accept: string): Discovery | undefined {
  const plain = (body: JsonObject): Discovery => ({ body, contentType: 'application/json' });
  if (path === '/version') return plain(version);
  if (path === '/api' || path === '/apis') {
    if (accept.includes('as=APIGroupDiscoveryList') && accept.includes('v=v2;')) {
      const contentType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      return { body: aggregated(kinds, path === '/api'), contentType };
    }
    if (path === '/api') return plain({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });
    const list = [...groups(kinds)]
      .filter(([group]) => group !== '')
      .map(([group, members]) => groupEntry(group, members));
    return plain({ kind: 'APIGroupList', apiVersion: 'v1', groups: list });
  }
  const [, root, ...rest] = path.replace(/\/$/, '').split('/');
  const name = rest.join('/');
  if (root !== 'api' && root !== 'apis') return undefined;
  const members = groups(kinds).get(name);
  if (root === 'apis' && members !== undefined && name !== '') {
    return plain({ kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(name, members) });
  }
  const served = [...kinds.all(), ...reviews].filter(
    kind => apiVersionOf(kind) === name && (kind.group === '') === (root === 'api'),
  );
  if (served.length === 0) return undefined;
  return plain({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: name, resources: served.flatMap(resources) });
}
