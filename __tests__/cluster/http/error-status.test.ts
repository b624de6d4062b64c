import { describe, expect, it } from '@jest/globals';
import { apiError } from '../../../src/cluster/http/error-status.js';
import type { RequestDescription } from '../../../src/cluster/http/api-status.js';
import type { CutoverError } from '../../../src/errors.js';
import { status } from '../../support/cluster/scripted-server.js';

const asked: RequestDescription = {
  verb: 'patch',
  target: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
  resource: 'deployments',
};
const secret: RequestDescription = {
  verb: 'patch',
  target: { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'key' },
  resource: 'secrets',
};

function refused(code: number, body: unknown, what = asked): CutoverError {
  return apiError(code, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), what);
}

const notFound = (details: object): unknown => status(404, { reason: 'NotFound', message: 'not found', details });
const ownedBy = (manager: string, field: string): object => ({
  reason: 'FieldManagerConflict',
  field,
  message: `conflict with "${manager}" using v1`,
});

describe('the error of an answer', () => {
  it.each([
    [
      401,
      status(401, { reason: 'Unauthorized' }),
      'unauthorized',
      'the API server does not accept the credentials (401) to patch Deployment shop/web',
    ],
    [404, '404 page not found\n', 'unknown-kind', 'the API server does not serve Deployment of apps/v1'],
    [
      404,
      status(404, { reason: 'NotFound', details: {} }),
      'unknown-kind',
      'the API server does not serve Deployment of apps/v1',
    ],
    [404, notFound({ kind: 'namespaces', name: 'shop' }), 'not-found', 'namespace shop does not exist'],
    [404, notFound({ kind: 'deployments', name: 'web' }), 'not-found', 'Deployment shop/web does not exist'],
    [409, status(409, { reason: 'AlreadyExists' }), 'exists', 'Deployment shop/web already exists'],
    [409, status(409, { reason: 'Conflict' }), 'moved', 'Deployment shop/web changed since it was read'],
    [
      409,
      status(409, {
        reason: 'Conflict',
        message: 'Operation cannot be fulfilled on resourcequotas "gke-resource-quotas": the object has been modified',
        details: { name: 'gke-resource-quotas', kind: 'resourcequotas' },
      }),
      'api',
      'Deployment shop/web could not be counted in quota gke-resource-quotas, which changes at the moment',
    ],
    [
      410,
      status(410, { reason: 'Expired', message: 'too old resource version' }),
      'expired',
      'too old resource version',
    ],
    [
      400,
      status(400, { reason: 'BadRequest', message: 'error strict decoding patch' }),
      'invalid',
      'error strict decoding patch',
    ],
    [413, 'too large', 'invalid', 'too large'],
    [
      500,
      status(500, { reason: 'InternalError', message: 'etcd is away' }),
      'api',
      'the API server answered 500 to patch Deployment shop/web: etcd is away',
    ],
    [
      500,
      status(500, { message: 'etcdserver: leader changed' }),
      'api',
      'the API server answered 500 to patch Deployment shop/web: etcdserver: leader changed',
    ],
    [502, '<html>Bad Gateway</html>', 'api', 'the API server answered 502 to patch Deployment shop/web'],
    [
      502,
      `a proxy quotes ${'x'.repeat(270)} token-0123456789-0123456789`,
      'api',
      `the API server answered 502 to patch Deployment shop/web: a proxy quotes ${'x'.repeat(270)}…`,
    ],
    [
      429,
      status(429, {
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods' }],
        },
      }),
      'budget',
      "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods",
    ],
    [
      429,
      status(429, { message: 'slow down' }),
      'api',
      'the API server answered 429 to patch Deployment shop/web: slow down',
    ],
  ])('%i with %j is %s', (...[code, body, kind, message]) => {
    expect(refused(code, body)).toMatchObject({ code: kind, message, status: code, object: 'Deployment shop/web' });
  });

  it('of a namespace that does not exist has the remedy', () => {
    expect(refused(404, notFound({ kind: 'namespaces', name: 'shop' })).hint).toContain('create-namespace: true');
  });
});

describe('fields of other managers', () => {
  it('are named with their owners', () => {
    const details = { causes: [ownedBy('kubectl', '.spec.replicas'), ownedBy('kubectl', '.spec.selector')] };
    expect(refused(409, status(409, { reason: 'Conflict', details }))).toMatchObject({
      code: 'conflict',
      message: 'kubectl owns spec.replicas, spec.selector of Deployment shop/web',
      problems: [
        { field: 'spec.replicas', message: 'spec.replicas: conflict with "kubectl" using v1' },
        { field: 'spec.selector', message: 'spec.selector: conflict with "kubectl" using v1' },
      ],
    });
  });

  it('are counted when there are many', () => {
    const fields = ['.a', '.b', '.c', '.d', '.e'];
    const details = { causes: fields.map(field => ownedBy(field === '.a' ? 'helm' : 'flux', field)) };
    expect(refused(409, status(409, { reason: 'Conflict', details })).message).toBe(
      'helm and flux own a, b, c and 2 more fields of Deployment shop/web',
    );
  });
});

