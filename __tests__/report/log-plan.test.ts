import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import type { Resource } from '../../src/manifests/resource.js';
import type { PlannedChange } from '../../src/plan/change.js';
import { logPlan } from '../../src/report/log-plan.js';
import { changesOf } from '../../src/strategies/outcome/changes.js';
import { listLog } from '../support/log.js';

const object = (kind: string, name: string, data?: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop' },
  ...(data && { data }),
});
const at = { file: 'app.yml', line: 1, column: 1 };
const resource = (wanted: KubeObject): Resource => ({ object: wanted, at, positionOf: () => at });
const planned = (change: PlannedChange['change'], wanted: KubeObject, live?: KubeObject): PlannedChange => ({
  resource: resource(wanted),
  change,
  ...(live && { live }),
});

describe('the log of a plan', () => {
  const checked = (one: PlannedChange): PlannedChange => ({ ...one, after: one.resource.object });
  const old = object('ConfigMap', 'b', { KEY: 'old' });
  const secret = object('Secret', 'd', { KEY: 'b2xk' });
  const plan = [
    checked(planned('unchanged', object('ConfigMap', 'a'))),
    checked(planned('changed', object('ConfigMap', 'b', { KEY: 'new' }), old)),
    checked(planned('created', object('Secret', 'c'))),
    checked(planned('changed', object('Secret', 'd', { KEY: 'bmV3' }), secret)),
    checked(planned('recreated', object('Job', 'e', { KEY: 'new' }), object('Job', 'e', { KEY: 'old' }))),
    planned('created', object('ConfigMap', 'f')),
    planned('changed', object('ConfigMap', 'g'), object('ConfigMap', 'g')),
    { ...checked(planned('changed', old, old)), from: ['kubectl-client-side-apply', 'helm'] },
  ];

  it('has every object that changes, field by field, and the number of those that do not', () => {
    const log = listLog();
    logPlan(log, plan);
    expect(log.lines).toEqual([
      'ConfigMap shop/b: to be changed',
      '  data.KEY: "old" → "new"',
      'Secret shop/c: to be created',
      'Secret shop/d: to be changed',
      '  data.KEY: *** → ***',
      'Job shop/e: to be recreated (deleted and recreated, since it cannot be changed)',
      '  data.KEY: "old" → "new"',
      'ConfigMap shop/f: to be created (not checked: what it needs is created by this deploy)',
      'ConfigMap shop/g: to be changed (not checked: a webhook of the cluster does not support dry run)',
      'ConfigMap shop/b: to be changed, and taken over from kubectl-client-side-apply and helm: fields that only they had set are removed',
      expect.stringMatching(/^What objects get beside their manifests, .*docs\/leaving\.md$/),
      '2 to create, 4 to change, 1 to delete and recreate, 1 unchanged',
    ]);
  });

  it('counts the fields beyond the twentieth', () => {
    const keys = Array.from({ length: 23 }, (_, index) => `KEY${index + 10}`);
    const data = (value: string): object => Object.fromEntries(keys.map(key => [key, value]));
    const log = listLog();
    logPlan(log, [
      checked(planned('changed', object('ConfigMap', 'b', data('new')), object('ConfigMap', 'b', data('old')))),
    ]);
    expect(log.lines).toHaveLength(23);
    expect(log.lines.at(-2)).toBe('  and 3 more fields');
  });

  it('is also in the outputs, with every object', () => {
    expect(changesOf(plan).map(({ ref, change }) => `${ref.name} ${change}`)).toEqual([
      'a unchanged',
      'b changed',
      'c created',
      'd changed',
      'e recreated',
      'f created',
      'g changed',
      'b changed',
    ]);
  });
});
