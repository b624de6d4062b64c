import { afterEach, describe, expect, it } from '@jest/globals';
import { describeServing } from '../../src/report/serving.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import { falseWords } from '../support/strategies/kills.js';
import { leftLines } from '../support/strategies/left-lines.js';
import { promoted, select, site, staged } from '../support/strategies/switched-by-others.js';
import {
  application,
  closeReleases,
  endOf,
  failureOf,
  served,
  stateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Somebody else leads users to a role. */
const leadTo = (web: WebRelease, role: string): void => select(web, { app: 'web', role });

const config = 'APPLY ConfigMap shop/web-blue';
const deployment = 'APPLY Deployment shop/web-blue';

describe('a staging during which somebody leads users to the role that it stages on', () => {
  it.each([
    [config, [config], 'v1'],
    [deployment, [config, deployment], 'v3'],
  ])('writes nothing more to the role, and fails, when that happens at %s', async (at, writes, version) => {
    const web = await promoted();
    const { cluster } = web;
    cluster.before = call => {
      if (call === at) leadTo(web, 'blue');
    };
    const end = await endOf(web.stage(site('v3')));
    await idle();
    expect(cluster.writes().filter(write => !write.includes('cutover-web'))).toEqual(writes);
    expect(served(cluster)).toEqual([`site:${version}`, `site:${version}`]);
    expect(end).toBeInstanceOf(FailedStep);
    const { error, outcome } = end as FailedStep;
    expect(error).toMatchObject({ code: 'changed', message: 'Service shop/web leads users to blue now' });
    expect(describeServing(outcome.serving)).toMatch(/^Users are on blue: the public Service leads there now\./);
    expect(outcome).toMatchObject({ activeRole: 'blue', idleRole: 'green' });
    // With its last write it is staged, and on record as that.
    const isOver = at === deployment;
    expect([unfinished(cluster), stateOf(cluster)]).toMatchObject(
      isOver ? ['-', { staged: { revision: 3, role: 'blue' } }] : ['stage', { roles: { blue: { revision: 1 } } }],
    );
    cluster.before = () => undefined;
    if (!isOver) {
      // A staging on the other role would forget what is on this one.
      await expect(failureOf(web.stage(site('v4')))).resolves.toMatchObject({
        ...{ code: 'changed', message: expect.stringContaining('where the staging of revision 3 was never finished') },
      });
      expect(error.hint).toContain('`action: rollback` leaves users on blue, and restores revision 1 there;');
      expect(error.hint).not.toContain('Run this step again');
      expect(unfinished(cluster)).toBe('stage');
    }
    leadTo(web, 'green');
    await idle();
    await expect(web.stage(site('v4'), { forceConflicts: true })).resolves.toMatchObject({
      ...{ outcome: 'staged', activeRole: 'green', stagedRole: 'blue' },
    });
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v2', 'site:v2'], '-']);
  });

  it('leaves nothing unfinished if it had written nothing yet, also with rollback-on-failure: false', async () => {
    const web = await promoted();
    const { cluster } = web;
    const before = application(cluster);
    cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web') leadTo(web, 'blue');
    };
    await expect(failureOf(web.stage(site('v3'), { rollbackOnFailure: false }))).resolves.toMatchObject({
      error: { code: 'changed', hint: expect.stringContaining('Run this step again') as unknown },
    });
    cluster.before = () => undefined;
    leadTo(web, 'green');
    expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
  });

  it.each([
    ['a staging', promoted],
    ['one that finds the role staged already', staged],
  ])('does not say that the role is staged when that happens during the checks of %s', async (_what, given) => {
    const web = await given();
    web.answer = () => {
      leadTo(web, 'blue');
      return 200;
    };
    const end = await endOf(web.stage(site('v3')));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v3', 'site:v3']);
    expect(end).toBeInstanceOf(FailedStep);
    const { error, outcome } = end as FailedStep;
    expect(error).toMatchObject({ code: 'changed' });
    expect(describeServing(outcome.serving)).toMatch(/^Users are on blue: the public Service leads there now\./);
    expect(outcome).toMatchObject({ activeRole: 'blue', idleRole: 'green', checks: [{ verdict: 'pass' }] });
    // A role that users are on is not rejected.
    expect(outcome).not.toHaveProperty('rollbackHint');
    expect(falseWords(web, end)).toEqual([]);
    // It is on record as staged, so that the next step knows what users are on.
    expect([unfinished(web.cluster), stateOf(web.cluster)]).toMatchObject([
      ...['-', { staged: { revision: 3, role: 'blue' } }],
    ]);
    web.answer = () => 200;
    const next = await web.stage(site('v4'), { forceConflicts: true });
    expect(describeServing(next.serving)).toMatch(/^Users are on blue, revision 3, as before\./);
  });

  it('does not say that the role is staged when the Service leads to both roles by then', async () => {
    const web = await promoted();
    web.answer = () => {
      select(web, { app: 'web' });
      return 200;
    };
    const end = await endOf(web.stage(site('v3')));
    expect(end).toMatchObject({ error: { code: 'changed' } });
    // A role that users reach is not rejected.
    expect((end as FailedStep).outcome).not.toHaveProperty('rollbackHint');
    expect(stateOf(web.cluster)).toMatchObject({ staged: { revision: 3, role: 'blue' } });
  });

  it('names what left the manifests only if it succeeds', async () => {
    const web = await promoted();
    const left = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n---\n${site('v3')}`;
    await web.stage(left);
    await web.promote();
    web.answer = () => {
      leadTo(web, 'green');
      return 200;
    };
    await expect(failureOf(web.stage(site('v4')))).resolves.toMatchObject({ error: { code: 'changed' } });
    expect(leftLines(web)).toEqual([]);
    web.answer = () => 200;
    leadTo(web, 'blue');
    await web.stage(site('v5'), { forceConflicts: true });
    expect(leftLines(web)).toHaveLength(1);
  });
});
