import type { Duplex } from 'node:stream';
import { CutoverError } from '../../../src/errors.js';
import type { PodPort } from '../../../src/cluster/cluster.js';

/** The tunnels of a cluster that opens none, so that pods are reached through its proxy. */
export function noTunnel({ name }: PodPort): Promise<Duplex> {
  return Promise.reject(new CutoverError(`no tunnel to ${name} in this test`, { code: 'api' }));
}
