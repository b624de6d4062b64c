import { afterEach, describe, expect, it } from '@jest/globals';
import { mergedChanges } from '../../src/strategies/outcome/changes.js';
import { FailedStep, type ObjectChange, type Outcome } from '../../src/strategies/outcome/outcome.js';
import {
  closeReleases,
  configRef,
  deploymentRef,
  failureOf,
  plainManifests,
  refuseWrites,
  releaseAfter,
  roleManifests,
  serviceRef,
  webRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const down = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;

/** Users are on blue, revision 1; revision 2 is staged on green. */
const staged = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
});

/** Users are on green, revision 2; blue was scaled to zero. */
const switched = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote(down);
});

const told = ({ changes }: Pick<Outcome, 'changes'>): readonly string[] =>
  changes.map(({ ref, change }) => `${ref.kind} ${ref.name} ${change}`);

async function toldByFailure(work: Promise<unknown>): Promise<readonly string[]> {
  const failed = await failureOf(work);
  if (failed instanceof FailedStep) return told(failed.outcome);
  throw failed;
}

describe('a step that failed lists as restored what is as it was before', () => {
  it('of a rolling deploy', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    release.answer = () => 500;
    expect(await toldByFailure(release.deploy(plainManifests('v2')))).toEqual([
      'ConfigMap settings restored',
      'Deployment web restored',
      'Service web unchanged',
    ]);
  });

  it('also what it had created, which is gone again', async () => {
    const release = webRelease();
    release.answer = () => 500;
    expect(await toldByFailure(release.deploy(plainManifests('v1')))).toEqual([
      'ConfigMap settings restored',
      'Deployment web restored',
      'Service web restored',
    ]);
    const { store } = release.cluster;
    expect([configRef('settings'), deploymentRef('web'), serviceRef('web')].map(ref => store.get(ref))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('and as changed what could not be restored', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    release.answer = () => 500;
    // The fifth write is the ConfigMap's, after Lease, revision, record, and ConfigMap and Deployment: its restore is the sixth.
    refuseWrites(release.cluster, 6);
    expect(await toldByFailure(release.deploy(plainManifests('v2')))).toEqual([
      'ConfigMap settings changed',
      'Deployment web restored',
      'Service web unchanged',
    ]);
  });

  it('and nothing where the record could not be written before the first object', async () => {
    const release = webRelease();
    refuseWrites(release.cluster, 2);
    expect(await toldByFailure(release.deploy(plainManifests('v1')))).toEqual([]);
  });

  it('of a staging, the autoscaler that it had deleted included', async () => {
    const release = await switched();
    await release.rollback();
    release.answer = () => 500;
    // Users are on blue again, and green keeps its autoscaler.
    expect(await toldByFailure(release.stage(roleManifests('v3')))).toEqual([
      'HorizontalPodAutoscaler web-green restored',
      'ConfigMap web-green restored',
      'Deployment web-green restored',
    ]);
  });

  it('of a switch whose users were sent back, after what a deploy had staged before', async () => {
    const release = webRelease();
    await release.go(roleManifests('v1'));
    release.answer = ({ kind, name }) => (kind === 'Service' && name === 'web' ? 500 : 200);
    expect(await toldByFailure(release.go(roleManifests('v2')))).toEqual([
      'ConfigMap web-green created',
      'Deployment web-green created',
      'Service web restored',
    ]);
  });
});

describe('a change of strategy that failed', () => {
  it('lists as restored what is as before: to rolling', async () => {
    const release = await switched();
    release.answer = () => 500;
    const lines = await toldByFailure(release.deploy(plainManifests('v3')));
    expect(lines).toContain('Deployment web restored');
    expect(lines).toContain('Deployment web-blue restored');
    // Users never left it.
    expect(lines.filter(line => line.includes('web-green'))).toEqual([]);
    expect(lines.filter(line => !/ (?:restored|unchanged)$/.test(line))).toEqual([]);
  });

  it('lists the adoption, which stays, and the staging as restored', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    release.answer = () => 500;
    const lines = await toldByFailure(release.go(plainManifests('v2')));
    expect(lines).toContain('Deployment web-blue created');
    expect(lines).toContain('Deployment web-green restored');
  });

  it('lists as changed what the adoption has changed, also where the switch after it is taken back', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    release.answer = ({ kind, name }) => (kind === 'Service' && name === 'web' ? 500 : 200);
    const lines = await toldByFailure(release.go(plainManifests('v2')));
    // The adoption has narrowed it to a role, and that stays.
    expect(lines).toContain('Service web changed');
    expect(lines.filter(line => line.startsWith('Service web '))).toHaveLength(1);
  });
});

describe('a switch lists all that it changes', () => {
  it('at a promotion: the autoscaler that it makes, and what it does to the role that users left', async () => {
    const release = await staged();
    expect(told(await release.promote(down))).toEqual([
      'Service web changed',
      'HorizontalPodAutoscaler web-green created',
      'HorizontalPodAutoscaler web-blue deleted',
      'Deployment web-blue changed',
    ]);
  });

  it('at a rollback: the role that it brings up, too', async () => {
    const release = await switched();
    expect(told(await release.rollback())).toEqual([
      'Deployment web-blue changed',
      'Service web changed',
      'HorizontalPodAutoscaler web-blue created',
    ]);
  });

  it('when the work after it fails', async () => {
    const release = await staged();
    release.cluster.before = call => {
      if (call === 'APPLY Deployment shop/web-blue') throw new Error('no answer');
    };
    expect(await toldByFailure(release.promote(down))).toEqual([
      'Service web changed',
      'HorizontalPodAutoscaler web-green created',
      'HorizontalPodAutoscaler web-blue deleted',
    ]);
  });

  it('together with the staging before it', async () => {
    const release = await switched();
    await release.rollback();
    expect(told(await release.go(roleManifests('v3')))).toEqual([
      'HorizontalPodAutoscaler web-green recreated',
      'ConfigMap web-green changed',
      'Deployment web-green changed',
      'Service web changed',
    ]);
  });
});

describe('two changes of one object', () => {
  const one = (change: ObjectChange['change']): readonly ObjectChange[] => [{ ref: configRef('settings'), change }];
  it.each([
    ['unchanged', 'changed', 'changed'],
    ['changed', 'unchanged', 'changed'],
    ['created', 'changed', 'created'],
    ['changed', 'deleted', 'deleted'],
    ['deleted', 'created', 'recreated'],
    ['recreated', 'changed', 'recreated'],
    ['changed', 'restored', 'restored'],
    ['created', 'deleted', undefined],
  ] as const)('%s and %s are told as %s', (before, after, both) => {
    expect(mergedChanges(one(before), one(after))).toEqual(both === undefined ? [] : one(both));
  });
});
