import type { Kube } from '../kube.js';
import type { Sandbox } from '../../../sandbox/sandbox.js';

/** The cluster that the scenarios are played on. They know nothing else of it. */
export interface ClusterUnderTest {
  /** YAML, with everything in itself. Its user may do everything. */
  readonly kubeconfig: string;
  /** Looks at the cluster without the code under test. */
  readonly kube: Kube;
  /** Repositories of the images; e2e/README.md has their tags (`7`, `v1`, `broken`, …). */
  readonly images: { readonly tomcat: string; readonly site: string; readonly task: string };
  /** How fast things happen there, and how much of it the machine can bear. */
  readonly pace: Pace;
  /** Where users reach a NodePort or LoadBalancer Service. Waits until there is an address. */
  publicUrl(namespace: string, service: string): Promise<string>;
  /** What only an embedded cluster can do: count calls, make faults. `undefined` on a real one. */
  readonly sandbox?: Sandbox;
  close(): Promise<void>;
}

export interface Pace {
  /** Milliseconds after which a wait is given up for what the cluster does in its own time. */
  readonly patienceMs: number;
  /** The steps' input `timeout`, unless a scenario says otherwise. */
  readonly timeout: string;
  /** Seconds between two readiness probes of a pod. */
  readonly probeSeconds: number;
  /** Answers in a row that show where nodes lead: a single one may be luck. */
  readonly inARow: number;
  /** What one stream of users is, unless a scenario says otherwise. */
  readonly users: Load;
  /** What users are where a scenario is about their number, and how many rounds of it are played. */
  readonly crowd: Load;
  readonly rounds: number;
  /** Whether a busy client has to go round the addresses 127.0.0.2–251, as a node with connection tracking asks for. */
  readonly rotateSource: boolean;
}

/**
 * A line of a readiness probe. Scenarios are about what a deploy does to pods: at the default of one second, a machine that
 * stands still for three would take every pod out of its Service.
 */
export const patientProbe = 'timeoutSeconds: 10';

/** Requests a second: each on a connection of its own, and beside those on connections that are kept. */
export interface Load {
  readonly perSecond: number;
  readonly keptAlive: { readonly connections: number; readonly perSecond: number };
}
