import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Roles } from '../../src/inputs/inputs.js';
import { isDeployment, replicasOf, templateLabels, withReplicas } from '../../src/kubernetes/deployment.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { selectorOf, selects } from '../../src/kubernetes/selectors.js';
import type { Resource } from '../../src/manifests/resource.js';
import type { ReleaseState } from '../../src/release/state.js';
import { newState } from '../../src/release/state.js';
import { rolesOf, roleToLeave } from '../../src/strategies/blue-green/live-traffic.js';
import { roleToRollBackTo } from '../../src/strategies/blue-green/rollback.js';
import { readBlueGreen, readRelease } from '../../src/strategies/shared/recorded-release.js';
import {
  changesSinceVerified,
  decideActive,
  otherRole,
  roleRecords,
  type Active,
  type PodLabels,
} from '../../src/traffic/active-role.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';
import { stepOn } from '../support/strategies/context.js';

type Labels = Readonly<Record<string, string>>;

const roles: Roles = ['blue', 'green'];
const labelsOf = (role: string) => ({ app: 'web', role });
const podLabels = { blue: labelsOf('blue'), green: labelsOf('green') };
const service = (selector?: Readonly<Record<string, string>>, name = 'web'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: selector === undefined ? {} : { selector },
});
const deployment = (name: string, labels: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: {} } },
});
const errorOf = (work: () => unknown): CutoverError => {
  try {
    work();
  } catch (error) {
    return error as CutoverError;
  }
  throw new Error('it did not fail');
};

describe('the active role', () => {
  it.each([
    ['blue', { role: 'blue' }, 'green'],
    ['green', { role: 'green' }, 'blue'],
    ['blue', { app: 'web', role: 'blue' }, 'green'],
  ])('is %s when the public Service selects %j', (role, selector, idle) => {
    expect(decideActive({ service: service(selector), roles, podLabels })).toEqual({ kind: 'role', role, idle });
  });

  it('is the one that a Service selects by its pods’ hash, as after an adoption', () => {
    const labels = { blue: { app: 'web', 'pod-template-hash': 'abc' }, green: labelsOf('green') };
    const selector = { app: 'web', 'pod-template-hash': 'abc' };
    expect(decideActive({ service: service(selector), roles, podLabels: labels })).toMatchObject({ role: 'blue' });
  });

  it('is none before there is a public Service', () => {
    expect(decideActive({ service: undefined, roles, podLabels })).toEqual({ kind: 'none' });
  });

  it.each<[string, KubeObject, PodLabels, string, string]>([
    [
      'has no selector',
      service(),
      podLabels,
      'Service shop/web has no selector, so Cutover cannot tell which role is active',
      'Give it the selector of the role that serves users now',
    ],
    [
      'has an empty selector',
      service({}),
      podLabels,
      'Service shop/web has no selector, so Cutover cannot tell which role is active',
      'Give it the selector of the role that serves users now',
    ],
    [
      'selects neither role',
      service({ role: 'red' }),
      podLabels,
      'Service shop/web selects neither blue nor green: its selector is role=red, the pods have app=web,role=blue (blue) and app=web,role=green (green)',
      'Set its selector to the labels of the role that serves users now; nothing was changed.',
    ],
    [
      'selects neither role, of which nothing is known',
      service({ role: 'blue' }),
      {},
      'Service shop/web selects neither blue nor green: its selector is role=blue, the pods have no labels (blue) and no labels (green)',
      'Set its selector to the labels of the role that serves users now; nothing was changed.',
    ],
    [
      'selects both roles',
      service({ app: 'web' }),
      podLabels,
      'Service shop/web selects both blue and green: its selector app=web matches the pods of both roles',
      'Add the label in which the roles differ to its selector',
    ],
  ])('is not guessed when the public Service %s', (_what, ...[live, labels, message, hint]) => {
    const error = errorOf(() => decideActive({ service: live, roles, podLabels: labels }));
    expect(error).toMatchObject({ code: 'roles', object: 'Service shop/web', message });
    expect(error.hint).toContain(hint);
  });

  it('is the other one of the idle role, and the reverse', () => {
    expect([otherRole(roles, 'blue'), otherRole(roles, 'green')]).toEqual(['green', 'blue']);
  });
});

