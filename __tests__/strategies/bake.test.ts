import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { fieldAt } from '../../src/kubernetes/fields.js';
import { breakPods } from '../support/cluster/run-controllers.js';
import {
  autoscalerRef,
  closeReleases,
  failureOf,
  killed,
  leaseRef,
  releaseAfter,
  roleManifests,
  served,
  serviceRef,
  setReplicas,
  staged,
  stateOf,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const baking = { bakeMs: 100_000, drainMs: 7_000 } as const;
const green = ['site:v2', 'site:v2'];
const blue = ['site:v1', 'site:v1'];

/** What happens before the first wait of the bake, of which 30 s are over then. */
function duringBake(release: WebRelease, happens: () => void): void {
  let isDone = false;
  release.cluster.before = call => {
    // The drain is over.
    if (isDone || call !== 'GET Service shop/web' || !release.ctx().clock.waited.includes(30_000)) return;
    isDone = true;
    happens();
  };
}

const lowerBound = ({ cluster: { store } }: WebRelease): unknown =>
  fieldAt(store.get(autoscalerRef('web-blue')), ['spec', 'minReplicas']);

const sentBack = {
  outcome: {
    serving: { kind: 'switched-back', to: { role: 'blue', revision: 1 } },
    ...{ activeRole: 'blue', stagedRole: 'green' },
  },
};

function expectSentBack(release: WebRelease): void {
  expect([served(release.cluster), unfinished(release.cluster)]).toEqual([blue, '-']);
  expect(stateOf(release.cluster)).toMatchObject({ current: 1, staged: { revision: 2, role: 'green' } });
  expect(stateOf(release.cluster)?.history[0]).toMatchObject({ revision: 2, outcome: 'failed' });
}

describe('a promotion with a bake', () => {
  it('repeats the public checks after the drain until the time is over, and is on record then', async () => {
    const release = await staged();
    const rounds: unknown[] = [];
    release.answer = ({ kind }) => {
      if (kind === 'Service') rounds.push([unfinished(release.cluster), [...release.ctx().clock.waited]]);
      return 200;
    };
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched', activeRole: 'green' });
    expect(rounds).toEqual([
      ['switch', []],
      ['switch', [7_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000, 30_000]],
      ['switch', [7_000, 30_000, 30_000, 30_000, 10_000]],
    ]);
    expect([served(release.cluster), unfinished(release.cluster)]).toEqual([green, '-']);
  });

  it('says how far it is', async () => {
    const release = await staged();
    await release.promote(baking);
    expect(release.ctx().log.lines.filter(line => line.includes('Baking'))).toEqual([
      'Baking green for 1m40s: its checks are repeated, and a failure sends users back',
      'Baking green: 1m10s left, round 1 of checks passed',
      'Baking green: 40s left, round 2 of checks passed',
      'Baking green: 10s left, round 3 of checks passed',
    ]);
  });

  it('sends users back when a check fails', async () => {
    const release = await staged();
    duringBake(release, () => (release.answer = () => 500));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'verify' }, ...sentBack });
    expectSentBack(release);
  });

  it('sends users back when the new version loses its pods', async () => {
    const release = await staged();
    duringBake(release, () => breakPods(release.cluster, { app: 'web', role: 'green' }));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'switch' }, ...sentBack });
    expectSentBack(release);
  });

  it('sends users back when it is cancelled', async () => {
    const release = await staged();
    const cancel = new AbortController();
    release.signal = cancel.signal;
    duringBake(release, () => cancel.abort(new CutoverError('cancelled', { code: 'cancelled' })));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({
      ...{ error: { code: 'cancelled' }, ...sentBack },
    });
    expectSentBack(release);
  });

  it('leaves users where somebody else has led them', async () => {
    const release = await staged();
    const { store } = release.cluster;
    duringBake(release, () => {
      const live = store.get(serviceRef('web'))!;
      store.update({ ...live, spec: { ...(live['spec'] as object), selector: { app: 'web', role: 'blue' } } });
    });
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({
      error: { code: 'changed', message: 'Service shop/web was changed during the bake: it leads users elsewhere' },
    });
    expect(release.cluster.writes().filter(call => call === 'APPLY Service shop/web')).toHaveLength(1);
  });

  it('that is killed is undone by its post step', async () => {
    const release = await staged();
    duringBake(release, () => {
      release.cluster.before = () => {
        throw killed;
      };
      throw killed;
    });
    await failureOf(release.promote(baking));
    expect(unfinished(release.cluster)).toBe('switch');
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored' });
    expectSentBack(release);
  });

  it('that is killed with its runner is repeated by the same step, and a failure still sends users back', async () => {
    const release = await staged();
    duringBake(release, () => {
      release.cluster.before = () => {
        throw killed;
      };
      throw killed;
    });
    await failureOf(release.promote(baking));
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
    duringBake(release, () => (release.answer = () => 500));
    await expect(failureOf(release.promote(baking))).resolves.toMatchObject({ error: { code: 'verify' } });
    expectSentBack(release);
    release.answer = () => 200;
    release.cluster.before = () => undefined;
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched', activeRole: 'green' });
  });

  it('closes connections before the bake, and only once', async () => {
    const release = await staged();
    const evicted: unknown[] = [];
    release.cluster.before = call => {
      if (call.startsWith('EVICT')) evicted.push(unfinished(release.cluster));
    };
    const outcome = await release.promote({ ...baking, closeConnections: 'auto' });
    expect(outcome.serving).toMatchObject({ idle: { kind: 'kept', connections: { kind: 'closed', pods: 2 } } });
    expect(evicted).toEqual(['switch', 'switch']);
  });

  it('is as long after a first release, for which there is no way back', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await expect(release.promote(baking)).resolves.toMatchObject({ outcome: 'switched' });
    expect(release.ctx().clock.waited).toEqual([30_000, 30_000, 30_000, 10_000]);
  });
});

describe('the old role during a bake', () => {
  /** Users are on blue with four pods, of which the autoscaler needs two only. */
  const four = releaseAfter(async release => {
    await release.stage(roleManifests('v1'));
    await release.promote();
    setReplicas(release.cluster, 'web-blue', 4);
    await release.stage(roleManifests('v2'));
  });

  it('keeps its size: its autoscaler takes no pods away, and is as recorded afterwards', async () => {
    const release = await four();
    const seen: unknown[] = [];
    duringBake(release, () => seen.push(lowerBound(release)));
    await release.promote(baking);
    expect([seen, lowerBound(release)]).toEqual([[4], 2]);
  });

  it('has its autoscaler back as recorded when users are', async () => {
    const release = await four();
    duringBake(release, () => (release.answer = () => 500));
    await failureOf(release.promote(baking));
    expect(lowerBound(release)).toBe(2);
  });
});
