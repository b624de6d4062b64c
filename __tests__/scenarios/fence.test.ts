import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect } from '@jest/globals';
import { site, tomcat } from '../support/scenario/applications.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { expectRefused, expectUsersSaw } from '../support/scenario/expectations.js';
import {
  expectNoLoss,
  fewUsers,
  givenSite,
  holdNext,
  leaseOf,
  letPass,
  logOf,
  refuseRenewals,
  sandboxOf,
  settledOn,
  shortLease,
  siteState,
  untilLetPass,
} from '../support/scenario/locks.js';
import { race, type Race } from '../support/scenario/race.js';
import { eventually } from '../support/eventually.js';
import type { FaultMatch } from '../../sandbox/sandbox.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const reason = 'the requests of the runs are held, and their durations are shortened';

describeEmbedded('A deploy whose Lease cannot be renewed', reason, () => {
  race('writes nothing until it can, and then goes on', cluster, async ({ ns, start, writesOf }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const run = start(2001, site.deploy('v2'), { ...shortLease(), environment: { RUNNER_DEBUG: '1' } });
    await held.isHeld;
    const renewals = refuseRenewals(ns);
    // Five renewals take longer than the fence is open after the last one that was accepted, eleven longer than the Lease lasts.
    await renewals.more(5);
    const before = writesOf(2001).length;
    held.go();
    await renewals.more(6);
    expect(writesOf(2001).slice(before)).toEqual([]);
    renewals.end();
    expect(await logOf(run)).toMatch(/^debug: The lock could not be renewed yet: .*503/m);
    expect(writesOf(2001)).toContain('PATCH deployments/site #1');
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
    await expectNoLoss(users);
  });

  race('fails when it never can, and leaves the release to the next one', cluster, async ({ ns, start, writesOf }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const run = start(2001, site.deploy('v2'), shortLease());
    await held.isHeld;
    const renewals = refuseRenewals(ns);
    await renewals.more(5);
    const before = writesOf(2001).length;
    held.go();
    const failed = await run.result;
    expectRefused(failed, /Lease \S+\/cutover-site could not be renewed/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    renewals.end();
    await logOf(start(2002, site.deploy('v3'), shortLease()));
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    await expectNoLoss(users);
  });
});

describeEmbedded('A deploy that may not renew its Lease any more', reason, () => {
  const moments: readonly (readonly [string, RegExp, Readonly<Record<string, string>>])[] = [
    ['while it waits for its pods', /to be ready and stay so/, { 'stable-for': '20s' }],
    ['during its checks', /^Verify public/, {}],
  ];
  for (const [when, line, inputs] of moments)
    race(`ends soon, and says which right is missing: ${when}`, cluster, async ({ ns, start, writesOf }) => {
      const users = await givenSite(ns);
      const run = start(2001, site.deploy('v2', { verify: untilLetPass(ns), ...inputs }), shortLease());
      await run.says(line);
      const renewals = refuseRenewals(ns, 403);
      const before = writesOf(2001).length;
      const refused = await run.result;
      expectRefused(refused, /Lease \S+\/cutover-site can no longer be renewed: .*This step writes nothing any more/);
      expect(refused.log).toMatch(/What to do: Missing rule: .*"leases".*"update".* Then run this step again/);
      expect(refused.log).toMatch(/Serving users now: Nothing was restored: .* Users reach the pods that are ready/);
      expect(refused.log).not.toMatch(/another run has taken over/i);
      expect(writesOf(2001).slice(before)).toEqual([]);
      // While the fence is open after the last renewal that was accepted, and once more.
      expect(renewals.count()).toBeLessThan(6);
      renewals.end();
      await letPass(ns);
      expect(await logOf(start(2002, site.deploy('v3')))).not.toMatch(/for the lock of/);
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
      await expectNoLoss(users);
    });

  race('does not send users back, and the next rollback does', cluster, async ({ ns, start, writesOf }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service, fewUsers);
    const run = start(
      2001,
      tomcat.promote({ verify: untilLetPass(ns).replace('- run', '- when: public\n  run') }),
      shortLease(),
    );
    await run.says(/^Verify public/);
    const renewals = refuseRenewals(ns, 403);
    const before = writesOf(2001).length;
    const refused = await run.result;
    expectRefused(refused, /Lease \S+ can no longer be renewed/);
    expect(refused.log).toMatch(/selects green, revision 2: this step may not renew its lock any more/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    renewals.end();
    await logOf(start(2002, tomcat.rollback()));
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['7', '8', '7']);
  });
});

