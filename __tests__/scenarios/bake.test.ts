import { afterAll, describe, expect } from '@jest/globals';
import { startCluster } from '../support/scenario/cluster.js';
import { expectUsersSaw } from '../support/scenario/expectations.js';
import { scenario, scenarioWithoutGolden } from '../support/scenario/scenario.js';
import { tomcat } from '../support/scenario/applications.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** The nodes follow the switch during the drain, so that users have been on the new version when the bake begins. */
const afterDrain = { bake: '10m', drain: '5s' };

describe('A promotion with a bake', () => {
  scenario('is done when its checks have passed to the end, and no request is lost', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8', { verify: tomcat.verify('Apache Tomcat/8') }));
    const users = await ns.users(tomcat.service);
    const promoted = await ns.step(tomcat.promote({ bake: '1s' }));
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect(promoted.log).toContain('Baking green for 1s');
    await expectUsersSaw(users, ['7', '8']);
  });

  scenarioWithoutGolden('that is cancelled sends users back, and no request is lost', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service);
    const cancelled = await ns.step(tomcat.promote(afterDrain), {
      interrupt: { when: /Baking green for/, signal: 'SIGINT' },
    });
    expect(cancelled).toMatchObject({ exitCode: 1, outputs: { outcome: 'failed', 'active-role': 'blue' } });
    expect(cancelled.summary).toContain('Users are back on blue');
    await expectUsersSaw(users, ['7', '8', '7']);
    await ns.given(tomcat.promote());
  });

  scenarioWithoutGolden('that is killed is undone by its post step', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service);
    const killed = await ns.step(tomcat.promote(afterDrain), {
      interrupt: { when: /Baking green for/, signal: 'SIGKILL' },
    });
    expect(killed).toMatchObject({ exitCode: 137, postExitCode: 0 });
    await expectUsersSaw(users, ['7', '8', '7']);
  });
});
