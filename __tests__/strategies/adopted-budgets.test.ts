import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { selectorMatches } from '../../src/kubernetes/selectors.js';
import { idle } from '../support/cluster/run-controllers.js';
import { liveDeployment as old, liveService as service } from '../support/strategies/live-web.js';
import {
  closeReleases,
  denied,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  served,
  stateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const inShop = { namespace: 'shop' };
const labels = { app: 'web' };
const kubectl = 'kubectl-client-side-apply';
const budgetKind = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
const budget = (name: string, owner?: string): KubeObject => ({
  ...budgetKind,
  metadata: { name, ...inShop, ...(owner !== undefined && { annotations: { 'cutover/release': owner } }) },
  spec: { minAvailable: 1, selector: { matchLabels: labels } },
});
const withBudget = (version: string): string =>
  `${plainManifests(version)}---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`;

/** An application with one budget that somebody applied with kubectl; its pods are ready and nothing is on record. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, old, service, budget('web'));
  await idle();
});

const v1 = ['site:v1', 'site:v1'];
const v2 = ['site:v2', 'site:v2'];
const budgetsIn = ({ cluster: { store } }: WebRelease) => store.list({ ...budgetKind, ...inShop });
const budgets = (release: WebRelease) => budgetsIn(release).map(({ metadata }) => metadata.name);
const deployments = ({ cluster: { store } }: WebRelease) =>
  store.list({ apiVersion: 'apps/v1', kind: 'Deployment', ...inShop }).map(({ metadata }) => metadata.name);
/** The most budgets that cover one pod. Two forbid every eviction of it. */
const mostOnAPod = (release: WebRelease): number => {
  const pods = release.cluster.store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop });
  const covers = (one: KubeObject, { metadata }: KubeObject) =>
    selectorMatches((one['spec'] as { selector: object }).selector, metadata.labels ?? {});
  return Math.max(0, ...pods.map(pod => budgetsIn(release).filter(one => covers(one, pod)).length));
};

/** Looks at the budgets before every call, which `then` may act on. */
function watchBudgets(release: WebRelease, then: (call: string) => void = () => undefined): { most: number } {
  const seen = { most: 0 };
  release.cluster.before = call => {
    seen.most = Math.max(seen.most, mostOnAPod(release));
    then(call);
  };
  return seen;
}

/** As `watchBudgets`, beside what the cluster does before a call already. */
function alsoWatchBudgets(release: WebRelease): { most: number } {
  return watchBudgets(release, release.cluster.before);
}

/** The lock of a run that was killed has run out. */
function expireLock({ cluster }: WebRelease): void {
  cluster.before = () => undefined;
  if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
}

describe('the budget of an adopted Deployment', () => {
  it.each([
    ['that the manifests do not have', plainManifests, ['web-blue']],
    ['that the manifests have, too', withBudget, ['web-blue', 'web-green']],
  ])('%s goes with the adoption, and the Deployment with the promotion', async (_what, manifests, kept) => {
    const release = await live();
    const { cluster } = release;
    const seen = watchBudgets(release);
    await release.stage(manifests('v2'));
    expect([budgets(release), served(cluster)]).toEqual([kept, v1]);
    expect(deployments(release)).toEqual(['web', 'web-blue', 'web-green']);
    await release.promote();
    expect([budgets(release), served(cluster)]).toEqual([kept, v2]);
    expect(deployments(release)).toEqual(['web-blue', 'web-green']);
    expect(stateOf(cluster)).not.toHaveProperty('adopted');
    await release.rollback();
    await release.stage(manifests('v3'));
    await release.promote();
    expect([budgets(release), deployments(release)]).toEqual([kept, ['web-blue', 'web-green']]);
    expect(seen.most).toBe(1);
  });

  it.each([8, 9, 10, 11, 12])('goes when the adoption was killed at write %i and is run again', async n => {
    const release = await live();
    const { cluster } = release;
    killAtWrite(cluster, n);
    const first = alsoWatchBudgets(release);
    await endOf(release.stage(withBudget('v2')));
    expireLock(release);
    const second = watchBudgets(release);
    await release.stage(withBudget('v2'));
    expect([budgets(release), served(cluster), unfinished(cluster)]).toEqual([['web-blue', 'web-green'], v1, '-']);
    await release.promote();
    expect([deployments(release), unfinished(cluster)]).toEqual([['web-blue', 'web-green'], '-']);
    expect([first.most, second.most]).toEqual([1, 1]);
  });

  it.each(['REMOVE PodDisruptionBudget shop/web', 'REMOVE Deployment shop/web'])(
    'is tried again when `%s` was refused',
    async refused => {
      const release = await live();
      const { cluster } = release;
      const writes: string[] = [];
      const seen = watchBudgets(release, call => {
        writes.push(call);
        if (call === refused && !writes.slice(0, -1).includes(refused)) throw denied;
      });
      await endOf(release.stage(withBudget('v2')));
      if (stateOf(cluster)?.operation !== undefined) await release.stage(withBudget('v2'));
      await endOf(release.promote());
      if (stateOf(cluster)?.operation !== undefined) await release.promote();
      expect(writes.filter(call => call === refused)).toHaveLength(2);
      expect([served(cluster), unfinished(cluster)]).toEqual([v2, '-']);
      expect([budgets(release), deployments(release)]).toEqual([
        ['web-blue', 'web-green'],
        ['web-blue', 'web-green'],
      ]);
      expect(seen.most).toBe(1);
    },
  );

  it('stays if it belongs to another release, and the role gets none beside it', async () => {
    const release = await live();
    const { cluster } = release;
    cluster.store.remove(refOf(budget('web')));
    cluster.given(budget('web', 'other'));
    const seen = watchBudgets(release);
    await release.stage(plainManifests('v2'));
    expect([budgets(release), served(cluster), seen.most]).toEqual([['web'], v1, 1]);
  });

  /** The adoption is run again, and users go to the other role and back. */
  async function expectNoneBeside(release: WebRelease): Promise<void> {
    const { cluster } = release;
    const seen = watchBudgets(release);
    await release.stage(plainManifests('v2'));
    expect([budgets(release), served(cluster), unfinished(cluster)]).toEqual([['web'], v1, '-']);
    await release.promote();
    // The recorded revision has no budget either: a rollback would create it.
    await release.rollback();
    expect([budgets(release), served(cluster), seen.most]).toEqual([['web'], v1, 1]);
  }

  it('stays if somebody creates it anew right before it would go, and the role gets none beside it', async () => {
    const release = await live();
    const { cluster } = release;
    cluster.before = call => {
      if (call !== 'REMOVE PodDisruptionBudget shop/web') return;
      cluster.before = () => undefined;
      cluster.store.remove(refOf(budget('web')));
      cluster.given(budget('web'));
    };
    await endOf(release.stage(plainManifests('v2')));
    await expectNoneBeside(release);
  });

  it('stays if somebody creates it anew after the run was killed that deleted it, and the role gets none beside it', async () => {
    const release = await live();
    const { cluster } = release;
    // The write that would create the budget of the role.
    killAtWrite(cluster, 9);
    await endOf(release.stage(plainManifests('v2')));
    expireLock(release);
    expect(budgets(release)).toEqual([]);
    cluster.given(budget('web'));
    await expectNoneBeside(release);
  });
});

