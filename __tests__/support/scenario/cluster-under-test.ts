import type { Kube } from '../kube.js';
import type { Sandbox } from '../../../sandbox/sandbox.js';

/** The cluster that the scenarios run on: everything that they may use of it. */
export interface ClusterUnderTest {
  /** YAML with embedded credentials; its user is a cluster administrator. */
  readonly kubeconfig: string;
  /** A client that does not use the code under test. */
  readonly kube: Kube;
  /** Repositories of the images; e2e/README.md has their tags (`7`, `v1`, `broken`, …). */
  readonly images: { readonly tomcat: string; readonly site: string; readonly task: string };
  /** How fast the cluster is, and how much load it can take. */
  readonly pace: Pace;
  /** Public URL of a NodePort or LoadBalancer Service. Waits until it has an address. */
  publicUrl(namespace: string, service: string): Promise<string>;
  /** The embedded cluster's own functions, such as call counts and faults. `undefined` on a real cluster. */
  readonly sandbox?: Sandbox;
  close(): Promise<void>;
}

export interface Pace {
  /** Deadline in milliseconds for what the cluster does asynchronously. */
  readonly waitMs: number;
  /** Milliseconds between two looks of a test that waits. */
  readonly everyMs: number;
  /** Default of the steps' input `timeout`. */
  readonly timeout: string;
  /** When readiness probes are sent, and how long they wait for an answer, as a part of a YAML flow mapping. */
  readonly probe: string;
  /** Consecutive answers that prove where nodes route: a single one may be chance. */
  readonly inARow: number;
  /** Default load of one stream of users. */
  readonly users: Load;
  /** Load of the scenarios that test high load, and how many rounds they play. */
  readonly crowd: Load;
  readonly rounds: number;
  /** Whether a busy client has to rotate its source addresses 127.0.0.2–251, because the node tracks connections. */
  readonly rotateSource: boolean;
}

/**
 * How often pods are asked whether they are ready. Scenarios test what a deploy does to pods: with the default timeout of one
 * second, a machine that stalls for three seconds would remove every pod from its Service.
 */
export const probeEach = (seconds: number): string => `periodSeconds: ${seconds}, timeoutSeconds: 10`;

/** Requests per second: each on its own connection, and beside those on kept-alive connections. */
export interface Load {
  readonly perSecond: number;
  readonly keptAlive: { readonly connections: number; readonly perSecond: number };
}
