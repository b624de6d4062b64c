import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { EndpointPod } from '../../../src/verify/endpoint.js';
import type { Listener } from '../../../src/verify/listener.js';
import { openLocalUrl } from '../../../src/verify/reach/local-url.js';
import { answer, livePod, proxyCluster } from '../../support/cluster/proxy-cluster.js';
import { tunnelledPods } from '../../support/cluster/tunnelled-pods.js';
import { listLog } from '../../support/log.js';

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

/** Pods as they are now: the test changes the map while the listener is open. */
type State = 'ready' | 'unready' | 'ending';

const all = ['web-a', 'web-b', 'web-c'];
const pods = (names: readonly string[]): readonly EndpointPod[] => names.map(name => ({ name, uid: `uid-of-${name}` }));

function podIn(state: State | undefined, name: string): KubeObject | undefined {
  if (state === undefined) return undefined;
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: state === 'unready' ? 'False' : 'True' }] };
  return { ...livePod(name, state === 'ending' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}), status };
}

/** A listener over the first two of the pods; the cluster lists those that have a state. */
async function open(states: Record<string, State>, list?: () => Promise<readonly EndpointPod[]>) {
  const handlers = all.map(name => [
    name,
    (_: unknown, response: { end: (text: string) => void }) => response.end(name),
  ]);
  const tunnels = tunnelledPods(Object.fromEntries(handlers) as Parameters<typeof tunnelledPods>[0]);
  const cluster = proxyCluster({ ...tunnels, proxy: () => answer(500), pod: name => podIn(states[name], name) });
  const currentPods =
    list ?? (() => Promise.resolve(pods(Object.keys(states).filter(name => states[name] !== 'ending'))));
  const endpoint = { namespace: 'shop', pods: pods(['web-a', 'web-b']), podPort: 8080, currentPods };
  listener = await openLocalUrl({ cluster, endpoint, log: listLog() });
  return { url: listener!.url, tunnels };
}

/** Which pods answer six requests, each on a connection of its own. */
async function answering(url: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for (let count = 0; count < 6; count += 1) {
    const response = await fetch(url, { headers: { connection: 'close' } });
    names.add(await response.text());
  }
  return [...names].sort();
}

describe('The pods behind CUTOVER_URL', () => {
  it('are those that are ready when a connection is made', async () => {
    const states: Record<string, State> = { 'web-a': 'ready', 'web-b': 'unready' };
    const { url } = await open(states);
    expect(await answering(url)).toEqual(['web-a']);
    Object.assign(states, { 'web-a': 'unready', 'web-b': 'ready' });
    expect(await answering(url)).toEqual(['web-b']);
    Object.assign(states, { 'web-a': 'ready' });
    expect(await answering(url)).toEqual(['web-a', 'web-b']);
  });

  it('are never one that is ending, and the pod in its place gets its turn once it is ready', async () => {
    const states: Record<string, State> = { 'web-a': 'ready', 'web-b': 'ready' };
    const { url } = await open(states);
    Object.assign(states, { 'web-b': 'ending', 'web-c': 'unready' });
    expect(await answering(url)).toEqual(['web-a']);
    Object.assign(states, { 'web-c': 'ready' });
    expect(await answering(url)).toEqual(['web-a', 'web-c']);
  });

  it('stay the known ones while the others cannot be listed', async () => {
    const states: Record<string, State> = { 'web-a': 'ready', 'web-b': 'ready' };
    const { url } = await open(states, () => Promise.reject(new CutoverError('it is down', { code: 'unreachable' })));
    Object.assign(states, { 'web-b': 'ending' });
    expect(await answering(url)).toEqual(['web-a']);
  });

  it('keep the connections that they have when they are not ready any more, as behind a Service', async () => {
    const states: Record<string, State> = { 'web-a': 'ready' };
    const { url } = await open(states);
    const client = connect(Number(new URL(url).port), '127.0.0.1');
    const ask = async (): Promise<string> => {
      client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
      const [chunk] = (await once(client, 'data')) as [Buffer];
      return chunk.toString();
    };
    expect(await ask()).toContain('web-a');
    Object.assign(states, { 'web-a': 'unready', 'web-b': 'ready' });
    expect(await ask()).toContain('web-a');
    client.destroy();
    expect(await answering(url)).toEqual(['web-b']);
  });
});
