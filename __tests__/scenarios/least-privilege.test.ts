import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Named } from '../support/kube.js';
import type { StepResult } from '../support/runner/runner.js';
import { startGitHub } from '../support/github-server.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { scenario, scenarioWithoutGolden } from '../support/scenario/scenario.js';
import { type TestNamespace } from '../support/scenario/test-namespace.js';
import { documentedRoles, grant, rightsOf, type RoleName, type Rule } from '../support/scenario/rights.js';
import { plain } from '../support/scenario/plain.js';
import {
  failing,
  failingInPublic,
  repairPods,
  deleteObjects,
  relabel,
  shop,
  breakPods,
  stepAs,
} from '../support/scenario/shop.js';

type Inputs = Readonly<Record<string, string>>;
type ObjectNames = readonly (readonly [Named['kind'], string])[];

// Each scenario plays some twenty steps, one after the other.
jest.setTimeout(600_000);

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** Rights that the steps of a Role used; only the embedded cluster can report them. */
const used = new Map<RoleName, Set<string>>();

/** Runs a step with exactly this Role. */
function actor(ns: TestNamespace, role: RoleName) {
  return async (outcome: string, inputs: Inputs, options: Parameters<TestNamespace['step']>[1] = {}): Promise<void> => {
    const result = await stepAs(ns, { roles: [role] }, inputs, options);
    if ((result.outputs.outcome ?? '') !== outcome || /forbidden|Missing rule/.test(result.log))
      throw new Error(`${role} ended as ${result.outputs.outcome}, not ${outcome}:\n${result.log}`);
    const { user } = await grant({ cluster: ns.cluster, namespace: ns.namespace, roles: [role] });
    const rights = (ns.cluster.sandbox?.usedRights(user) ?? []).filter(right => !right.includes('authorization'));
    used.set(role, new Set([...(used.get(role) ?? []), ...rights]));
  };
}

/** Resources that explain failing pods, or end connections: a step does not fail for lack of them. */
const optionalResources = ['events', 'pods/log', 'pods/eviction'];
/** Resources without which `status` says what it could not find out. Pods are not looked at without the endpoints. */
const compared = ['configmaps', 'horizontalpodautoscalers', 'leases', 'endpointslices'];
const behindServices = ['pods', 'replicasets'];
const isCompared = ({ resources }: Rule): boolean => resources.every(resource => compared.includes(resource));
const isBehindServices = ({ resources }: Rule): boolean =>
  resources.every(resource => behindServices.includes(resource));

/**
 * Starts without rights and grants what each error names: the step fails until it has every rule of its Role, and errors
 * name each of them in the terms of RBAC.
 */
async function expectEveryRuleNamed(ns: TestNamespace, role: RoleName, inputs: Inputs): Promise<void> {
  const optional = [...optionalResources, ...(role === 'cutover-status' ? [...compared, ...behindServices] : [])];
  const rules = (documentedRoles.get(role) ?? []).flatMap(rule =>
    rule.resources.filter(one => !optional.includes(one)).map(resource => ({ ...rule, resources: [resource] })),
  );
  for (let missing = rules; missing.length > 0;) {
    const result = await stepAs(ns, { roles: [role], without: rightsOf(missing) }, inputs);
    const left = missing.filter(rule => !isNamed(result, rule));
    if (result.exitCode !== 1 || left.length === missing.length)
      throw new Error(`exit ${result.exitCode} of ${role} without ${rightsOf(missing).join(', ')}:\n${result.log}`);
    missing = left;
  }
}

/** Whether an error names a right of the rule. */
function isNamed({ annotations }: StepResult, { apiGroups: [group], resources: [resource], verbs }: Rule): boolean {
  const errors = annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
  return verbs.some(verb =>
    [
      `cannot ${verb} resource "${resource}" in API group "${group}"`,
      `\\{apiGroups: \\["${group}"\\], resources: \\["${resource}"\\], verbs: \\[[^\\]]*"${verb}"`,
    ].some(words => new RegExp(words).test(errors.join('\n'))),
  );
}

