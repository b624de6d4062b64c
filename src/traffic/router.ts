import type { Roles } from '../inputs/inputs.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Labels } from '../kubernetes/selectors.js';
import type { ObjectWriter } from '../cluster/cluster.js';
import type { Snapshot } from '../plan/change.js';
import type { Active, PodLabels } from './active-role.js';
import type { Look, LookRequest } from './look.js';
import type { WorkloadPods } from './served-pods.js';

/** The two roles of a release, and the labels that distinguish their pods. */
export interface RolePods {
  readonly roles: Roles;
  readonly podLabels: PodLabels;
}

/** What a routing object said when it was read. */
export interface LiveTraffic {
  readonly active: Active;
  /** The routing object as it was read: what a switch is conditional on, and what it is restored to. */
  readonly before: Snapshot;
}

/** Where a router is to send users. */
export interface TrafficTarget {
  /** The routing object with the role as its destination, as it is applied. */
  readonly object: KubeObject;
  /** Whether to take fields over from other field managers. */
  readonly force: boolean;
}

/** Which pods users should reach, by identity. */
export interface ExpectedPods {
  /** The routing object as it was written: the pods that it selects are watched. */
  readonly object: KubeObject;
  /** The workloads of these pods. Absent: all pods that it selects, at least one. */
  readonly workloads?: readonly WorkloadPods[];
  /** Labels of pods that users may reach beside those of the workloads. Absent: there are none. */
  readonly beside?: readonly Labels[];
}

/** How long to wait, and what ends the wait early. */
export interface ConfirmOptions {
  /** How long the cluster may take to follow the write. */
  readonly timeoutMs: number;
  /** How long pods that are replaced meanwhile may take to be ready, once the cluster has followed. Default: `timeoutMs`. */
  readonly readyTimeoutMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Decides which pods users reach, by one routing object for each public Service. `set` and `confirm` are separate calls. `read` returns the snapshot for `restore`, so
 * that it can be recorded before `set`.
 */
export interface TrafficRouter {
  /** Reads which role users of the public Service reach. Throws `roles` when it cannot tell; it never guesses. */
  read(service: ObjectRef, roles: RolePods): Promise<LiveTraffic>;
  /** Ready pods that users reach through this version of the routing object. `undefined`: it does not exist; no pods. */
  readyPods(object: KubeObject | undefined): Promise<readonly KubeObject[]>;
  /** One look at what users would reach through the targets. Throws `changed` when a workload is not what was verified. */
  look(request: LookRequest): Promise<Look>;
  /** Sends all users to the target by one write. Throws `moved` when the routing object changed since `before` was read. */
  set(target: TrafficTarget, before: Snapshot, writer: ObjectWriter): Promise<void>;
  /** Whether users are sent where this version of the routing object sends them; for a `set` whose answer was lost. */
  isSetTo(object: KubeObject): Promise<boolean>;
  /**
   * Waits until users reach the expected pods that are ready, enough of them, and no others; resolves with those pods. Throws
   * `switch` at the deadline, naming the pods that are missing or foreign.
   */
  confirm(expected: ExpectedPods, options: ConfirmOptions): Promise<readonly KubeObject[]>;
  /** Sends users where they were. Throws when that was not possible. */
  restore(before: Snapshot, writer: ObjectWriter): Promise<void>;
}
