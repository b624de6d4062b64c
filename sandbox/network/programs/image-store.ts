import type { Clock } from '../../controllers/clock.js';
import type { Note } from '../../controllers/cluster/events.js';
import type { Container } from '../../controllers/pod.js';
import type { Pulled } from './images.js';
import { pullImage } from './images.js';

/** Seconds that a pull takes, successful or not. */
const PULL = 0.3;
/** Seconds for which a failed pull is shown as such before the wait for the next one is. */
const SHOWN = 2;
/** Seconds before the next pull; later ones wait twice as long as the one before, at most MOST_BACK_OFF. */
const BACK_OFF = 10;
const MOST_BACK_OFF = 300;

/** Images that the node has already, by reference. */
export type ImageStore = Map<string, Image>;

export type Image = Extract<Pulled, { readonly kind: 'image' }>;

export interface PullTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly waiting: (reason: string, message?: string) => void;
  readonly note: (note: Omit<Note, 'container'>) => void;
}

/** The container's image, however long it takes: a failed pull is retried until the signal is aborted. */
export async function obtainImage(images: ImageStore, container: Container, tools: PullTools): Promise<Image> {
  const { clock, signal, note } = tools;
  const reference = container.image;
  const quoted = JSON.stringify(reference);
  const policy = container.imagePullPolicy ?? 'IfNotPresent';
  const present = images.get(reference);
  if (present && policy !== 'Always') {
    note({
      type: 'Normal',
      reason: 'Pulled',
      message: `Container image ${quoted} already present on machine and can be accessed by the pod`,
    });
    return present;
  }
  for (let wait = BACK_OFF; ; wait = Math.min(MOST_BACK_OFF, wait * 2)) {
    const answer = policy === 'Never' ? absent(reference) : await pull(reference, tools);
    if (answer.kind === 'image') {
      images.set(reference, answer);
      note({ type: 'Normal', reason: 'Pulled', message: `Successfully pulled image ${quoted} in ${PULL}s` });
      return answer;
    }
    const { reason, message } = answer;
    tools.waiting(reason, message);
    if (reason === 'ErrImageNeverPull') note({ type: 'Warning', reason, message });
    if (reason === 'InvalidImageName') note({ type: 'Warning', reason: 'InspectFailed', message });
    note({ type: 'Warning', reason: 'Failed', message: `Error: ${reason}` });
    if (reason === 'ErrImagePull') {
      note({ type: 'Warning', reason: 'Failed', message: `Failed to pull image ${quoted}: ${message}` });
      await clock.sleep(SHOWN, signal);
      tools.waiting('ImagePullBackOff', `Back-off pulling image ${quoted}: ErrImagePull: ${message}`);
      note({ type: 'Normal', reason: 'BackOff', message: `Back-off pulling image ${quoted}` });
      note({ type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff' });
    }
    await clock.sleep(wait, signal);
  }
}

interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
  readonly message: string;
}

async function pull(reference: string, { clock, signal, note }: PullTools): Promise<Image | Refused> {
  const answer = pullImage(reference);
  if (answer.kind === 'invalid') return { kind: 'refused', reason: 'InvalidImageName', message: answer.message };
  note({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${reference}"` });
  await clock.sleep(PULL, signal);
  return answer.kind === 'image' ? answer : { ...answer, reason: 'ErrImagePull' };
}

function absent(reference: string): Refused {
  const message = `Container image "${reference}" is not present with pull policy of Never`;
  return { kind: 'refused', reason: 'ErrImageNeverPull', message };
}