describe('a missing permission', () => {
  const denied = (message: string, details: object = {}): unknown =>
    status(403, { reason: 'Forbidden', message, details });
  const rbac =
    'deployments.apps "web" is forbidden: User "ci" cannot patch resource "deployments" in API group "apps" in the namespace "shop"';

  it('is reported as the missing RBAC rule', () => {
    expect(refused(403, denied(rbac))).toMatchObject({
      code: 'forbidden',
      message: rbac,
      hint: 'Missing rule: {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]} in a Role in namespace shop, bound to the user of the kubeconfig.',
    });
  });

  it('needs a ClusterRole for cluster-scoped objects', () => {
    const what = { verb: 'create', target: { apiVersion: 'v1', kind: 'Namespace', name: 'x' }, resource: 'namespaces' };
    const message =
      'namespaces is forbidden: User "ci" cannot create resource "namespaces" in API group "" at the cluster scope';
    expect(refused(403, denied(message), what).hint).toContain('in a ClusterRole');
  });

  it('is not the cause of an error of a quota or a webhook', () => {
    expect(refused(403, denied('pods "x" is forbidden: exceeded quota: q')).hint).toContain('not a missing permission');
  });

  it('is not the cause of an error of a namespace that is being deleted', () => {
    const details = { causes: [{ reason: 'NamespaceTerminating' }] };
    expect(refused(403, denied('… is being terminated', details)).hint).toContain('Namespace shop is being deleted');
  });
});

describe('an invalid object', () => {
  it.each([
    ['operator', true],
    ['kubectl-edit', true],
    ['kube-controller-manager', false],
    ['clusterrole-aggregation-controller', false],
  ])('recommends to take a field over only where that does no harm: %s', (manager, isRecommended) => {
    const causes = [ownedBy('operator', '.spec.a'), ownedBy(manager, '.rules')];
    const { hint = '' } = refused(409, status(409, { reason: 'Conflict', details: { causes } }));
    expect(hint).toContain('Remove the field from the manifest');
    expect(hint.includes('force-conflicts')).toBe(isRecommended);
  });

  it('is reported field by field, without the values that the API server quotes', () => {
    const quoted = 'Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{{Value:"hush"}}}: field is immutable';
    const details = { causes: [{ reason: 'FieldValueInvalid', field: 'spec.template', message: quoted }] };
    const message = `Job.batch "migrate" is invalid: spec.template: ${quoted}`;
    expect(refused(422, status(422, { reason: 'Invalid', message, details }))).toMatchObject({
      code: 'invalid',
      message: 'Job.batch "migrate" is invalid: spec.template: Invalid value: …: field is immutable',
      problems: [{ field: 'spec.template', message: 'spec.template: Invalid value: …: field is immutable' }],
    });
  });

  it('is reported in one line when only one field is invalid', () => {
    const message =
      'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema';
    expect(refused(500, status(500, { message }))).toMatchObject({
      code: 'invalid',
      message: 'Deployment shop/web does not match the schema of apps/v1',
      problems: [{ field: 'spec.foo', message: 'spec.foo: field not declared in schema' }],
    });
  });

  it.each([
    ['expected string, got &value.valueUnstructured{Value:1.1}', 'expected string, got 1.1: put it in quotes'],
    ['expected string, got &value.valueUnstructured{Value:true}', 'expected string, got true: put it in quotes'],
    ['expected boolean, got &{yes}', 'expected boolean, got yes: write true or false, without quotes'],
    ['expected list, got &{map[a:1]}', 'expected list, got map[a:1]'],
    ['expected numeric (int or float), got string', 'expected numeric (int or float), got string'],
  ])('tells a wrong type without the internals of Go: %s', (said, told) => {
    const message = `failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.version: ${said}`;
    expect(refused(500, status(500, { message })).problems).toEqual([
      { field: 'spec.version', message: `spec.version: ${told}` },
    ]);
  });

  it.each([
    [
      'a wrong type',
      500,
      {
        message:
          'failed to create typed patch object (shop/key; /v1, Kind=Secret): .data.a: expected string, got &value{hush}',
      },
    ],
    [
      'a wrong value',
      422,
      {
        message: 'invalid: data[a]: Invalid value: "hush"',
        details: { causes: [{ reason: 'FieldValueInvalid', field: 'data[a]', message: 'Invalid value: "hush"' }] },
      },
    ],
    ['a bad request', 400, { message: 'cannot decode "hush"' }],
    ['a denial', 403, { message: 'policy denies "hush"' }],
    ['a failure', 503, { message: 'could not store "hush"' }],
  ])('never quotes a Secret: %s', (_what, code, more) => {
    const error = refused(code, status(code, more), secret);
    expect(JSON.stringify([error.message, error.hint, error.problems])).not.toContain('hush');
    expect(error.message).toContain('Secret shop/key');
  });

  it('reports an immutable field of a Secret without its value', () => {
    const said = [
      'type: Invalid value: "hush": field is immutable',
      'Forbidden: field is immutable when `immutable` is set',
    ];
    const causes = said.map(message => ({ reason: 'FieldValueInvalid', field: 'type', message }));
    expect(refused(422, status(422, { message: 'invalid', details: { causes } }), secret).problems).toEqual([
      { field: 'type', message: 'type: field is immutable' },
      { field: 'type', message: 'type: field is immutable when `immutable` is set' },
    ]);
  });

  it('quotes an RBAC message about a Secret, which contains no value', () => {
    const message =
      'secrets "key" is forbidden: User "robot" cannot get resource "secrets" in API group "" in the namespace "shop"';
    expect(refused(403, status(403, { message }), secret).message).toBe(message);
  });
});
