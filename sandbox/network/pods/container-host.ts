import type { Clock } from '../../controllers/clock.js';
import type { Note } from '../../controllers/cluster/events.js';
import type { Container } from '../../controllers/pod.js';
import type { ImageStore } from '../programs/image-store.js';
import type { PodNetwork } from './process.js';

/** What a container needs of the pod and the node around it. */
export interface ContainerHost {
  readonly clock: Clock;
  readonly images: ImageStore;
  readonly network: PodNetwork;
  readonly hostname: string;
  readonly podIP: string;
  /** `web-1_shop(uid)`, as the kubelet names the pod in messages. */
  readonly podTitle: string;
  /** Kubernetes seconds between SIGTERM and SIGKILL when a probe ends the container. */
  readonly gracePeriodSeconds: number;
  /** Throws ConfigError while something it refers to is missing. */
  environment(container: Container): Readonly<Record<string, string>>;
  note(note: Note): void;
  /** Called when the container's status changes. */
  changed(): void;
}
