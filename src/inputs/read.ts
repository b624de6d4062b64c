import type { Log } from '../log.js';
import { Answers } from './answers.js';
import { assemble, type Values } from './assemble.js';
import { checks } from './checks/checks.js';
import { refuseContradictions } from './contradictions.js';
import { duration } from './parse/durations.js';
import { images } from './parse/images.js';
import type { Inputs } from './inputs.js';
import { kubeconfigSecrets } from './parse/kubeconfig.js';
import { kustomizeTool } from './parse/kustomize.js';
import { entries, roles, secretNames } from './parse/lists.js';
import { isNone, podPart, podShare, replicas } from './parse/overrides.js';
import { mentionsPlaceholder } from './checks/placeholders.js';
import { idlePolicy, preStop } from './parse/policies.js';
import { recreate } from './parse/recreate.js';
import { loginSecrets, registryInputs, registrySecrets } from './parse/registry.js';
import { isGitHubRun, readCiRun, runNames } from './ci-run.js';
import { anything, dnsLabel, flag, integer, line, oneOf, revisionNumber, rolePattern } from './parse/scalars.js';
import { actionName, stepOf, strategyName } from './actions.js';
import { variables } from './parse/variables.js';

type Environment = Readonly<Record<string, string>>;

/**
 * Everything the user said, checked: the only reader of `INPUT_*` and `GITHUB_*`. Secrets are masked before anything else.
 *
 * @throws CutoverError `input` with every problem at once; `unavailable` when all of them only wait for a later version.
 */
export function readInputs({
  environment,
  log,
}: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}): Inputs {
  const answers = new Answers(environment);
  maskSecrets(answers, log);
  const own = withoutInputs(environment);
  const run = readCiRun(own);
  const values = parseAll(answers, { environment: own, run });
  for (const secret of values.registryLogins.flatMap(loginSecrets)) log.mask(secret);
  const step = stepOf(values);
  // Which inputs belong together can be told only once the step itself is clear.
  if (!answers.isRefused('action') && !answers.isRefused('strategy')) {
    answers.refuseMeaningless(step, values.action === 'plan' ? 'plan' : 'deploy');
    refuseContradictions(answers, {
      step,
      isGiven: name => answers.raw(name) !== undefined,
      strategy: values.strategy,
      switch: values.switch,
      substitution: values.substitution,
      checks: values.verify ?? [],
      neverReplaces: isNone(values.maxSurge) && isNone(values.maxUnavailable),
      timeoutMs: values.timeoutMs,
      stableForMs: values.stableForMs,
      inGitHubRun: isGitHubRun(run),
    });
  }
  answers.throwIfRefused();
  return assemble(step, values);
}

function maskSecrets(answers: Answers, log: Log): void {
  const kubeconfig = answers.raw('kubeconfig');
  const secrets = [
    ...(kubeconfig === undefined ? [] : kubeconfigSecrets(kubeconfig)),
    answers.raw('token'),
    ...registrySecrets(answers.raw('registry-credentials') ?? ''),
  ];
  for (const secret of secrets) if (secret !== undefined) log.mask(secret);
}

/** The environment that manifests and checks may use: the step's own inputs, secrets among them, are not in it. */
function withoutInputs(environment: Readonly<Record<string, string | undefined>>): Environment {
  const own = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('INPUT_'),
  );
  return Object.fromEntries(own);
}

/** Every input, whatever the action: a wrong value is told even where the action is wrong too. */
function parseAll(answers: Answers, { environment, run }: Pick<Values, 'environment' | 'run'>): Values {
  const given = answers.optional('variables', variables);
  // Not from the environment: checks are recorded with the revision, and the environment may hold secrets.
  const names = { ...runNames(run), ...given };
  // Variables that could not be read would make every check that uses one look wrong.
  const readable = !answers.isRefused('variables') || !mentionsPlaceholder(answers.raw('verify') ?? '');
  return {
    action: answers.settled('action', actionName),
    strategy: answers.settled('strategy', strategyName),
    manifests: answers.optional('manifests', entries) ?? [],
    kustomize: kustomizeTool(environment),
    variables: given ?? {},
    substitution: answers.settled('substitution', oneOf('on', 'strict-only', 'off')),
    images: answers.optional('images', images) ?? [],
    namespace: answers.optional('namespace', dnsLabel()),
    createNamespace: answers.settled('create-namespace', flag),
    kubeconfig: answers.optional('kubeconfig', anything),
    context: answers.optional('context', line),
    release: answers.optional('release', dnsLabel({ longest: 40 })),
    service: answers.optional('service', dnsLabel()),
    testService: answers.optional('test-service', rolePattern),
    roles: answers.settled('roles', roles),
    switch: answers.settled('switch', oneOf('manual', 'auto')),
    verify: readable ? answers.optional('verify', checks(names)) : undefined,
    idlePolicy: answers.settled('idle', idlePolicy),
    drainMs: answers.settled('drain', duration()),
    preStop: answers.settled('pre-stop', preStop),
    approval: answers.optional('approval', line),
    timeoutMs: answers.settled('timeout', duration({ atLeastMs: 1 })),
    stableForMs: answers.settled('steady', duration()),
    rollbackOnFailure: answers.settled('rollback-on-failure', flag),
    lint: answers.settled('lint', oneOf('error', 'warn', 'off')),
    to: answers.optional('to', revisionNumber),
    revision: answers.optional('revision', revisionNumber),
    // Two: the revision that is live, and the one to go back to.
    historyLimit: answers.settled('history', integer({ min: 2, max: 100 })),
    forceConflicts: answers.settled('force-conflicts', flag),
    recreate: answers.settled('recreate', recreate),
    replicas: answers.optional('replicas', replicas),
    maxSurge: answers.optional('max-surge', podShare),
    maxUnavailable: answers.optional('max-unavailable', podPart),
    imagePullSecrets: answers.optional('imagepullsecrets', secretNames),
    ...registryInputs(answers, environment),
    token: answers.optional('token', line),
    run,
    environment,
  };
}
