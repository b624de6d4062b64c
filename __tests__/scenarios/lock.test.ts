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
  logOf,
  letPass,
  settledOn,
  shortLease,
  siteState,
  untilLetPass,
} from '../support/scenario/locks.js';
import { plain } from '../support/scenario/plain.js';
import { race, type Race } from '../support/scenario/race.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';
import { field } from '../support/field.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const reason = 'the requests of the runs are held, and their durations are shortened';

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

describeEmbedded('Two deploys of one release', reason, () => {
  for (const seconds of [0, 0.1, 0.5, 1, 2, 5])
    race(`that start ${seconds} s apart are made one after the other`, cluster, async ({ ns, start, turns }) => {
      const users = await givenSite(ns);
      // The Lease of this build lasts for less than the deploy, so it must be renewed.
      const first = start(2001, site.deploy('v2', { 'stable-for': '3s' }), shortLease());
      await wait(seconds * 1000);
      const second = start(2002, site.deploy('v3', { 'stable-for': '1s' }), shortLease());
      const log = (await Promise.all([first, second].map(logOf))).join('\n');
      expect([...turns].sort()).toEqual([2001, 2002]);
      expect(await siteState(ns)).toEqual(settledOn(ns, turns.at(-1) === 2001 ? 'v2' : 'v3', 3));
      const waits = count(log, /^Waiting up to \d+ s for the lock of site, which \S+ holds$/gm);
      expect(count(log, /^The lock of site is free: this run holds it now$/gm)).toBe(waits);
      await expectNoLoss(users);
    });

  race('are made one after the other, blue/green as well', cluster, async ({ ns, start, turns }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service, fewUsers);
    const runs = [start(2001, tomcat.release('8')), start(2002, tomcat.release('9'))];
    await Promise.all(runs.map(logOf));
    expect([...turns].sort()).toEqual([2001, 2002]);
    const versions = turns[0] === 2001 ? ['8', '9'] : ['9', '8'];
    expect(await tomcat.activeRole(ns)).toBe('blue');
    expect([await tomcat.versionOn(ns, 'green'), await tomcat.versionOn(ns, 'blue')]).toEqual(versions);
    await expectUsersSaw(users, ['7', ...versions]);
  });

  race(
    'are told of each other, and the second plans again from what is live',
    cluster,
    async ({ ns, start, turns }) => {
      const users = await givenSite(ns);
      const first = start(2001, site.deploy('v2', { verify: untilLetPass(ns) }));
      await first.says(/^Verify public/);
      const second = start(2002, site.deploy('v3'));
      await second.says(/^Waiting up to \d+ s for the lock of site, which \S+\/runs\/2001 holds$/);
      await letPass(ns);
      const [one, other] = await Promise.all([logOf(first), logOf(second)]);
      expect(other).toMatch(/^The lock of site is free: this run holds it now$/m);
      expect([count(one, /^Plan$/gm), count(other, /^Plan$/gm)]).toEqual([1, 2]);
      expect(turns).toEqual([2001, 2002]);
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
      await expectNoLoss(users);
    },
  );

  race('plan again when the first is over before the second asks', cluster, async ({ ns, start, turns }) => {
    const users = await givenSite(ns);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'Deployment', dryRun: true }, { when: 'after' });
    const second = start(2002, site.deploy('v3'));
    await held.isHeld;
    await logOf(start(2001, site.deploy('v2')));
    const recorded = await ns.get('Secret', 'cutover-site.2');
    held.go();
    const log = await logOf(second);
    expect(count(log, /^Plan$/gm)).toBe(2);
    expect(turns).toEqual([2001, 2002]);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v3', 3));
    expect((await ns.get('Secret', 'cutover-site.2'))?.['data']).toEqual(recorded?.['data']);
    await logOf(start(2003, site.rollback()));
    expect(await siteState(ns)).toMatchObject({ deployment: 'v2', config: 'hello from v2' });
    await expectNoLoss(users);
  });

  race('do not wait with `lock-timeout: 0s`', cluster, async ({ ns, start, writesOf }) => {
    const users = await givenSite(ns);
    const first = start(2001, site.deploy('v2', { verify: untilLetPass(ns) }));
    await first.says(/^Verify public/);
    const before = await ns.versions();
    const refused = await start(2002, site.deploy('v3', { 'lock-timeout': '0s' })).result;
    expectRefused(refused, /Another run still holds release site: \S+\/runs\/2001$/m);
    expect(refused.log).toMatch(/Serving users now: The same as before: this step changed nothing/);
    expect(refused.log).toMatch(/again when that run is over.* 90 s after its last renewal/);
    expect([writesOf(2002), await ns.versions()]).toEqual([[], before]);
    await letPass(ns);
    await logOf(first);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
    await expectNoLoss(users);
  });
});