/** A step whose pods fail logs that it could not read the reason, and which right is missing. */
async function expectUnexplained(ns: TestNamespace, role: RoleName, inputs: Inputs): Promise<void> {
  const without = ['list events', 'get pods/log'];
  const result = await stepAs(ns, { roles: [role], without }, inputs);
  expect(result.exitCode).toBe(1);
  expect(result.log).toMatch(/events could not be read: .* cannot list resource "events" in API group ""/);
  expect(result.log).toMatch(/log of .* could not be read: .* cannot get resource "pods\/log" in API group ""/);
}

/** The objects of a rolling release, or of one role of a blue/green one. */
const objectsOf = (name: string): ObjectNames => [
  ['ConfigMap', name],
  ['Secret', name],
  ['Deployment', name],
  ['HorizontalPodAutoscaler', name],
  ['Service', name.replace('shop-', 'shop-test-')],
];
/** All but the Secret, which is not in the record and so cannot be restored. */
const restorable = (name: string): ObjectNames =>
  objectsOf(name).filter(([kind]) => ['ConfigMap', 'Deployment', 'Service'].includes(kind));
/** Configuration that no earlier revision has: a ConfigMap and a Secret of the role. */
const newConfiguration = ['ConfigMap', 'Secret']
  .map(kind => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: "shop-new-\${TARGET_ROLE}"}\n---\n`)
  .join('');

/** More than the grace of a pod: otherwise connections stay open. */
const closing = { 'close-connections': 'auto', drain: '0s', timeout: '2m' };

const asPlan = (inputs: Inputs): Inputs => ({ ...inputs, action: 'plan' });

describe('Each action does its work with the Role of docs/rbac.md, and names every rule that it is denied', () => {
  scenarioWithoutGolden('deploy, rolling, and its rollback', cluster, async ns => {
    await shop.bring(ns);
    const deploy = actor(ns, 'cutover-deploy-rolling');
    const rollback = actor(ns, 'cutover-rollback');
    await deploy('failed', shop.roll('v1', { verify: failing }));
    await deploy('deployed', shop.roll('v1'));
    await relabel(ns, objectsOf('shop'));
    await deploy('failed', shop.roll('broken'));
    await expectUnexplained(ns, 'cutover-deploy-rolling', shop.roll('broken'));
    await deploy('deployed', shop.roll('v3'));
    await relabel(ns, objectsOf('shop'));
    await rollback('failed', shop.rollback({ verify: failing }));
    await deleteObjects(ns, restorable('shop'));
    await rollback('failed', shop.rollback({ verify: failing }));
    await rollback('rolled-back', shop.rollback());
    await expectEveryRuleNamed(ns, 'cutover-deploy-rolling', shop.roll('v2'));
  });

  scenarioWithoutGolden('deploy, blue/green', cluster, async ns => {
    await shop.bring(ns);
    const stage = actor(ns, 'cutover-stage');
    await stage('failed', shop.stage('v1', { verify: failing }));
    await ns.given(shop.release('v1'));
    await ns.given(shop.release('v2'));
    await relabel(ns, objectsOf('shop-blue'));
    await stage('failed', shop.stage('broken'));
    await expectUnexplained(ns, 'cutover-stage', shop.stage('broken'));
    await actor(ns, 'cutover-plan')('', asPlan(shop.stage('v3')));
    await stage('staged', shop.stage('v3', { 'history-limit': '2' }));
    await expectEveryRuleNamed(ns, 'cutover-stage', shop.stage('v1'));
    await actor(ns, 'cutover-status')('', shop.status({ release: '' }));
    await expectEveryRuleNamed(ns, 'cutover-status', shop.status());
    const statusRules = documentedRoles.get('cutover-status') ?? [];
    const blind = { roles: ['cutover-status'] as const, without: rightsOf(statusRules.filter(isCompared)) };
    const status = await stepAs(ns, blind, shop.status());
    expect(status.exitCode).toBe(0);
    for (const resource of compared)
      expect(status.log).toMatch(
        new RegExp(`could not be compared with the record: .*cannot (get|list) resource "${resource}"`),
      );
    const half = { roles: ['cutover-status'] as const, without: rightsOf(statusRules.filter(isBehindServices)) };
    const halfBlind = await stepAs(ns, half, shop.status());
    expect(halfBlind.exitCode).toBe(0);
    expect(halfBlind.log).toMatch(/whether all pods behind it are of the release is unknown: .*cannot list resource/);
  });

  scenarioWithoutGolden('plan', cluster, async ns => {
    await shop.bring(ns);
    const plan = actor(ns, 'cutover-plan');
    await plan('', asPlan(shop.stage('v1')));
    await plan('', asPlan(shop.roll('v1')));
    await ns.given(shop.roll('v1'));
    await plan('', asPlan(shop.roll('v2')));
    await expectEveryRuleNamed(ns, 'cutover-plan', asPlan(shop.roll('v2')));
  });

  scenarioWithoutGolden('promote', cluster, async ns => {
    await shop.bring(ns);
    const promote = actor(ns, 'cutover-promote');
    // The only pod of a role is left alone when connections are closed.
    await ns.rewrite('roles.yml', text => text.replace('replicas: 1', 'replicas: 2'));
    const written = await readFile(join(ns.workspace, 'roles.yml'), 'utf8');
    await ns.rewrite('roles.yml', text => newConfiguration + text);
    await ns.given(shop.stage('v1'));
    await promote('failed', shop.promote({ verify: failingInPublic }));
    await promote('switched', shop.promote());
    await ns.write({ 'roles.yml': written });
    for (const version of ['v2', 'v3', 'v2']) await ns.given(shop.stage(version));
    await relabel(ns, [['Service', 'shop']]);
    await promote('failed', shop.promote({ verify: failingInPublic }));
    const github = await startGitHub({
      token: 'token',
      repository: 'shop/website',
      environments: { production: { reviewers: ['mona'] } },
      approvals: { 1000: [{ environments: ['production'], state: 'approved', by: 'mona' }] },
    });
    const approved = { token: 'token', environment: { GITHUB_API_URL: github.url } };
    const thorough = { release: '', 'idle-policy': 'scale-down', 'history-limit': '2', approval: 'production' };
    await promote('switched', shop.promote(thorough), approved).finally(() => github.close());
    await ns.given(shop.stage('v3'));
    await breakPods(ns, 'blue');
    await promote('failed', shop.promote());
    await expectUnexplained(ns, 'cutover-promote', shop.promote());
    await repairPods(ns, 'blue');
    await expectEveryRuleNamed(ns, 'cutover-promote', shop.promote());
    // Configuration that left the manifests is deleted last.
    await promote('switched', shop.promote());
    expect(await ns.get('ConfigMap', 'shop-new-blue')).toBeUndefined();
    expect(await ns.get('Secret', 'shop-new-blue')).toBeUndefined();
    await ns.given(shop.stage('v2'));
    await promote('switched', shop.promote(closing));
  });

  scenarioWithoutGolden('reject', cluster, async ns => {
    await shop.bring(ns);
    const reject = actor(ns, 'cutover-reject');
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    await reject('rejected', shop.reject({ release: '' }));
    await ns.given(shop.release('v2'));
    await ns.given(shop.stage('v3'));
    await deleteObjects(ns, restorable('shop-blue'));
    await reject('rejected', shop.reject());
    await relabel(ns, objectsOf('shop-blue'));
    await ns.given(shop.stage('v3'));
    await reject('rejected', shop.reject());
    await ns.rewrite('roles.yml', text => newConfiguration + text);
    await ns.given(shop.stage('v3'));
    await expectEveryRuleNamed(ns, 'cutover-reject', shop.reject());
  });

  scenarioWithoutGolden('rollback, blue/green', cluster, async ns => {
    await shop.bring(ns);
    const rollback = actor(ns, 'cutover-rollback');
    await ns.given(shop.release('v1'));
    await ns.given(shop.release('v2'));
    await ns.rewrite('roles.yml', text => newConfiguration + text);
    await ns.given(shop.stage('v3'));
    await rollback('rolled-back', shop.rollback({ release: '', 'idle-policy': 'scale-down', 'history-limit': '2' }));
    await ns.given(shop.release('v2'));
    await relabel(ns, [...objectsOf('shop-blue'), ['Service', 'shop']]);
    await rollback('failed', shop.rollback({ verify: failingInPublic }));
    await deleteObjects(ns, restorable('shop-blue'));
    await breakPods(ns);
    await rollback('failed', shop.rollback());
    await expectUnexplained(ns, 'cutover-rollback', shop.rollback());
    await repairPods(ns, 'blue');
    await expectEveryRuleNamed(ns, 'cutover-rollback', shop.rollback());
    await rollback('rolled-back', shop.rollback(closing));
  });
});

describe('An application that runs without roles', () => {
  scenario('is adopted with one more Role of docs/rbac.md, and each missing rule is named', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const [scale, protect, follow, remove, ...more] = (documentedRoles.get('cutover-adopt') ?? []).map(rule => [rule]);
    if (scale === undefined || protect === undefined || follow === undefined || remove === undefined)
      throw new Error('a rule is missing');
    expect(more).toEqual([]);
    const denied = async (rules: readonly Rule[], inputs: Inputs): Promise<void> => {
      const own: RoleName = inputs.action === 'promote' ? 'cutover-promote' : 'cutover-stage';
      const result = await stepAs(ns, { roles: [own, 'cutover-adopt'], without: rightsOf(rules) }, inputs);
      expect([result.exitCode, rules.every(rule => isNamed(result, rule))]).toEqual([1, true]);
    };
    await denied(scale, plain.adopt('v2'));
    await denied(protect, plain.adopt('v2'));
    await denied(follow, plain.adopt('v2'));
    const first = await stepAs(ns, { roles: ['cutover-stage', 'cutover-adopt'] }, plain.adopt('v2'));
    expect(first).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    await denied(remove, plain.promote());
    const last = await stepAs(ns, { roles: ['cutover-promote', 'cutover-adopt'] }, plain.promote());
    expect(last).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    expect(await ns.get('Deployment', 'plain')).toBeUndefined();
  });

  scenarioWithoutGolden(
    'is adopted with several public Services, and switched, by the same Roles',
    cluster,
    async ns => {
      await plain.bring(ns);
      await ns.write({ 'inner.yml': plain.inner });
      const manifests = 'plain.yml, inner.yml';
      await ns.given(plain.roll('v1', { manifests, release: 'plain' }));
      const adopt = plain.adopt('v2', { manifests, release: 'plain' });
      const staged = await stepAs(ns, { roles: ['cutover-stage', 'cutover-adopt'] }, adopt);
      expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged', 'active-role': 'blue' } });
      expect(staged.log).toMatch(/2 Services were narrowed within \d+ ms/);
      const switched = await stepAs(ns, { roles: ['cutover-promote', 'cutover-adopt'] }, plain.promote());
      expect(switched).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
      for (const { log } of [staged, switched]) expect(log).not.toMatch(/forbidden|Missing rule/);
    },
  );

  scenario('leaves its roles with one more Role of docs/rbac.md', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    const roles = ['cutover-deploy-rolling', 'cutover-leave-roles'] as const;
    const left = await stepAs(ns, { roles }, plain.roll('v2'));
    expect(left).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(left.log).not.toMatch(/forbidden|Missing rule/);
  });
});

describe('A hot backup', () => {
  scenario('is made with one more Role of docs/rbac.md, and each missing rule is named', cluster, async ns => {
    const hot = { 'idle-policy': 'hot-backup' } as const;
    const inputs = shop.promote({ ...hot, 'stable-for': '100ms' });
    await shop.bring(ns);
    await ns.given(shop.release('v1'));
    await ns.rewrite('roles.yml', text => newConfiguration + text);
    await ns.given(shop.stage('v2', hot));
    const roles = ['cutover-promote', 'cutover-hot-backup'] as const;
    const rules = (documentedRoles.get('cutover-hot-backup') ?? []).flatMap(rule =>
      rule.resources.map(resource => ({ ...rule, resources: [resource], verbs: ['create'] })),
    );
    await deleteObjects(ns, restorable('shop-blue'));
    for (const rule of rules.filter(({ resources }) => !resources.includes('services'))) {
      const denied = await stepAs(ns, { roles, without: rightsOf([rule]) }, inputs);
      expect([denied.exitCode, isNamed(denied, rule), rule.resources]).toEqual([1, true, rule.resources]);
    }
    const made = await stepAs(ns, { roles }, inputs);
    expect(made).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    expect(made.log).not.toMatch(/forbidden|Missing rule/);
    await ns.given(shop.stage('v3', hot));
    const again = await stepAs(ns, { roles }, inputs);
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    const back = await stepAs(
      ns,
      { roles: ['cutover-rollback', 'cutover-hot-backup'] },
      shop.rollback({ ...hot, drain: '0s' }),
    );
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back' } });
    expect(back.log).not.toMatch(/forbidden|Missing rule/);
  });
});

describe('A disruption budget', () => {
  scenario('is deployed with one more Role of docs/rbac.md, and its rule is named', cluster, async ns => {
    const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 1, selector: {matchLabels: {app: shop}}}
`;
    await shop.bring(ns);
    await ns.write({ 'budget.yml': budget });
    const [rule, ...more] = documentedRoles.get('cutover-budgets') ?? [];
    if (rule === undefined) throw new Error('the rule is missing');
    expect(more).toEqual([]);
    const inputs = (version: string): Inputs => shop.roll(version, { manifests: 'rolling.yml, budget.yml' });
    const roles = ['cutover-deploy-rolling', 'cutover-budgets'] as const;
    const denied = await stepAs(ns, { roles, without: rightsOf([rule]) }, inputs('v1'));
    expect([denied.exitCode, isNamed(denied, rule)]).toEqual([1, true]);
    for (const version of ['v1', 'v2']) {
      const made = await stepAs(ns, { roles }, inputs(version));
      expect(made).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
      expect(made.log).not.toMatch(/forbidden|Missing rule/);
    }
  });
});

