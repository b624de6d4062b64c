import type { Log } from '../log.js';
import { actionOf } from './actions.js';
import { assemble } from './assemble.js';
import { mentionsPlaceholder } from './checks/placeholders.js';
import { isGitHubRun, readCiJob, readCiRun, runNames } from './ci-run.js';
import { refuseContradictions } from './contradictions.js';
import type { CiRun, Inputs } from './inputs.js';
import { readDockerLogin } from './parse/docker-login.js';
import { ownEnvironment } from './own-environment.js';
import { kubeconfigSecrets } from './parse/kubeconfig.js';
import { kustomizeTool } from './parse/kustomize.js';
import { loginSecrets, registrySecrets } from './parse/registry.js';
import { ReceivedInputs } from './received-inputs.js';
import { inputNames } from './table.js';
import type { Values } from './values.js';

/**
 * The inputs of the step, parsed and checked: the only reader of `INPUT_*` and `GITHUB_*`. Secrets are masked before
 * anything else.
 *
 * @throws CutoverError `input` that lists every problem.
 */
export function readInputs({
  environment,
  log,
}: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}): Inputs {
  const received = new ReceivedInputs(environment);
  maskSecrets(received, log);
  const own = ownEnvironment(environment);
  const run = readCiRun(own);
  const values = parseValues(received, run);
  // Actions that render nothing pull no image; credentials that were refused are not replaced by others.
  const needsLogin = received.isSet('manifests') && !received.isSet('registry-credentials');
  const dockerLogin = needsLogin ? readDockerLogin(own) : undefined;
  const registryLogins = values['registry-credentials'] ?? dockerLogin?.logins ?? [];
  for (const secret of registryLogins.flatMap(loginSecrets)) log.mask(secret);
  const action = actionOf(values);
  // Which inputs fit together depends on the action.
  if (!received.isRefused('action') && !received.isRefused('strategy')) {
    received.refuseInputsOfOtherActions(action, values.action === 'plan' ? 'plan' : 'deploy');
    refuseContradictions(received, { action, values, received, dockerLogin, inGitHubRun: isGitHubRun(run) });
  }
  received.throwIfRefused();
  return assemble(action, {
    values,
    run,
    job: readCiJob(environment),
    environment: own,
    kustomize: kustomizeTool(own),
    registryLogins,
    isStrategySet: received.isSet('strategy'),
  });
}

function maskSecrets(received: ReceivedInputs, log: Log): void {
  const secrets = [
    ...kubeconfigSecrets(received.raw('kubeconfig') ?? ''),
    received.raw('token'),
    ...registrySecrets(received.raw('registry-credentials') ?? ''),
  ];
  for (const secret of secrets) if (secret !== undefined) log.mask(secret);
}

/** Every input, whatever the action: a wrong value is reported even where the action is wrong too. */
function parseValues(received: ReceivedInputs, run: CiRun): Values {
  const values = new Map<string, unknown>();
  for (const name of inputNames) {
    // Variables that cannot be read would make every check that uses one look wrong.
    const isFilled = name === 'verify' || name === 'synthetic-traffic';
    const isUnreadable = isFilled && received.isRefused('variables') && mentionsPlaceholder(received.raw(name) ?? '');
    const checkVariables = { ...runNames(run), ...(values.get('variables') as Values['variables'] | undefined) };
    values.set(name, isUnreadable ? undefined : received.parse(name, { checkVariables }));
  }
  return Object.fromEntries(values) as Values;
}
