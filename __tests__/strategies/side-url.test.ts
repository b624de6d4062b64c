import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import type { Check } from '../../src/inputs/inputs.js';
import { check, closeReleases, roleManifests, webRelease } from '../support/strategies/web-release.js';

/** Which paths the address of the roles was asked for. */
const asked: (string | undefined)[] = [];
let server: Server;
beforeEach(async () => {
  server = createServer(({ url }, response) => {
    asked.push(url);
    response.writeHead(200, { connection: 'close' }).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  asked.length = 0;
  server.close();
  closeReleases();
});

const forbid = (): never => {
  throw new CutoverError('it is forbidden', { code: 'forbidden' });
};

it('The address of a check leads to the role under test, staged and public', async () => {
  const web = webRelease();
  web.cluster.tunnel = () => Promise.resolve().then(forbid);
  web.answer = forbid;
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/$<ROLE>`;
  const verify: readonly Check[] = [{ ...check, url: address }];
  await web.stage(roleManifests('v1'), { verify });
  expect(asked.splice(0)).toEqual(['/blue/']);
  await web.promote({ verify });
  // The staged checks are run once more.
  expect(asked.splice(0)).toEqual(['/blue/', '/blue/']);
  await web.stage(roleManifests('v2'), { verify });
  expect(asked).toEqual(['/green/']);
});