describe('a budget of somebody else that covers the pods of a role', () => {
  const twoBudgets = (owner: string) => ({
    code: 'rejected-plan',
    message: 'Pods would have two disruption budgets, which forbid every eviction; nothing was changed',
    problems: [
      {
        message: `PodDisruptionBudget shop/web-green and PodDisruptionBudget shop/all${owner} would both cover the pods of Deployment shop/web-green`,
        at: expect.objectContaining({ file: 'app.yml' }) as unknown,
      },
    ],
  });

  it('is named with the budget of the role, which is not staged', async () => {
    const release = await live();
    await release.stage(withBudget('v2'));
    await release.promote();
    await release.rollback();
    release.cluster.given(budget('all', 'platform'));
    await expect(endOf(release.stage(withBudget('v3')))).resolves.toMatchObject(twoBudgets(' of release platform'));
    expect(release.cluster.writes()).toEqual([]);
  });

  it('is no obstacle where the manifests have no budget, or when it covers other pods', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(plainManifests('v2'));
    cluster.given({ ...budget('all'), spec: { minAvailable: 1, selector: { matchLabels: { app: 'other' } } } });
    await expect(release.stage(withBudget('v3'))).resolves.toMatchObject({ outcome: 'staged' });
  });

  it('is named before anything is adopted', async () => {
    const release = await live();
    const { cluster } = release;
    cluster.store.remove(refOf(budget('web')));
    cluster.given(budget('all', 'platform'));
    await expect(endOf(release.stage(withBudget('v2')))).resolves.toMatchObject(twoBudgets(' of release platform'));
    expect([cluster.writes(), deployments(release)]).toEqual([[], ['web']]);
  });

  it('is not looked for without the right to list budgets, which is told', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(withBudget('v2'));
    const forbidden = new CutoverError('no right to list budgets', { code: 'forbidden' });
    cluster.before = call => {
      if (call.startsWith('LIST PodDisruptionBudget')) throw forbidden;
    };
    await expect(release.stage(withBudget('v3'))).resolves.toMatchObject({ outcome: 'staged' });
    expect(release.ctx().log.lines).toContain(
      'It is not known whether another budget covers the pods of this release: no right to list budgets',
    );
  });
});

describe('the adopted Deployment', () => {
  it.each(['REMOVE Deployment shop/web', 'REPLACE Secret shop/cutover-web'])(
    'goes when the promotion was killed at the last `%s`, and is run again',
    async last => {
      const release = await live();
      const { cluster } = release;
      await release.stage(plainManifests('v2'));
      let isSwitched = false;
      let isDead = false;
      cluster.before = call => {
        isSwitched ||= call === 'REMOVE Deployment shop/web';
        isDead ||= isSwitched && call === last;
        if (isDead) throw denied;
      };
      await endOf(release.promote());
      expect([isDead, served(cluster), unfinished(cluster)]).toEqual([true, v2, 'finish']);
      expireLock(release);
      await release.promote();
      expect([deployments(release), served(cluster), unfinished(cluster)]).toEqual([
        ['web-blue', 'web-green'],
        v2,
        '-',
      ]);
    },
  );
});
