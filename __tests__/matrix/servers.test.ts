import { afterAll, describe, expect, jest } from '@jest/globals';
import { startCluster } from '../support/scenario/cluster.js';
import { arrived } from '../support/scenario/expectations.js';
import { scenarioWithoutGolden } from '../support/scenario/scenario.js';
import { server, serverKinds } from '../support/scenario/servers.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** Only matters on a busy machine: each kind waits three times for all pods of a server that ends slowly. */
jest.setTimeout(600_000);

describe('Rolling updates', () => {
  for (const kind of serverKinds)
    scenarioWithoutGolden(`of ${kind.what} lose no request`, cluster, async ns => {
      await server.bring(ns, kind);
      await ns.given(server.deploy('v1'));
      expect(await server.has(ns)).toEqual(kind.gets);
      const users = await ns.users(server.service);
      for (const version of ['v2', 'v3']) {
        await ns.given(server.deploy(version));
        await arrived(users, version);
      }
      const { losses, lost, keptAlive, byVersion } = await users.stop();
      expect([losses, kind.keptAlive ? keptAlive.losses : []]).toEqual([[], []]);
      expect(lost).toBe(0);
      expect(Object.keys(byVersion).sort()).toEqual(['v1', 'v2', 'v3']);
    });
});
