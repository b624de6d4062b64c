import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { kubeconfigFor, readAll, upstreamOf } from '../__tests__/support/kill/proxy.js';

/** A request that was answered. Times in milliseconds of `performance.now()`. */
export interface ProxiedCall {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly arrivedAt: number;
  readonly answeredAt: number;
}

/** A server in front of an API server that delays every request, as a distance would. */
export interface DelayingProxy {
  /** YAML, without credentials. */
  readonly kubeconfig: string;
  /** In the order of their answers. */
  readonly calls: readonly ProxiedCall[];
  close(): Promise<void>;
}

/** `kubeconfig` has embedded credentials. A watch counts as answered when it ends. */
export async function openDelayingProxy(kubeconfig: string, delayMs: number): Promise<DelayingProxy> {
  const upstream = upstreamOf(kubeconfig);
  const calls: ProxiedCall[] = [];
  const server = createServer((incoming, response) => {
    const { method = 'GET', url = '/' } = incoming;
    const arrivedAt = performance.now();
    response.on('close', () => calls.push({ method, url, arrivedAt, answeredAt: performance.now() }));
    const forward = async (): Promise<void> => {
      const [body] = await Promise.all([readAll(incoming), pause(delayMs)]);
      upstream.forward({ incoming, body, response, onAnswer: () => undefined });
    };
    forward().catch(() => response.destroy());
  });
  server.keepAliveTimeout = 90_000;
  await new Promise<void>((opened, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', opened);
  });
  return {
    kubeconfig: kubeconfigFor((server.address() as AddressInfo).port),
    calls,
    close: () =>
      new Promise(closed => {
        server.close(() => closed());
        server.closeAllConnections();
        upstream.close();
      }),
  };
}
