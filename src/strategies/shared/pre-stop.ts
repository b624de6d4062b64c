import type { Connection } from '../../cluster/live-cluster.js';
import { CutoverError } from '../../errors.js';
import type { RenderInputs } from '../../inputs/inputs.js';
import type { Log } from '../../log.js';

/** Kubernetes 1.x with the native preStop sleep switched on; older ones refuse the field. */
const firstWithSleep = 30;

/**
 * Seconds of the preStop sleep that the cluster can do; `undefined` for none. Throws `input` when a sleep was asked for
 * and the cluster is too old; where it is only the default, a warning says what is missing.
 */
export async function preStopFor(
  cluster: Pick<Connection, 'minor'>,
  inputs: Pick<RenderInputs, 'preStopSeconds' | 'preStopExplicit'>,
  log: Log,
): Promise<number | undefined> {
  const { preStopSeconds, preStopExplicit } = inputs;
  if (preStopSeconds === undefined) return undefined;
  const minor = await cluster.minor();
  if (minor === undefined || minor >= firstWithSleep) return preStopSeconds;
  const fact = `The native preStop sleep needs Kubernetes 1.${firstWithSleep}, and this cluster is 1.${minor}`;
  if (preStopExplicit) {
    throw new CutoverError(`Input "pre-stop" cannot be met: ${fact}`, {
      code: 'input',
      hint: 'Set `pre-stop: off`, and give the containers a preStop hook of their own or let the app serve on for some seconds after SIGTERM.',
    });
  }
  log.warning(
    `${fact}: pods without a preStop hook of their own may drop requests when they stop. Give them one, or let the app serve on after SIGTERM.`,
  );
  return undefined;
}