describe('a selector', () => {
  it.each<[string, Labels, Labels, boolean]>([
    ['selects pods that have all of its labels', { a: '1' }, { a: '1', b: '2' }, true],
    ['does not select pods with another value', { a: '1', b: '2' }, { a: '1', b: '3' }, false],
    ['does not select pods without the label', { a: '1' }, {}, false],
    ['that is empty selects nothing, not everything', {}, { a: '1' }, false],
  ])('%s', (_what, ...[selector, labels, expected]) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});

describe('the fields of workloads', () => {
  const web = deployment('web', { app: 'web' });

  it.each([
    ['v1', 'Deployment', false],
    ['apps/v1', 'Deployment', true],
    ['apps/v1', 'StatefulSet', false],
  ])('%s %s is a Deployment: %s', (apiVersion, kind, expected) => {
    expect(isDeployment({ apiVersion, kind })).toBe(expected);
  });

  it('replicas are 1 unless they are set, also to 0', () => {
    expect(replicasOf(web)).toBe(1);
    expect(replicasOf(withReplicas(web, 0))).toBe(0);
    expect(withReplicas(web, 3)).toEqual({ ...web, spec: { ...(web['spec'] as object), replicas: 3 } });
    expect(replicasOf(web)).toBe(1);
  });

  it('missing parts are empty', () => {
    const bare = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } };
    expect([templateLabels(bare), selectorOf(bare)]).toEqual([{}, {}]);
  });
});

describe('the record of the roles', () => {
  const at = { file: 'app.yml', line: 1, column: 1 };
  const resource = (object: KubeObject): Resource => ({ object, at, positionOf: () => at });
  const own = (role: string) => [
    resource(deployment(`worker-${role}`, { app: 'worker', role })),
    resource(deployment(`web-${role}`, labelsOf(role))),
    resource(service(labelsOf(role), `web-test-${role}`)),
  ];

  it('has the labels of the pods that users reach, the Deployments and the test Service', () => {
    const resources = {
      of: { blue: own('blue'), green: own('green') },
      publicService: { blue: resource(service(labelsOf('blue'))), green: resource(service(labelsOf('green'))) },
      testService: { blue: 'web-test-blue' },
      shared: [],
    };
    const deployments = (role: string) => [deployment(`worker-${role}`, {}), deployment(`web-${role}`, {})].map(refOf);
    expect(roleRecords(resources)).toEqual({
      blue: { podLabels: labelsOf('blue'), deployments: deployments('blue'), testService: 'web-test-blue' },
      green: { podLabels: labelsOf('green'), deployments: deployments('green') },
    });
  });

  it('has the labels of the first Deployment when the Service selects none', () => {
    const resources = { of: { blue: own('blue') }, publicService: {}, testService: {}, shared: [] };
    expect(roleRecords(resources)['blue']).toMatchObject({ podLabels: { app: 'worker', role: 'blue' } });
  });

  it('is empty for a role without objects', () => {
    const resources = { of: { blue: [] }, publicService: {}, testService: {}, shared: [] };
    expect(roleRecords(resources)).toEqual({ blue: { podLabels: {}, deployments: [] } });
  });
});

describe('the changes of a workload since it was verified', () => {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web-green', namespace: 'shop' };
  const verified = { ref, uid: 'u1', generation: 2, templateHash: 'abc' };
  const live = (metadata: object): KubeObject => ({ ...ref, metadata: { ...ref, ...metadata } });

  it.each([
    ['nothing', live({ uid: 'u1', generation: 2 }), []],
    ['it was deleted', undefined, ['Deployment shop/web-green is gone']],
    ['it was recreated', live({ uid: 'u2', generation: 2 }), ['Deployment shop/web-green was deleted and recreated']],
    [
      'it was edited',
      live({ uid: 'u1', generation: 3 }),
      ['Deployment shop/web-green was changed: generation 3, verified was 2'],
    ],
    [
      'it says no generation',
      live({ uid: 'u1' }),
      ['Deployment shop/web-green was changed: generation 0, verified was 2'],
    ],
  ])('%s', (_what, now, reasons) => {
    expect(changesSinceVerified(verified, now)).toEqual(reasons);
  });
});