describeEmbedded('Twelve writes that wait for a webhook', reason, () => {
  race('do not keep the Lease from being renewed', cluster, async ({ ns, start }) => {
    const sandbox = sandboxOf(ns);
    const { calls } = sandbox;
    const { namespace } = ns;
    const names = Array.from({ length: 12 }, (_, number) => `map-${number}`);
    const map = (name: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {version: "\${VERSION}"}\n`;
    await ns.write({ 'maps.yml': names.map(map).join('---\n') });
    const manifests = 'site.yml\nmaps.yml';
    await site.bring(ns);
    await ns.given(site.deploy('v1', { manifests }));
    sandbox.fault(
      { verb: 'PATCH', kind: 'ConfigMap', name: /^map-/, namespace, dryRun: false, forMs: 6_000 },
      {
        do: 'status',
        status: 500,
        reason: 'InternalError',
        message: 'Internal error occurred: failed calling webhook "maps.shop.test": connection refused',
      },
    );
    let refused = 0;
    const renewals: number[] = [];
    const ends = [
      calls.listen((call, faults) => {
        if (call.namespace === namespace && faults.length > 0) refused += 1;
      }),
      calls.listenToAnswers((call, status) => {
        if (call.namespace === namespace && call.kind === 'Lease' && call.verb === 'PUT') renewals.push(status);
      }),
    ];
    await logOf(start(2001, site.deploy('v2', { manifests }), shortLease()));
    for (const end of ends) end();
    expect(refused).toBeGreaterThan(names.length);
    // The Lease of two seconds was renewed more than once in each of them.
    expect(renewals.filter(status => status === 200).length).toBeGreaterThan(6);
    const maps = await Promise.all(names.map(name => ns.get('ConfigMap', name)));
    expect(maps.map(found => found?.['data'])).toEqual(names.map(() => ({ version: 'v2' })));
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
  });
});

describeEmbedded('A run that stands still until another one has the lock', reason, () => {
  const stuck: readonly (readonly [string, FaultMatch, Parameters<typeof holdNext>[2]])[] = [
    ['in a write that a webhook holds', { verb: 'PATCH', kind: 'Deployment' }, { withoutClient: 'drop' }],
    ['in a write that a proxy keeps', { verb: 'PATCH', kind: 'Deployment' }, { withoutClient: 'carry-out' }],
    ['after a write that was done', { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' }],
  ];
  for (const [where, match, how] of stuck)
    race(`writes nothing more: ${where}`, cluster, async ({ ns, start, writesOf, turns }) => {
      const users = await givenSite(ns);
      const held = holdNext(ns, match, how);
      const frozen = start(2001, site.deploy('v2'), shortLease());
      await held.isHeld;
      frozen.freeze();
      const other = start(2002, site.deploy('v3'), shortLease());
      expect(await logOf(other)).toMatch(/Took over the lock of site from \S+\/runs\/2001/);
      const before = writesOf(2001).length;
      held.go();
      frozen.resume();
      const result = await frozen.result;
      expectRefused(result, /Lease \S+ was deleted, so another run may have held it: this run writes nothing any more/);
      expect(result.log).toMatch(/Nothing was restored: another run has taken over the lock/);
      expect(writesOf(2001).slice(before)).toEqual([]);
      expect(turns).toEqual([2001, 2002]);
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
      await expectNoLoss(users);
    });
});

describeEmbedded('A run that stands still until its Lease has expired', reason, () => {
  race('goes on when nobody has taken it', cluster, async ({ ns, start, turns }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const run = start(2001, site.deploy('v2'), shortLease());
    await held.isHeld;
    run.freeze();
    // Longer than the Lease and a write of this build last, together: only the time that passes makes it expire.
    await wait(3_500);
    held.go();
    run.resume();
    const log = await logOf(run);
    expect(log).not.toMatch(/for the lock of|Took over|writes nothing any more/);
    expect(turns).toEqual([2001]);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
    await expectNoLoss(users);
  });
});

describeEmbedded('A run that loses the lock', reason, () => {
  race('says to whom, and writes nothing beside it', cluster, async ({ ns, start, writesOf, turns }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const frozen = start(2001, site.deploy('v2'), shortLease());
    await held.isHeld;
    frozen.freeze();
    const other = start(2002, site.deploy('v3', { verify: untilLetPass(ns) }), shortLease());
    await other.says(/^Verify public/);
    const before = writesOf(2001).length;
    held.go();
    frozen.resume();
    const result = await frozen.result;
    expectRefused(result, /was taken over by \S+\/runs\/2002: this run writes nothing any more/);
    expect(result.log).toMatch(/Nothing was restored: another run has taken over the lock/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    await letPass(ns);
    await logOf(other);
    expect(turns).toEqual([2001, 2002]);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    await expectNoLoss(users);
  });
});

describeEmbedded('A promotion that stands still in its switch', reason, () => {
  race('does not switch after another run has rolled back', cluster, async ({ ns, start, writesOf }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service, fewUsers);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'Service', name: tomcat.service }, { withoutClient: 'carry-out' });
    const frozen = start(2001, tomcat.promote(), shortLease());
    await held.isHeld;
    frozen.freeze();
    await logOf(start(2002, tomcat.rollback(), shortLease()));
    const before = writesOf(2001).length;
    held.go();
    frozen.resume();
    expectRefused(await frozen.result, /this run writes nothing any more/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['7']);
  });
});

describeEmbedded('A run whose Lease is deleted by hand', reason, () => {
  const moments: readonly (readonly [string, RegExp, Readonly<Record<string, string>>])[] = [
    ['while it waits for its pods', /to be ready and stay so/, { 'stable-for': '20s' }],
    ['during its checks', /^Verify public/, {}],
  ];
  for (const [when, line, inputs] of moments)
    race(`ends without a write: ${when}`, cluster, async ({ ns, start, writesOf }) => {
      const users = await givenSite(ns);
      const run = start(2001, site.deploy('v2', { verify: untilLetPass(ns), ...inputs }), shortLease());
      await run.says(line);
      const before = writesOf(2001).length;
      await ns.cluster.kube.remove(leaseOf(ns));
      const result = await run.result;
      expectRefused(result, /Lease \S+ was deleted, so another run may have held it: this run writes nothing any more/);
      expect(writesOf(2001).slice(before)).toEqual([]);
      await logOf(start(2002, site.deploy('v3'), shortLease()));
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
      await expectNoLoss(users);
    });
});

describeEmbedded('The post step of a killed deploy', reason, () => {
  /** Kills a deploy of v2 that has written its ConfigMap. Its post step is frozen at its start. */
  async function killHalfway({ ns, start }: Race, options: Parameters<Race['start']>[2] = {}) {
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const killed = start(2001, site.deploy('v2'), { ...options, freezePost: true });
    await held.isHeld;
    killed.kill();
    await killed.postStarted;
    held.go();
    return killed;
  }

  race('writes nothing when another run has finished meanwhile', cluster, async playing => {
    const { ns, start, writesOf } = playing;
    const users = await givenSite(ns);
    const killed = await killHalfway(playing, shortLease());
    await logOf(start(2002, site.deploy('v3'), shortLease()));
    const before = writesOf(2001).length;
    killed.resume();
    const { exitCode, postExitCode, log } = await killed.result;
    expect([exitCode, postExitCode]).toEqual([137, 0]);
    expect(log).toMatch(/Nothing was left unfinished/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    await expectNoLoss(users);
  });

  race('writes nothing while another run works', cluster, async playing => {
    const { ns, start, writesOf } = playing;
    const users = await givenSite(ns);
    const killed = await killHalfway(playing, shortLease());
    const other = start(2002, site.deploy('v3', { verify: untilLetPass(ns) }), shortLease());
    await other.says(/^Verify public/);
    const before = writesOf(2001).length;
    killed.resume();
    const { postExitCode, log } = await killed.result;
    expect(postExitCode).toBe(0);
    expect(log).toMatch(/Another run has taken over the release: everything else is left to it/);
    expect(writesOf(2001).slice(before)).toEqual([]);
    await letPass(ns);
    await logOf(other);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    await expectNoLoss(users);
  });

  race('restores before a run that waits begins to write', cluster, async playing => {
    const { ns, start, turns } = playing;
    const users = await givenSite(ns);
    const killed = await killHalfway(playing, shortLease());
    const other = start(2002, site.deploy('v3'));
    await other.says(/for the lock of site, which \S+\/runs\/2001 holds$/);
    killed.resume();
    const { postExitCode, log } = await killed.result;
    expect(postExitCode).toBe(0);
    expect(log).toMatch(/everything was restored/);
    expect(await logOf(other)).toMatch(/^The lock of site is free: this run holds it now$/m);
    expect(turns).toEqual([2001, 2002]);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    await expectNoLoss(users);
  });
});

describeEmbedded('The post step of a deploy that was killed', reason, () => {
  race('in a write that a proxy keeps, restores once that write is over', cluster, async ({ ns, start }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'Deployment' }, { withoutClient: 'carry-out' });
    const killed = start(2001, site.deploy('v2'));
    await held.isHeld;
    killed.kill();
    await Promise.race([killed.says(/^Waiting 30 s until the last write of the killed run is over/), killed.result]);
    held.go();
    expect(
      await eventually('the late write', async () => ((await site.version(ns)) === 'v2' ? 'late' : undefined)),
    ).toBe('late');
    const { postExitCode, log } = await killed.result;
    expect(postExitCode).toBe(0);
    expect(log).toMatch(/everything was restored/);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v1', 1));
    await expectNoLoss(users);
  });

  race('while it waited for its pods, restores at once', cluster, async ({ ns, start }) => {
    const users = await givenSite(ns);
    const killed = start(2001, site.deploy('v2', { 'stable-for': '20s' }));
    await killed.says(/to be ready and stay so/);
    killed.kill();
    const { postExitCode, log } = await killed.result;
    expect(postExitCode).toBe(0);
    expect(log).not.toMatch(/^Waiting \d+ s until the last write/m);
    expect(log).toMatch(/everything was restored/);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v1', 1));
    await expectNoLoss(users);
  });
});

describeEmbedded('A post step whose state an earlier step of the job has set', reason, () => {
  race('says so, and leaves the lock of another run to it', cluster, async ({ ns, start, writesOf }) => {
    await givenSite(ns);
    const other = start(2002, site.deploy('v2', { verify: untilLetPass(ns) }));
    await other.says(/^Verify public/);
    const lockHolder = (await siteState(ns)).holder;
    const { namespace } = ns;
    const given = JSON.stringify({ release: 'site', namespace, lockHolder, isWriting: false });
    const killed = start(2001, site.deploy('v3'), { environment: { STATE_postState: given } });
    await killed.says(/^Release site in namespace/);
    killed.kill();
    const { postExitCode, log } = await killed.result;
    expect(postExitCode).toBe(1);
    expect(log).toMatch(/was not written by Cutover: lockHolder must be a process of this run and job/);
    expect([writesOf(2001), (await siteState(ns)).holder]).toEqual([[], lockHolder]);
    await letPass(ns);
    await logOf(other);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
  });
});

describeEmbedded('Answers that come four seconds after the work', reason, () => {
  const late: readonly (readonly [string, FaultMatch])[] = [
    ['dry runs', { dryRun: true }],
    ['writes', { verb: 'PATCH', dryRun: false }],
    ['the record', { kind: 'Secret', dryRun: false }],
    ['the lock', { kind: 'Lease' }],
  ];
  for (const [which, match] of late)
    race(`change no outcome: those of ${which}`, cluster, async ({ ns, start }) => {
      const users = await givenSite(ns);
      const { namespace } = ns;
      const remove = sandboxOf(ns).fault({ ...match, namespace }, { do: 'delay', ms: 4_000, after: true });
      const run = start(2001, site.deploy('v2'));
      await logOf(run);
      remove();
      const { outputs } = await run.result;
      expect(outputs.outcome).toBe('deployed');
      expect(JSON.parse(outputs.changes ?? '[]')).toMatchObject([
        { kind: 'ConfigMap', change: 'changed' },
        { kind: 'Deployment', change: 'changed' },
        { kind: 'Service', change: 'unchanged' },
      ]);
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
      await expectNoLoss(users);
    });
});
