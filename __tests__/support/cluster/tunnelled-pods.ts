import { createServer, type RequestListener, type Server } from 'node:http';
import { duplexPair, type Duplex } from 'node:stream';
import type { PodPort } from '../../../src/cluster/cluster.js';

/** Pods that are HTTP servers behind tunnels. */
export interface TunnelledPods {
  readonly tunnel: (target: PodPort) => Promise<Duplex>;
  /** Every tunnel so far. */
  readonly opened: PodPort[];
  /** The far ends of the tunnels, for a test that cuts them. */
  readonly far: Duplex[];
  /** The near ends, which the code under test holds. */
  readonly near: Duplex[];
}

/** Pods by name. A tunnel to any other rejects with what `otherwise` throws. */
export function tunnelledPods(
  pods: Readonly<Record<string, RequestListener>>,
  otherwise: (target: PodPort) => Error = ({ name }) => new Error(`the test has no pod ${name}`),
): TunnelledPods {
  const servers = new Map<string, Server>(Object.entries(pods).map(([name, handle]) => [name, createServer(handle)]));
  const opened: PodPort[] = [];
  const far: Duplex[] = [];
  const near: Duplex[] = [];
  return {
    opened,
    far,
    near,
    tunnel: target => {
      opened.push(target);
      const server = servers.get(target.name);
      if (server === undefined) return Promise.reject(otherwise(target));
      const [mine, theirs] = duplexPair();
      near.push(mine);
      far.push(theirs);
      server.emit('connection', theirs);
      return Promise.resolve(mine);
    },
  };
}