const publicService = { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' };
const state = (more: Partial<ReleaseState> = {}): ReleaseState => ({
  ...newState('web', 'blue-green'),
  publicService,
  roleNames: roles,
  roles: {
    blue: { podLabels: podLabels.blue, deployments: [], revision: 1 },
    green: { podLabels: podLabels.green, deployments: [], revision: 2 },
  },
  ...more,
});
const on = (role: 'blue' | 'green'): Extract<Active, { kind: 'role' }> => ({
  kind: 'role',
  role,
  idle: otherRole(roles, role),
});
const switching = (role: string, revision: number) => ({ kind: 'switch', role, revision, run: 'x' }) as const;

describe('the role that users leave when green is promoted', () => {
  const none: Active = { kind: 'none' };

  it.each<[string, ReleaseState, Active, string | undefined]>([
    ['is none before the first release', state(), none, undefined],
    ['is blue, as the record says', state({ current: 1 }), on('blue'), 'blue'],
    ['is blue, which was live before the first release', state(), on('blue'), 'blue'],
    [
      'is blue after a killed run that had switched already',
      state({ current: 1, operation: switching('green', 2) }),
      on('green'),
      'blue',
    ],
    [
      'is none after a killed run that had created the first Service',
      state({ operation: switching('green', 2) }),
      on('green'),
      undefined,
    ],
    [
      'still on blue: a killed run had not switched yet',
      state({ current: 1, operation: switching('green', 2) }),
      on('blue'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToLeave(recorded, active, 'green')).toBe(expected);
  });

  it.each<[string, ReleaseState, Active, string]>([
    [
      'the Service is gone',
      state({ current: 1 }),
      none,
      'Service shop/web is gone, but revision 1 should be serving through it',
    ],
    [
      'somebody else switched',
      state({ current: 1 }),
      on('green'),
      'Service shop/web selects green already, though nothing was promoted there',
    ],
    [
      'the Service selects a role with another revision',
      state({ current: 7 }),
      on('blue'),
      'Service shop/web selects blue (revision 1), but revision 7 should be serving',
    ],
    [
      'the Service selects a role that never got a revision',
      state({ current: 2, roles: { blue: { podLabels: {}, deployments: [] } } }),
      on('blue'),
      'Service shop/web selects blue (revision unknown), but revision 2 should be serving',
    ],
  ])('is an error when %s', (_what, ...[recorded, active, message]) => {
    const error = errorOf(() => roleToLeave(recorded, active, 'green'));
    expect(error).toMatchObject({ code: 'changed', message });
    expect(error.hint).toContain('stage again');
  });
});

describe('the role that a rollback goes to', () => {
  const staged = (revision: number) => ({ revision, role: 'green', workloads: [] });

  it.each([
    ['to the idle role', state({ current: 2 }), on('green'), 'blue'],
    [
      'to the idle role while a step of another kind is unfinished',
      state({ operation: { ...switching('green', 2), kind: 'finish' } }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has switched',
      state({ staged: staged(2), operation: switching('green', 2) }),
      on('green'),
      'blue',
    ],
    [
      'back where a killed promotion came from, though it has not switched',
      state({ staged: staged(2), operation: switching('green', 2) }),
      on('blue'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has not switched',
      state({ operation: switching('blue', 1) }),
      on('green'),
      'blue',
    ],
    [
      'on where a killed rollback was going, though it has switched',
      state({ operation: switching('blue', 1) }),
      on('blue'),
      'blue',
    ],
  ])('%s', (_where, ...[recorded, active, expected]) => {
    expect(roleToRollBackTo(recorded, active)).toBe(expected);
  });
});

describe('the record that an action starts from', () => {
  it('must exist', async () => {
    await expect(readRelease(stepOn(memoryCluster()))).rejects.toMatchObject({
      code: 'no-revision',
      message: 'There is no release web in namespace shop',
      hint: expect.stringContaining('`cutover-<release>`') as unknown,
    });
  });

  it('must be of a blue/green release where only that can be promoted or rejected', async () => {
    const ctx = stepOn(memoryCluster());
    await ctx.records.writeState(newState('web', 'rolling'));
    await expect(readBlueGreen(ctx, 'promote')).rejects.toMatchObject({
      code: 'input',
      message: 'Release web is deployed by rolling updates, so there is nothing to promote',
    });
    expect(await readRelease(ctx)).toEqual(newState('web', 'rolling'));
  });

  it('must name its roles and its public Service', () => {
    expect(rolesOf(state())).toEqual(roles);
    const bare = newState('web', 'blue-green');
    expect(errorOf(() => rolesOf(bare))).toMatchObject({
      code: 'record',
      message: 'The record of release web does not say which roles it has',
    });
    expect(errorOf(() => roleToLeave(bare, on('blue'), 'green'))).toMatchObject({
      code: 'record',
      message: 'The record of release web does not say which Service is the public one',
    });
  });
});
