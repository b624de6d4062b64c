import { describe, expect, it } from '@jest/globals';
import { configMap, configMaps, startTestApi } from '../support/sandbox/api-server.js';
import { recordRoundTrips } from '../support/scenario/round-trips.js';

describe('the round trips of a step', () => {
  it('are the requests that follow each other; those that were sent side by side are one', async () => {
    const { api, server } = await startTestApi();
    const { roundTrips, stop } = recordRoundTrips(server, { quietMs: 100 });
    await Promise.all(['a', 'b', 'c'].map(name => api.get(`${configMaps}/${name}`)));
    await api.send({ method: 'POST', path: configMaps, body: configMap('a') });
    const { status } = await api.get(`${configMaps}/a`);
    stop();
    expect(status).toBe(200);
    expect(roundTrips().map(calls => [...calls].sort())).toEqual([
      ['GET ConfigMap a', 'GET ConfigMap b', 'GET ConfigMap c'],
      ['POST ConfigMap'],
      ['GET ConfigMap a'],
    ]);
  });

  it('include a watch whose first answer another request needs', async () => {
    const { server, api } = await startTestApi();
    const { roundTrips, stop } = recordRoundTrips(server, { quietMs: 20 });
    await api.get(`${configMaps}?watch=true&timeoutSeconds=1`);
    await api.get(configMaps);
    stop();
    expect(roundTrips()).toEqual([['WATCH ConfigMap'], ['LIST ConfigMap']]);
  });

  it('are answered and no longer recorded after the end', async () => {
    const { server, api } = await startTestApi();
    const { roundTrips, stop } = recordRoundTrips(server, { quietMs: 60_000 });
    const arrived = new Promise<void>(resolve => {
      server.calls.listen(() => resolve());
    });
    const held = api.get(configMaps);
    await arrived;
    // The request is held back a moment after listeners hear of it.
    await new Promise(resolve => {
      setImmediate(resolve);
    });
    stop();
    expect((await held).status).toBe(200);
    expect((await api.get(`${configMaps}/a`)).status).toBe(404);
    expect(roundTrips()).toEqual([['LIST ConfigMap']]);
  });
});