describeEmbedded('A promotion beside a deploy', reason, () => {
  race('does not switch to what was staged after it began', cluster, async ({ ns, start, writesOf }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service, fewUsers);
    const held = holdNext(ns, { verb: 'POST', kind: 'Lease' });
    const promote = start(2002, tomcat.promote());
    await held.isHeld;
    await logOf(start(2001, tomcat.deploy('9')));
    held.go();
    expectRefused(await promote.result, /Revision 2 is not what is staged: that is revision 3 on green/);
    expect(writesOf(2002)).toEqual([]);
    await expectUsersSaw(users, ['7']);
  });
});

describeEmbedded('A rollback beside another run', reason, () => {
  race(
    'that deploys, waits for it before it looks for the revision to go back to',
    cluster,
    async ({ ns, start, turns }) => {
      const users = await givenSite(ns);
      const deploy = start(2001, site.deploy('v2', { verify: untilLetPass(ns) }));
      await deploy.says(/^Verify public/);
      const rollback = start(2002, site.rollback());
      await Promise.race([rollback.says(/for the lock of site/), rollback.result]);
      await letPass(ns);
      await Promise.all([deploy, rollback].map(logOf));
      expect(turns).toEqual([2001, 2002]);
      expect(await siteState(ns)).toEqual(settledOn(ns, 'v1', 1));
      await expectNoLoss(users);
    },
  );

  race('that is a rollback itself and drains, waits for it and changes nothing', cluster, async ({ ns, start }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    const users = await ns.users(tomcat.service, fewUsers);
    const first = start(2001, tomcat.rollback({ drain: '3s', 'idle-policy': 'scale-down' }));
    await first.says(/^Draining/);
    const second = start(2002, tomcat.rollback());
    await Promise.all([first, second].map(logOf));
    expect((await second.result).outputs).toMatchObject({ outcome: 'unchanged', revision: '1' });
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['8', '7']);
  });
});

describeEmbedded('A promotion beside a deploy that stages', reason, () => {
  race('waits for it, and switches to what it staged', cluster, async ({ ns, start, turns }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service, fewUsers);
    const deploy = start(2001, tomcat.deploy('8', { verify: untilLetPass(ns) }));
    await deploy.says(/^Verify staged/);
    const promote = start(2002, tomcat.promote());
    await promote.says(/for the lock of tomcat-service/);
    await letPass(ns);
    await Promise.all([deploy, promote].map(logOf));
    expect(turns).toEqual([2001, 2002]);
    await expectUsersSaw(users, ['7', '8']);
  });
});

describeEmbedded('A deploy beside a promotion', reason, () => {
  race('waits while the promotion drains', cluster, async ({ ns, start, turns }) => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service, fewUsers);
    const promote = start(2001, tomcat.promote({ drain: '5s', 'idle-policy': 'scale-down' }));
    await promote.says(/^Draining/);
    await Promise.all([promote, start(2002, tomcat.release('9'))].map(logOf));
    expect(turns).toEqual([2001, 2002]);
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['7', '8', '9']);
  });
});

describeEmbedded('A deploy that changes the strategy', reason, () => {
  const ways = [
    ['to blue/green, beside a rolling deploy', plain.roll, plain.stage],
    ['to rolling, beside a deploy that stages', plain.stage, plain.roll],
  ] as const;
  for (const [which, before, after] of ways)
    race(`waits for the run at work: ${which}`, cluster, async ({ ns, start }) => {
      await plain.bring(ns);
      await ns.given(before('v1'));
      const first = start(2001, before('v2', { verify: untilLetPass(ns) }));
      await first.says(/^Verify (staged|public)/);
      const second = start(2002, after('v3'));
      await Promise.race([second.says(/^Waiting up to \d+ s for the lock of plain/), second.result]);
      await letPass(ns);
      await logOf(first);
      const { log } = await second.result;
      expect(log).toMatch(/^The lock of plain is free: this run holds it now$/m);
      expect(log).not.toMatch(/never finished/);
    });
});

describeEmbedded('A run that is cancelled while it waits for the lock', reason, () => {
  race('changes nothing and has nothing to clean up', cluster, async ({ ns, start, writesOf }) => {
    await site.bring(ns);
    const first = start(2001, site.deploy('v1', { verify: untilLetPass(ns) }));
    await first.says(/^Verify public/);
    const second = start(2002, site.deploy('v2'));
    await second.says(/for the lock of site/);
    second.cancel();
    const cancelled = await second.result;
    expectRefused(cancelled, /cancelled/);
    expect(cancelled.log).not.toMatch(/Clean up after/);
    expect(writesOf(2002)).toEqual([]);
    await letPass(ns);
    await logOf(first);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v1', 1));
  });
});

/** A Lease that a process on another machine holds and renews. */
interface Foreign {
  /** Resolves once it was renewed this number of times after this call. */
  renewed(times: number): Promise<void>;
  /** Ends the renewals, as if the process had died. */
  end(): Promise<void>;
}

