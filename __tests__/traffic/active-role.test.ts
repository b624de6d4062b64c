import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Roles } from '../../src/inputs/inputs.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { Resource } from '../../src/manifests/resource.js';
import { decideActive, otherRole, roleRecords, type PodLabels } from '../../src/traffic/active-role.js';

const roles: Roles = ['blue', 'green'];
const labelsOf = (role: string) => ({ app: 'web', role });
const podLabels = { blue: [labelsOf('blue')], green: [labelsOf('green')] };
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
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } } },
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
    const labels = { blue: [{ app: 'web', 'pod-template-hash': 'abc' }], green: [labelsOf('green')] };
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
      'Add to its selector the label of the role that serves users now: role=blue (blue) or role=green (green); ',
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
      publicServices: { blue: [resource(service(labelsOf('blue')))], green: [resource(service(labelsOf('green')))] },
      testService: { blue: 'web-test-blue' },
      shared: [],
    };
    const deployments = (role: string) => [deployment(`worker-${role}`, {}), deployment(`web-${role}`, {})].map(refOf);
    expect(roleRecords(resources)).toEqual({
      blue: { podLabels: [labelsOf('blue')], deployments: deployments('blue'), testService: 'web-test-blue' },
      green: { podLabels: [labelsOf('green')], deployments: deployments('green') },
    });
  });

  it('has the labels of the first Deployment when the Service selects none', () => {
    const resources = { of: { blue: own('blue') }, publicServices: {}, testService: {}, shared: [] };
    expect(roleRecords(resources)['blue']).toMatchObject({ podLabels: [{ app: 'worker', role: 'blue' }] });
  });

  it('is empty for a role without objects', () => {
    const resources = { of: { blue: [] }, publicServices: {}, testService: {}, shared: [] };
    expect(roleRecords(resources)).toEqual({ blue: { podLabels: [], deployments: [] } });
  });
});
