import type { Connection } from '../../cluster/live-cluster.js';
import { CutoverError } from '../../errors.js';
import type { RenderInputs } from '../../inputs/inputs.js';
import type { Log } from '../../log.js';

/** The first Kubernetes 1.x with the native preStop sleep enabled; older ones reject the field. */
const firstWithSleep = 30;

/**
 * Seconds of the preStop sleep; `undefined` for none. Throws `input` when a sleep was asked for and the cluster is too old
 * for it; where it is only the default, a warning is logged.
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
  if (preStopExplicit) throw tooOld(minor);
  log.warning(
    `${versionNeeded(minor)}: pods without a preStop hook of their own may drop requests when they stop. Give them one, or let the application serve on after SIGTERM.`,
  );
  return undefined;
}

function tooOld(minor: number): CutoverError {
  return new CutoverError(`Input "pre-stop" cannot be met: ${versionNeeded(minor)}`, {
    code: 'input',
    hint: 'Set `pre-stop: off`, and give the containers a preStop hook of their own or let the application serve on for some seconds after SIGTERM.',
  });
}

function versionNeeded(minor: number): string {
  return `The native preStop sleep needs Kubernetes 1.${firstWithSleep}, and this cluster is 1.${minor}`;
}