const foreignUrl = 'https://github.com/shop/other/actions/runs/7';

async function holdAsForeign(ns: TestNamespace, secondsAhead: number): Promise<Foreign> {
  const now = (): string => new Date(Date.now() + secondsAhead * 1000).toISOString().replace('Z', '000Z');
  const { namespace, name } = leaseOf(ns);
  const { kube } = ns.cluster;
  await kube.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, annotations: { 'cutover/run': foreignUrl } },
    spec: { holderIdentity: 'foreign', leaseDurationSeconds: 2, acquireTime: now(), renewTime: now() },
  });
  let renewals = 0;
  let isOver = false;
  const looks = new Set<() => void>();
  const renew = async (): Promise<void> => {
    while (!isOver) {
      await wait(300);
      await kube.patch(leaseOf(ns), { spec: { renewTime: now() } });
      renewals += 1;
      for (const look of looks) look();
    }
  };
  const renewing = renew();
  return {
    renewed: times => {
      const enough = renewals + times;
      const done = new Promise<void>(resolve => looks.add(() => (renewals >= enough ? resolve() : undefined)));
      return Promise.race([done, renewing]);
    },
    end: () => {
      isOver = true;
      return renewing;
    },
  };
}

describeEmbedded('A lock whose holder has another time', reason, () => {
  for (const [where, seconds] of [
    ['90 s ahead', 90],
    ['90 s behind', -90],
  ] as const)
    race(`is not taken over while it is renewed: ${where}`, cluster, async ({ ns, start, writesOf }) => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const foreign = await holdAsForeign(ns, seconds);
      try {
        const run = start(2001, site.deploy('v2'), shortLease());
        await run.says(/^Waiting up to \d+ s for the lock of site, which \S+\/runs\/7 holds$/);
        await foreign.renewed(20);
        expect(field(await ns.get('Lease', 'cutover-site'), 'spec', 'holderIdentity')).toBe('foreign');
        expect(writesOf(2001)).toEqual([]);
        await foreign.end();
        expect(await logOf(run)).toMatch(
          /Took over the lock of site from \S+\/runs\/7, which has not renewed it any more/,
        );
        expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
      } finally {
        await foreign.end();
      }
    });
});

describeEmbedded('A deploy that changes nothing', reason, () => {
  race('neither waits for the Lease of a dead run nor takes it over', cluster, async ({ ns, start, writesOf }) => {
    await givenSite(ns);
    await (await holdAsForeign(ns, 0)).end();
    const unchanged = start(2001, site.deploy('v1'), shortLease());
    expect(await logOf(unchanged)).not.toMatch(/for the lock of|Took over/);
    expect((await unchanged.result).outputs.outcome).toBe('unchanged');
    expect([writesOf(2001), (await siteState(ns)).holder]).toEqual([[], 'foreign']);
    expect(await logOf(start(2002, site.deploy('v2'), shortLease()))).toMatch(/Took over the lock of site/);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
  });
});

describeEmbedded('A run that is killed when it has just acquired the lock', reason, () => {
  async function killedWithLock({ ns, start }: Race, options: Parameters<Race['start']>[2]) {
    const held = holdNext(ns, { verb: 'POST', kind: 'Lease' }, { when: 'after' });
    const killed = start(2001, site.deploy('v2'), options);
    await held.isHeld;
    killed.kill();
    const result = await killed.result;
    held.go();
    expect(result.exitCode).toBe(137);
    return result;
  }

  race('locks nobody out once its post step has run', cluster, async playing => {
    const { ns, start, writesOf } = playing;
    const users = await givenSite(ns);
    const killed = await killedWithLock(playing, {});
    expect(killed.postExitCode).toBe(0);
    expect(killed.log).toMatch(/Nothing was left unfinished/);
    expect(writesOf(2001)).toEqual([]);
    const again = await logOf(start(2001, site.deploy('v2'), { environment: { GITHUB_RUN_ATTEMPT: '2' } }));
    expect(again).not.toMatch(/for the lock of|Took over/);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
    await expectNoLoss(users);
  });

  race('locks the next one out until its Lease expires, when its runner is lost', cluster, async playing => {
    const { ns, start } = playing;
    const users = await givenSite(ns);
    await killedWithLock(playing, { ...shortLease(), post: 'never' });
    const again = await logOf(start(2001, site.deploy('v2'), shortLease()));
    expect(again).toMatch(/^Waiting up to \d+ s for the lock of site, which \S+\/runs\/2001 holds$/m);
    expect(again).toMatch(/Took over the lock of site from \S+\/runs\/2001/);
    expect(await siteState(ns)).toEqual(settledOn(ns, 'v2', 2));
    await expectNoLoss(users);
  });
});
