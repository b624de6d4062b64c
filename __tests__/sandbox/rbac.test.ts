import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectAt, textAt, type JsonObject } from '../../sandbox/api/schema/json.js';
import { createStore } from '../../sandbox/api/store/memory-store.js';
import { startApiServer, type ApiServer } from '../../sandbox/api/http/server.js';
import { ApiClient, type Answer, type Ask } from '../support/sandbox/api-client.js';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const inShop = '/api/v1/namespaces/shop';
const user = 'system:serviceaccount:shop:ci';

const rules: JsonObject[] = [
  { apiGroups: [''], resources: ['configmaps', 'namespaces'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['pods/log', 'secrets/*', '*/scale'], verbs: ['get'] },
  { apiGroups: ['apps'], resources: ['*'], verbs: ['*'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['a'], verbs: ['get', 'list', 'create'] },
];

let server: ApiServer;
let admin: ApiClient;
let ci: ApiClient;

const post = (path: string, body: JsonObject): Ask => ({ method: 'POST', path, body });
const short = ({ status, json, text }: Answer): unknown[] => [status, json.message ?? (json.kind ? '' : text.trim())];
const get = async (path: string, client = ci): Promise<unknown[]> => short(await client.get(path));
const made = async (path: string, body: JsonObject): Promise<void> => {
  const { status, text } = await admin.send(post(path, body));
  if (status !== 201) throw new Error(text);
};
const tokenOf = async (account: string): Promise<string> => {
  const answer = await admin.send(post(`${inShop}/serviceaccounts/${account}/token`, { spec: {} }));
  return textAt(objectAt(answer.json, 'status'), 'token') ?? '';
};
const clients: ApiClient[] = [];
const client = (kubeconfig: string): ApiClient => {
  const opened = new ApiClient(kubeconfig);
  clients.push(opened);
  return opened;
};
const subjects = [{ kind: 'ServiceAccount', name: 'ci', namespace: 'shop' }];
const refTo = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

beforeAll(async () => {
  const runtime = { logs: () => undefined, podPort: () => undefined, servicePorts: () => [] };
  server = await startApiServer({ store: createStore(), runtime });
  admin = client(server.kubeconfig);
  await made('/api/v1/namespaces', { metadata: { name: 'shop' } });
  await made(`${inShop}/serviceaccounts`, { metadata: { name: 'ci' } });
  await made(`${rbac}/namespaces/shop/roles`, { metadata: { name: 'ci' }, rules });
  await made(`${rbac}/namespaces/shop/rolebindings`, {
    metadata: { name: 'ci' },
    roleRef: refTo('Role', 'ci'),
    subjects,
  });
  ci = client(server.kubeconfigFor(await tokenOf('ci')));
});

afterAll(async () => {
  for (const opened of clients) opened.close();
  await server.close();
});

const inNamespace = 'in the namespace "shop"';
const cannot = (asked: string, group = '', where = inNamespace): string => {
  const [what = '', verb = '', resource = ''] = asked.split('|');
  return `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
};

describe('what Roles allow', () => {
  it.each([
    ['a verb of a rule', `${inShop}/configmaps/a`, [404, 'configmaps "a" not found']],
    ['every verb and resource of a group', '/apis/apps/v1/namespaces/shop/deployments', [200, '']],
    ['a subresource by name', `${inShop}/pods/web/log`, [404, 'pods "web" not found']],
    ['the Namespace that the Role lies in', inShop, [200, '']],
    [
      'a name of resourceNames',
      '/apis/coordination.k8s.io/v1/namespaces/shop/leases?fieldSelector=metadata.name%3Da',
      [200, ''],
    ],
    ['what everybody may read', '/apis/apps/v1', [200, '']],
  ])('%s', async (_what, path, expected) => {
    expect(await get(path)).toEqual(expected);
  });

  it.each([
    ['another verb', `${inShop}/configmaps`, cannot('configmaps|list|configmaps')],
    ['a watch', `${inShop}/configmaps?watch=1`, cannot('configmaps|watch|configmaps')],
    ['another resource', `${inShop}/pods/web`, cannot('pods "web"|get|pods')],
    [
      'a subresource of which only another is named',
      `${inShop}/pods/web:80/proxy/x`,
      cannot('pods "web:80"|get|pods/proxy'),
    ],
    ['a wildcard that RBAC does not know', `${inShop}/secrets/a/b`, cannot('secrets "a"|get|secrets/b')],
    [
      'another name',
      '/apis/coordination.k8s.io/v1/namespaces/shop/leases/b',
      cannot('leases.coordination.k8s.io "b"|get|leases', 'coordination.k8s.io'),
    ],
    [
      'another namespace',
      '/api/v1/namespaces/default',
      cannot('namespaces "default"|get|namespaces', '', 'in the namespace "default"'),
    ],
    ['all namespaces', '/api/v1/configmaps', cannot('configmaps|list|configmaps', '', 'at the cluster scope')],
    [
      'what is not served',
      '/apis/example.com/v1/namespaces/shop/widgets',
      cannot('widgets.example.com|list|widgets', 'example.com'),
    ],
    ['a path that is not for everybody', '/metrics', `forbidden: User "${user}" cannot get path "/metrics"`],
  ])('%s is refused in the words of RBAC', async (_what, path, message) => {
    expect(await get(path)).toEqual([403, message]);
  });

  it('an apply that creates also needs the verb create, dry run or not, and only for a valid object', async () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    const path = `${inShop}/configmaps/a`;
    const refused = [403, cannot('configmaps "a"|create|configmaps')];
    expect(short(await ci.apply(path, configMap, { dryRun: true }))).toEqual(refused);
    expect(short(await ci.apply(path, configMap))).toEqual(refused);
    const unsound = { ...configMap, metadata: { name: 'a', labels: { a: '-' } } };
    expect((await ci.apply(path, unsound)).status).toBe(422);
    expect((await admin.apply(path, configMap)).status).toBe(201);
    expect((await ci.apply(path, { ...configMap, data: { a: 'b' } })).status).toBe(200);
  });

  it('a create by POST has no name that a rule could allow', async () => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/shop/leases';
    const answer = await ci.send(post(path, { metadata: { name: 'a' } }));
    expect(short(answer)).toEqual([403, cannot('leases.coordination.k8s.io|create|leases', 'coordination.k8s.io')]);
  });

  it('a ClusterRole holds in the namespace of its RoleBinding, and everywhere by a ClusterRoleBinding', async () => {
    await made(`${rbac}/clusterroles`, {
      metadata: { name: 'readers' },
      rules: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
    });
    const binding = { metadata: { name: 'readers' }, roleRef: refTo('ClusterRole', 'readers'), subjects };
    await made(`${rbac}/namespaces/shop/rolebindings`, binding);
    expect(await get(`${inShop}/services`)).toEqual([200, '']);
    expect(await get('/api/v1/services')).toEqual([403, cannot('services|list|services', '', 'at the cluster scope')]);
    await made(`${rbac}/clusterrolebindings`, binding);
    expect(await get('/api/v1/services')).toEqual([200, '']);
    await admin.send({ method: 'DELETE', path: `${rbac}/clusterroles/readers` });
    expect((await ci.get(`${inShop}/services`)).status).toBe(403);
  });

  it('lists exactly the rights that were used', async () => {
    await ci.get(`${inShop}/secrets/a`);
    expect(server.usedRights(user)).toContain('get configmaps');
    expect(server.usedRights(user)).not.toContain('get secrets');
    expect(server.usedRights('nobody')).toEqual([]);
  });
});

describe('identities', () => {
  it('the token of a ServiceAccount stands for it and its groups', async () => {
    const who = await ci.send(post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}));
    expect(objectAt(who.json, 'status', 'userInfo')).toMatchObject({
      username: user,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    });
  });

  it('reviews one access and lists all rules', async () => {
    const ask = async (attributes: JsonObject): Promise<unknown> => {
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      return objectAt((await ci.send(post(path, { spec: { resourceAttributes: attributes } }))).json, 'status').allowed;
    };
    expect(await ask({ verb: 'get', resource: 'pods', subresource: 'log', namespace: 'shop' })).toBe(true);
    expect(await ask({ verb: 'get', resource: 'pods', namespace: 'shop' })).toBe(false);
    const all = await ci.send(
      post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', { spec: { namespace: 'shop' } }),
    );
    expect(objectAt(all.json, 'status').resourceRules).toEqual(expect.arrayContaining(rules));
  });

  it('a request without credentials is anonymous', async () => {
    const answer = await fetchAnonymously(`${inShop}/pods`);
    expect(short(answer)[1]).toBe(
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "shop"',
    );
    expect((await fetchAnonymously('/version')).status).toBe(200);
  });

  it('a token that was not issued here is answered 401', async () => {
    for (const token of ['unknown', `${await tokenOf('ci')}x`]) {
      expect(await get(inShop, client(server.kubeconfigFor(token)))).toEqual([401, 'Unauthorized']);
    }
  });

  it('a token ends with its ServiceAccount, even if another of the same name is created', async () => {
    const account = { metadata: { name: 'short-lived' } };
    await made(`${inShop}/serviceaccounts`, account);
    const brief = client(server.kubeconfigFor(await tokenOf('short-lived')));
    expect((await brief.get('/api')).status).toBe(200);
    await admin.send({ method: 'DELETE', path: `${inShop}/serviceaccounts/short-lived` });
    expect((await brief.get('/api')).status).toBe(401);
    await made(`${inShop}/serviceaccounts`, account);
    expect((await brief.get('/api')).status).toBe(401);
  });

  it.each([
    ['nobody', {}, [404, 'serviceaccounts "nobody" not found']],
    [
      'ci',
      { expirationSeconds: 5 },
      [
        422,
        'TokenRequest "" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      ],
    ],
  ])('no token for %s with %j', async (account, spec: JsonObject, expected) => {
    expect(short(await admin.send(post(`${inShop}/serviceaccounts/${account}/token`, { spec })))).toEqual(expected);
  });
});

/** A request without any credentials. */
function fetchAnonymously(path: string): Promise<Answer> {
  return client(server.kubeconfigFor('')).get(path);
}
