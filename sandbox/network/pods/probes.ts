import { request } from 'node:http';
import { connect } from 'node:net';
import type { Clock } from '../../controllers/clock.js';
import type { Container, HttpGet, Probe } from '../../controllers/pod.js';
import type { PodNetwork } from './process.js';

/** Undefined: the probe passed. A text is why it failed, in the kubelet's words. */
export type Finding = string | undefined;

/** The target of a probe. */
export interface Target {
  readonly container: Container;
  readonly network: PodNetwork;
  readonly podIP: string;
}

/** Runs a probe once. A probe that the sandbox cannot run (exec, grpc) passes: see IMAGES.md. */
async function probeOnce(probe: Probe, target: Target): Promise<Finding> {
  // An HTTP deadline is real time: a loaded machine is not a slower cluster.
  // Prober and server share one process: a shorter time-out would only measure how busy this machine is.
  const timeout = Math.max(10, probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet) return httpGet(probe.httpGet, target, timeout);
  if (probe.tcpSocket) return tcpConnect(probe.tcpSocket.port, target, timeout);
  return undefined;
}

/** Sends the request of a probe or a hook to a real port of the pod. */
export function httpGet(get: HttpGet, target: Target, timeout: number): Promise<Finding> {
  const port = portNumber(get.port, target.container);
  const path = get.path ?? '/';
  const url = `http://${target.podIP}:${port ?? get.port}${path.startsWith('/') ? path : `/${path}`}`;
  const real = port === undefined ? undefined : target.network.get(port);
  if (real === undefined) return Promise.resolve(`Get "${url}": ${refused(target.podIP, port ?? get.port)}`);
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  return new Promise(resolve => {
    const call = request(
      {
        host: '127.0.0.1',
        port: real,
        path: path.startsWith('/') ? path : `/${path}`,
        agent: false,
        timeout,
        headers: { 'User-Agent': 'kube-probe/1.37', ...headers },
      },
      response => {
        response.resume();
        const { statusCode = 0 } = response;
        const passed = statusCode >= 200 && statusCode < 400;
        resolve(passed ? undefined : `HTTP probe failed with statuscode: ${statusCode}`);
      },
    );
    call.on('timeout', () => call.destroy(new Error('context deadline exceeded')));
    call.on('error', error => resolve(`Get "${url}": ${error.message}`));
    call.end();
  });
}

function tcpConnect(port: number | string, target: Target, timeout: number): Promise<Finding> {
  const number = portNumber(port, target.container);
  const real = number === undefined ? undefined : target.network.get(number);
  if (real === undefined) return Promise.resolve(refused(target.podIP, number ?? port));
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: real, timeout });
    const end = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.on('connect', () => end(undefined));
    socket.on('timeout', () => end(`dial tcp ${target.podIP}:${port}: i/o timeout`));
    socket.on('error', error => end(error.message));
  });
}

function refused(ip: string, port: number | string): string {
  return `dial tcp ${ip}:${port}: connect: connection refused`;
}

function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === 'number') return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort;
}

/** Callbacks of a running probe. */
export interface ProbeListener {
  /** The threshold of successes (`true`) or failures (`false`) is reached, again and again. */
  onVerdict(passes: boolean): void;
  /** One probe failed. */
  onFailure(why: string): void;
}

/** Probes from now on, the first time at once after initialDelaySeconds, until the signal is aborted. */
export async function runProbe(
  probe: Probe,
  run: { readonly target: Target; readonly clock: Clock; readonly signal: AbortSignal },
  listener: ProbeListener,
): Promise<void> {
  const { target, clock, signal } = run;
  let passed = 0;
  let failed = 0;
  await clock.sleep(probe.initialDelaySeconds ?? 0, signal);
  for (;;) {
    const why = await probeOnce(probe, target);
    signal.throwIfAborted();
    if (why === undefined) {
      passed += 1;
      failed = 0;
      if (passed >= (probe.successThreshold ?? 1)) listener.onVerdict(true);
    } else {
      passed = 0;
      failed += 1;
      listener.onFailure(why);
      if (failed >= (probe.failureThreshold ?? 3)) listener.onVerdict(false);
    }
    signal.throwIfAborted();
    await clock.sleep(probe.periodSeconds ?? 10, signal);
  }
}
