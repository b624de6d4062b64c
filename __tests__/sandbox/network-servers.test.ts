import { Agent, get } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { POD } from '../../sandbox/controllers/kinds.js';
import type { Container, Pod } from '../../sandbox/controllers/pod.js';
import { isReady } from '../../sandbox/controllers/pod.js';
import type { TestCluster } from '../support/sandbox/test-cluster.js';
import { startTestCluster } from '../support/sandbox/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster();
});
afterEach(() => cluster.close());

/** A site on a port of its own. */
function site(name: string, port: number, env: Readonly<Record<string, string>> = {}): Container {
  const variables = Object.entries({ PORT: String(port), ...env }).map(([key, value]) => ({ name: key, value }));
  return { name, image: 'site:v1', env: variables };
}

async function bring(...containers: readonly Container[]): Promise<void> {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers, terminationGracePeriodSeconds: 1000 },
  };
  cluster.store.create(pod);
  await cluster.until('a ready pod', () => {
    const live = cluster.get(POD, 'web');
    return live && isReady(live);
  });
}

const remove = (): unknown => cluster.store.remove({ ...POD, name: 'web', namespace: 'default' });
const portOf = (port: number): number => cluster.live.runtime.podPort('default', 'web', port) ?? 0;
const terminated = (container: string) =>
  cluster.until('SIGTERM', () =>
    cluster.live.runtime.logs({ namespace: 'default', name: 'web', container })?.includes('got terminated'),
  );

/** The whole answer on a kept-alive connection, or the code of its error. `onStart` is called with its first part. */
function ask(agent: Agent, port: number, onStart: () => void = () => undefined): Promise<string> {
  return new Promise(resolve => {
    const call = get({ host: '127.0.0.1', port, agent }, response => {
      let text = '';
      response.on('data', (part: Buffer) => {
        if (text === '') onStart();
        text += part.toString();
      });
      response.on('end', () => resolve(text));
      response.on('error', () => resolve(`cut after ${text}`));
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}

describe('a server that gets SIGTERM', () => {
  it('and drains closes its port, completes what is under way and ends, though its client keeps the connection', async () => {
    await bring(site('web', 8080, { ON_TERM: 'drain', DELAY: '20s' }));
    const port = portOf(8080);
    const agent = new Agent({ keepAlive: true });
    let refused: Promise<string> | undefined;
    const answer = await ask(agent, port, () => {
      remove();
      refused = terminated('web').then(() => ask(new Agent(), port));
    });
    expect([answer, await refused]).toEqual(['site v1\n', 'ECONNREFUSED']);
    await cluster.until('the pod to go', () => cluster.get(POD, 'web') === undefined);
    agent.destroy();
  });

  it('and stops cuts what is under way', async () => {
    await bring(site('web', 8080, { DELAY: '1h' }));
    expect(await ask(new Agent(), portOf(8080), remove)).toBe('cut after site v1');
  });

  it('and ignores it serves on', async () => {
    await bring(site('web', 8080, { ON_TERM: 'ignore' }));
    remove();
    await terminated('web');
    expect(await ask(new Agent(), portOf(8080))).toBe('site v1\n');
  });

  it('cannot do anything else', async () => {
    cluster.store.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { containers: [site('web', 8080, { ON_TERM: 'wait' })] },
    });
    const log = await cluster.until('its log', () => cluster.live.runtime.logs({ namespace: 'default', name: 'web' }));
    expect(log).toBe('ON_TERM: "wait" is none of stop, drain, ignore\n');
  });
});

describe('a server with an upstream', () => {
  it('answers what that answers, and 502 once it has ended', async () => {
    const proxy = site('proxy', 8080, { UPSTREAM: '8081', VERSION: 'proxy', ON_TERM: 'ignore' });
    await bring(proxy, site('app', 8081));
    expect(await ask(new Agent(), portOf(8080))).toBe('site v1\n');
    remove();
    await cluster.until('the end of the app', () => portOf(8081) === 0);
    expect(await ask(new Agent(), portOf(8080))).toBe('nothing answers on :8081\n');
  });
});
