import type { Roles } from '../inputs/inputs.js';
import type { KubeObject } from '../kubernetes/object.js';
import type { ObjectWriter } from '../cluster/cluster.js';
import type { Snapshot } from '../plan/change.js';
import type { Active, PodLabels } from './active-role.js';

/** One pod that users should, or should not, reach. */
export interface PodName {
  readonly name: string;
}

/** The two roles of a release, and the labels that distinguish their pods. */
export interface RolePods {
  readonly roles: Roles;
  readonly podLabels: PodLabels;
}

/** What the routing object said when it was read. */
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

/** How long to wait until the endpoints follow, and what ends the wait early. */
export interface ConfirmOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Decides which pods users reach. `set` and `confirm` are separate calls. `read` returns the snapshot for `restore`, so
 * that it can be recorded before `set`.
 */
export interface TrafficRouter {
  /** Reads which role users reach. Throws `roles` when it cannot tell; it never guesses. */
  read(roles: RolePods): Promise<LiveTraffic>;
  /** Ready pods that users reach through this version of the routing object. `undefined`: it does not exist; no pods. */
  readyPods(object: KubeObject | undefined): Promise<readonly KubeObject[]>;
  /** Sends all users to the target by one write. Throws `moved` when the routing object changed since `before` was read. */
  set(target: TrafficTarget, before: Snapshot, writer: ObjectWriter): Promise<void>;
  /** Whether users are sent to the target now; for a `set` whose answer was lost. */
  isSetTo(target: TrafficTarget): Promise<boolean>;
  /** Waits until users reach all of these pods and no others. Throws `switch` at the deadline. */
  confirm(pods: readonly PodName[], options: ConfirmOptions): Promise<void>;
  /** Sends users where they were. Throws when that was not possible. */
  restore(before: Snapshot, writer: ObjectWriter): Promise<void>;
}
