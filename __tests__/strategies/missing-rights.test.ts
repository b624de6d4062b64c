import { afterEach, describe, expect, it } from '@jest/globals';
import type { NeededRule } from '../../src/cluster/cluster.js';
import { CutoverError } from '../../src/errors.js';
import { groupOf } from '../../src/kubernetes/object.js';
import { readDocuments } from '../../src/manifests/yaml/documents.js';
import { namingMissingRights, neededRules } from '../../src/strategies/missing-rights.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import {
  answer,
  connectTo,
  kubeconfigFor,
  startServer,
  status,
  type TestServer,
} from '../support/cluster/scripted-server.js';
import { documentedRoles, rightsOf, type RoleName } from '../support/scenario/rights.js';
import { failureOf } from '../support/strategies/web-release.js';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map(server => server.close()));
});

const namesOf = ({ kind, verbs }: NeededRule): readonly string[] => {
  const resources = [`${kind.kind.toLowerCase()}s`];
  return rightsOf([{ apiGroups: [groupOf(kind.apiVersion)], resources, verbs }]);
};

/** A cluster whose user has only these rights, as `get secrets`; others are `denied`, or no review is answered. */
async function clusterFor(rights: readonly string[], answers: 'denied' | 'no review' = 'denied') {
  const server = await startServer(({ body }, response) => {
    if (answers === 'no review') {
      answer(response, 403, status(403, { reason: 'Forbidden' }));
      return;
    }
    const { spec } = JSON.parse(body) as {
      spec: { resourceAttributes: { verb: string; group: string; resource: string; namespace?: string } };
    };
    const { verb, group, resource } = spec.resourceAttributes;
    const right = `${verb} ${group === '' ? '' : `${group}/`}${resource}`;
    answer(response, 201, { kind: 'SelfSubjectAccessReview', status: { allowed: rights.includes(right) } });
  });
  servers.push(server);
  return { server, cluster: await connectTo(kubeconfigFor(server.url, { user: { token: 'x' } })) };
}

const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-$<TARGET_ROLE>, namespace: other}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: b}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web}
`;
const draft = {
  release: 'web',
  preStopSeconds: Promise.resolve(undefined),
  request: {
    manifests: readDocuments([{ file: 'app.yml', text }]),
    ...({ builtIns: {}, variables: {}, environment: {}, substitution: 'on', images: [], namespace: 'shop' } as const),
  },
};

const forbidden = new CutoverError('secrets "cutover-web" is forbidden', {
  code: 'forbidden',
  hint: 'Missing rule: {apiGroups: [""], resources: ["secrets"], verbs: ["get"]} in a Role in namespace shop.',
});
const quota = new CutoverError('exceeded quota', { code: 'forbidden', hint: 'A quota of the cluster forbids this.' });
const lines = (error: unknown): readonly string[] =>
  (error instanceof FailedStep ? error.error : (error as CutoverError)).problems.map(({ message }) => message);

describe('a step that lacks rights', () => {
  it.each(Object.keys(neededRules) as (keyof typeof neededRules)[])(
    '%s: asks for no more than its Role has',
    action => {
      const names = { rolling: 'deploy-rolling', 'blue-green': 'stage' } as Readonly<Record<string, string>>;
      const role = documentedRoles.get(`cutover-${names[action] ?? action}` as RoleName) ?? [];
      expect(rightsOf(role)).toEqual(expect.arrayContaining(neededRules[action].flatMap(namesOf)));
    },
  );

  it('names all that are missing at once, those for the objects of the manifests, too', async () => {
    const { cluster } = await clusterFor(['get secrets', 'get coordination.k8s.io/leases', 'list pods', 'watch pods']);
    const inputs = { action: 'deploy', strategy: 'rolling' } as const;
    const error = await failureOf(namingMissingRights({ cluster, inputs, draft }, () => Promise.reject(forbidden)));
    const inShop = 'in a Role in namespace shop';
    expect(lines(error)).toEqual(
      [
        `{apiGroups: [""], resources: ["secrets"], verbs: ["create", "update", "delete"]} ${inShop}`,
        `{apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create", "update", "delete"]} ${inShop}`,
        `{apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"]} ${inShop}`,
        `{apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list", "watch"]} ${inShop}`,
        `{apiGroups: [""], resources: ["pods"], verbs: ["get"]} ${inShop}`,
        `{apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create", "patch", "delete"]} ${inShop}`,
        '{apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "create", "patch", "delete"]} in a Role in namespace other',
        '{apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"], verbs: ["get", "create", "patch", "delete"]} in a ClusterRole',
      ].map(rule => `Missing rule: ${rule}`),
    );
    expect(error).toMatchObject({ code: 'forbidden', hint: expect.stringContaining('docs/rbac.md') as unknown });
  });

  it('keeps what its outcome says', async () => {
    const { cluster } = await clusterFor([]);
    const outcome = {
      ...({ release: 'web', namespace: 'shop', strategy: 'rolling', changes: [], checks: [] } as const),
      serving: { kind: 'untouched' } as const,
    };
    const failed = new FailedStep(forbidden, outcome);
    const error = await failureOf(
      namingMissingRights({ cluster, inputs: { action: 'status' } }, () => Promise.reject(failed)),
    );
    expect(error).toMatchObject({ outcome: { ...outcome, outcome: 'failed' } });
    expect(lines(error)).toHaveLength(2);
  });

  it.each([
    ['that is the only one', forbidden, ['get apps/deployments'], 'denied'],
    ['where the API server answers no review', forbidden, [], 'no review'],
    ['that no rule would give', quota, [], 'denied'],
  ] as const)('keeps its own error for a right %s', async (...[, error, rights, answers]) => {
    const { cluster, server } = await clusterFor(rights, answers);
    const work = namingMissingRights({ cluster, inputs: { action: 'status' } }, () => Promise.reject(error));
    expect(await failureOf(work)).toBe(error);
    expect(server.seen.length > 0).toBe(error === forbidden);
  });

  it('asks nothing where nothing failed', async () => {
    const { cluster, server } = await clusterFor([]);
    await expect(
      namingMissingRights({ cluster, inputs: { action: 'status' } }, () => Promise.resolve('done')),
    ).resolves.toBe('done');
    expect(server.seen).toEqual([]);
  });
});
