import { describe, expect, it } from '@jest/globals';
import { createStore } from '../../sandbox/api/store/memory-store.js';
import { evict } from '../../sandbox/api/writes/eviction.js';

const meta = { namespace: 'default', labels: { app: 'web' } };

/** A ReplicaSet of two running pods, of which so many are ready, and these budgets. */
function given(ready: number, ...specs: readonly object[]) {
  const store = createStore();
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'site:v1' }] } };
  const set = store.create({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { ...meta, name: 'web' },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
  });
  const { uid = '' } = set.metadata;
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true };
  for (const [at, name] of ['web-1', 'web-2'].entries()) {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...meta, name, ownerReferences: [owner] } };
    const made = store.create({ ...pod, spec: template.spec });
    const conditions = [{ type: 'Ready', status: at < ready ? 'True' : 'False' }];
    store.update({ ...made, status: { phase: 'Running', conditions } }, { part: 'status' });
  }
  specs.forEach((spec, at) =>
    store.create({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: `web-${at}`, namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    }),
  );
  return {
    evict: (name: string, uidOf?: string) => evict(store.registry, { namespace: 'default', name }, uidOf),
    left: () =>
      store.list({ apiVersion: 'v1', kind: 'Pod' }, {}).filter(({ metadata }) => !metadata.deletionTimestamp).length,
  };
}

describe('an eviction', () => {
  it.each([
    ['without a budget', []],
    ['within minAvailable', [{ minAvailable: 1 }]],
    ['within maxUnavailable', [{ maxUnavailable: 1 }]],
    ['within a percentage', [{ minAvailable: '50%' }]],
  ])('%s deletes the pod with its own grace', (_what, budgets) => {
    const { evict: ask, left } = given(2, ...budgets);
    ask('web-1');
    expect(left()).toBe(1);
  });

  it.each([
    [{ minAvailable: 2 }, 2],
    [{ minAvailable: '51%' }, 2],
    [{ maxUnavailable: 0 }, 2],
    [{ maxUnavailable: '0%' }, 2],
  ])('is refused beyond the budget %j', (budget, needed) => {
    const { evict: ask, left } = given(2, budget);
    expect(() => ask('web-1')).toThrow("Cannot evict pod as it would violate the pod's disruption budget.");
    try {
      ask('web-1');
    } catch (error) {
      expect(error).toMatchObject({
        code: 429,
        status: {
          reason: 'TooManyRequests',
          details: {
            causes: [
              {
                reason: 'DisruptionBudget',
                message: `The disruption budget web-0 needs ${needed} healthy pods and has 2 currently`,
              },
            ],
          },
        },
      });
    }
    expect(left()).toBe(2);
  });

  it('of a pod that is not ready takes nothing from the budget', () => {
    const { evict: ask, left } = given(1, { minAvailable: 1 });
    expect(() => ask('web-1')).toThrow('Cannot evict');
    ask('web-2');
    expect(left()).toBe(1);
  });

  it('is refused where two budgets cover the pod', () => {
    expect(() => given(2, { minAvailable: 0 }, { minAvailable: 0 }).evict('web-1')).toThrow(
      'This pod has more than one PodDisruptionBudget',
    );
  });

  it('is refused for another pod of the same name, and for one that is gone', () => {
    expect(() => given(2).evict('web-1', 'another')).toThrow('UID in the precondition (another) does not match');
    expect(() => given(2).evict('web-3')).toThrow('not found');
  });
});
