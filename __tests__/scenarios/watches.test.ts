import { afterAll, expect } from '@jest/globals';
import { site } from '../support/scenario/applications.js';
import { describeEmbedded, startEmbedded } from '../support/scenario/cluster.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectUsersMovedOver } from '../support/scenario/expectations.js';

const reason = 'only the embedded cluster ends watches and forgets versions on request';

describeEmbedded('Watches of a deploy', reason, () => {
  let started: ReturnType<typeof startEmbedded> | undefined;
  const cluster = () => (started ??= startEmbedded());
  afterAll(async () => (await started)?.close());

  scenario('may be dropped twenty times and expire once: the deploy misses nothing', cluster, async ns => {
    const { sandbox } = await cluster();
    const { namespace } = ns;
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service);
    const met: string[] = [];
    const stop = sandbox.calls.listen((call, faults) => {
      if (call.namespace === namespace && call.verb === 'WATCH') met.push(...faults.map(fault => fault.do));
    });
    const inPods = { verb: 'WATCH', kind: 'Pod', namespace } as const;
    sandbox.fault({ ...inPods, skip: 1 }, { do: 'gone' }, 1);
    for (const kind of ['Pod', 'ReplicaSet', 'Deployment'])
      sandbox.fault({ verb: 'WATCH', kind, namespace }, { do: 'reset', when: 'after' }, 7);
    // Long enough for every watch to be dropped that often.
    const result = await ns.step(site.deploy('v2-slow', { 'stable-for': '6s' }));
    stop();
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(await site.version(ns)).toBe('v2-slow');
    expect(met.filter(fault => fault === 'reset').length).toBeGreaterThanOrEqual(20);
    expect(met.filter(fault => fault === 'gone')).toHaveLength(1);
    await expectUsersMovedOver(users, 'v1', 'v2-slow');
  });
});