describe('A cluster-scoped object', () => {
  scenario('is created with the ClusterRole of docs/rbac.md, and each missing rule is named', cluster, async ns => {
    const { kube } = ns.cluster;
    const group = `${ns.namespace}.example.com`;
    const namespace = `${ns.namespace}-fresh`;
    const roles = ['cutover-deploy-rolling', 'cutover-cluster'] as const;
    await shop.bring(ns);
    await ns.write({ 'kind.yml': customKind(group) });
    const inputs = shop.roll('v1', { manifests: 'kind.yml, rolling.yml', namespace, 'create-namespace': 'true' });
    const rules = documentedRoles.get('cutover-cluster') ?? [];
    try {
      for (const rule of rules) {
        const result = await stepAs(ns, { roles, without: rightsOf([rule]), scope: 'cluster' }, inputs);
        expect([result.exitCode, isNamed(result, rule), rule.resources]).toEqual([1, true, rule.resources]);
      }
      const made = await stepAs(ns, { roles, scope: 'cluster' }, inputs);
      expect(made).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
      expect(made.log).not.toMatch(/forbidden|Missing rule/);
    } finally {
      await kube.send({
        method: 'DELETE',
        path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.${group}`,
      });
      await kube.send({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
    }
    expect(rules).toHaveLength(2);
  });
});

function customKind(group: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`;
}

/** Rights of runs that last longer than ten seconds, or that meet a lock that is held: it is read, renewed and taken over. */
const ofLongRuns = ['get coordination.k8s.io/leases', 'update coordination.k8s.io/leases'];

describeEmbedded('The Roles of docs/rbac.md', 'a real cluster does not report which rights were used', () => {
  it('grant nothing that their actions do not use in the scenarios above', () => {
    const found = [...used].map(([role, rights]) => {
      const granted = rightsOf(documentedRoles.get(role) ?? []);
      // A list is requested only from API servers that cannot stream the initial state of a watch.
      const streamed = granted.filter(right => granted.includes(right.replace(/^list /, 'watch ')));
      const idle = granted.filter(
        right =>
          !rights.has(right) && !(right.startsWith('list ') && streamed.includes(right)) && !ofLongRuns.includes(right),
      );
      return { role, idle, more: [...rights].filter(right => !granted.includes(right)) };
    });
    const beside: readonly RoleName[] = [
      ...(['cutover-cluster', 'cutover-budgets', 'cutover-adopt', 'cutover-leave-roles'] as const),
      'cutover-hot-backup',
    ];
    const roles: readonly RoleName[] = [...documentedRoles.keys()].filter(role => !beside.includes(role));
    expect(found.sort((a, b) => roles.indexOf(a.role) - roles.indexOf(b.role))).toEqual(
      roles.map(role => ({ role, idle: [], more: [] })),
    );
  });
});
